//! Reports as text for people. Pure: a report and a [`Theme`](super::theme::Theme) in, text out.

pub(super) mod audit;
pub(super) mod blame;
mod causes;
pub(super) mod checkout;
pub(super) mod commit;
mod configs;
pub(super) mod diff;
pub(super) mod env;
pub(super) mod exchange;
pub(super) mod gc;
mod graph;
pub(super) mod html;
pub(super) mod lists;
pub(super) mod log;
pub(super) mod markdown;
mod packages;
pub(super) mod pins;
pub(super) mod problems;
pub(super) mod screen;
pub(super) mod secrets;
pub(super) mod show;
pub(super) mod signatures;
pub(super) mod status;
#[cfg(test)]
pub(super) mod testing;
pub(super) mod undo;
pub(super) mod verify;
pub(super) mod why;

pub(super) use packages::list as package_list;

use super::theme::{Theme, paint};

/// `13,021`.
pub(super) fn count(number: u64) -> String {
    crate::snapshot::finding::thousands(number)
}

/// `1 file`, `13,021 files`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// `44.2 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be shown as 1024.0 is one of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `  +44.2 MiB`, `  -1.0 KiB`, in colour; nothing where the size is the same.
fn grown(before: u64, after: u64, theme: &Theme) -> String {
    let style = if after > before { theme.added } else { theme.removed };
    match growth(before, after) {
        text if text.is_empty() => text,
        text => format!("  {}", paint(style, text)),
    }
}

/// `+44.2 MiB`, `-1.0 KiB`; nothing where the size is the same.
fn growth(before: u64, after: u64) -> String {
    match after.cmp(&before) {
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!("+{}", size(after - before)),
        std::cmp::Ordering::Less => format!("-{}", size(before - after)),
    }
}

/// How wide text is on a terminal, near enough: one column a character.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// Text with spaces behind it.
fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(
            [0, 999, 1000, 13_021, 1_234_567].map(count).join(" "),
            "0 999 1,000 13,021 1,234,567"
        );
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(1000, "file"), "1,000 files");
        let sizes = [0, 1023, 1024, 46_347_059, (1 << 20) - 1, 3 << 40].map(size);
        assert_eq!(sizes.join(", "), "0 B, 1023 B, 1.0 KiB, 44.2 MiB, 1.0 MiB, 3.0 TiB");
    }
}
