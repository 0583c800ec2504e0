//! Numbers as people read them.

/// `12,345`.
pub(in crate::cli) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `12,345 files`.
pub(in crate::cli) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `44.2 MiB`.
pub(in crate::cli) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `+44.2 MiB`, `-1.0 KiB`, `±0 B`.
pub(in crate::cli) fn growth(added: u64, removed: u64) -> String {
    match added.cmp(&removed) {
        std::cmp::Ordering::Greater => format!("+{}", size(added - removed)),
        std::cmp::Ordering::Less => format!("-{}", size(removed - added)),
        std::cmp::Ordering::Equal => "±0 B".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1023, 1024, 46_347_059].map(size),
            ["0 B", "1023 B", "1.0 KiB", "44.2 MiB"]
        );
        assert_eq!(size(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(
            (growth(2048, 0), growth(0, 10), growth(5, 5)),
            ("+2.0 KiB".into(), "-10 B".into(), "±0 B".into())
        );
    }
}
