//! Changes of config files: by record where the format is known, else as unified diffs.

use super::diff::Configs;
use super::{count, counted};
use crate::cli::theme::{Theme, paint};
use crate::snapshot::change::{ChangeKind, ConfigChange};
use crate::snapshot::records::{ConfigMeaning, ConfigNote, ConfigSide, RecordChange, RecordChanges};

/// How many records of a file are shown before the rest is counted.
const SHOWN: usize = 20;
/// How many duplicate keys of a file are named before the rest is counted.
const NAMED: usize = 3;
/// How wide keys may be, in columns, and how wide what is said of values may be.
const KEY: usize = 48;
const VALUES: usize = 96;

/// The config files of a root, as they were asked for.
pub(super) fn configs(configs: &[ConfigChange], how: Configs, theme: &Theme) -> String {
    match how {
        Configs::Hidden => String::new(),
        Configs::Names => names(configs, theme),
        Configs::Records { all } => configs.iter().map(|config| meaning(config, all, theme)).collect(),
        Configs::Diffs => configs.iter().map(|config| text(config, theme)).collect(),
    }
}

fn names(configs: &[ConfigChange], theme: &Theme) -> String {
    let names = configs.iter().map(|config| columns(&config.path.to_string()));
    let widest = names.max().unwrap_or(0);
    let line = |config: &ConfigChange| {
        let (letter, style) = letter(config.change, theme);
        let lines = |sign: char, header: &str| {
            let is = |line: &&str| line.starts_with(sign) && !line.starts_with(header);
            config.diff.lines().filter(is).count()
        };
        format!(
            "  {}  {} {}\n",
            paint(
                style,
                format_args!("{letter} {}", padded(&config.path.to_string(), widest))
            ),
            paint(theme.added, format_args!("+{}", lines('+', "+++ "))),
            paint(theme.removed, format_args!("-{}", lines('-', "--- "))),
        )
    };
    configs.iter().map(line).collect()
}

/// The unified diff.
fn text(config: &ConfigChange, theme: &Theme) -> String {
    let mut text = String::new();
    for (index, line) in config.diff.split_inclusive('\n').enumerate() {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let style = match line.as_bytes().first() {
            _ if index < 2 => theme.title,
            Some(b'@') => theme.aside,
            Some(b'+') => theme.added,
            Some(b'-') => theme.removed,
            _ => anstyle::Style::new(),
        };
        text.push_str(&paint(style, theme.foreign(line)));
        text.push_str(end);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The name, then the records; where there are none to tell apart, why, and the text.
fn meaning(config: &ConfigChange, all: bool, theme: &Theme) -> String {
    let (letter, style) = letter(config.change, theme);
    let name = format!("  {}", paint(style, format_args!("{letter} {}", config.path)));
    match &config.meaning {
        ConfigMeaning::Text { why: None } => text(config, theme),
        ConfigMeaning::Text { why: Some(why) } => {
            let why = one_line(why);
            let why = paint(theme.dim, format_args!("as text: {}", theme.foreign(&why)));
            format!("{name}  {why}\n{}", text(config, theme))
        }
        ConfigMeaning::Records(records) => {
            let told = match records.changes.is_empty() {
                true => format!("  {}", paint(theme.dim, only(&records.notes))),
                false => String::new(),
            };
            format!(
                "{name}{told}\n{}{}",
                changes(records, all, theme),
                notes(records, theme)
            )
        }
    }
}

/// The change as lines that begin with `+`, `-` or a blank, for pages and Markdown: by record where the format is
/// known, else those of the unified diff.
pub(super) fn lines(config: &ConfigChange) -> Vec<String> {
    let ConfigMeaning::Records(records) = &config.meaning else {
        return config.diff.lines().skip(2).map(str::to_owned).collect();
    };
    if records.changes.is_empty() {
        return vec![format!(" {}", only(&records.notes))];
    }
    let side = |sign: char, change: &RecordChange, value: &Option<String>| {
        let value = one_line(value.as_deref()?);
        let separator = if value.is_empty() { "" } else { ": " };
        Some(format!("{sign} {}{separator}{value}", one_line(&change.key)))
    };
    let both = |change: &RecordChange| [side('-', change, &change.from), side('+', change, &change.to)];
    records.changes.iter().flat_map(both).flatten().collect()
}

fn changes(records: &RecordChanges, all: bool, theme: &Theme) -> String {
    let total = records.changes.len();
    // One more line is no longer than to say that there is one.
    let shown = if all || total <= SHOWN + 1 { total } else { SHOWN };
    let keys: Vec<String> = records.changes[..shown]
        .iter()
        .map(|change| cut_in_the_middle(&one_line(&change.key), KEY))
        .collect();
    let widest = keys.iter().map(|key| columns(key)).max().unwrap_or(0);
    let mut text = String::new();
    for (change, key) in records.changes.iter().zip(keys) {
        let (sign, style) = match change.change {
            ChangeKind::Added => ('+', theme.added),
            ChangeKind::Removed => ('-', theme.removed),
            ChangeKind::Changed => ('~', theme.changed),
        };
        let values = values(change, theme);
        let key = if values.is_empty() { key } else { padded(&key, widest) };
        let key = paint(style, format_args!("{sign} {}", theme.foreign(&key)));
        let gap = if values.is_empty() { "" } else { "  " };
        text.push_str(&format!("      {key}{gap}{values}\n"));
    }
    if shown < total {
        let more = format!(
            "and {} more (-v lists all, --text shows the text)",
            count((total - shown) as u64)
        );
        text.push_str(&format!("      {}\n", paint(theme.dim, more)));
    }
    text
}

/// What a record is, was, or was and is.
fn values(change: &RecordChange, theme: &Theme) -> String {
    let from = change.from.as_deref().map(one_line);
    let to = change.to.as_deref().map(one_line);
    match (from, to) {
        (Some(from), Some(to)) => {
            let differs = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count();
            let side = |value: &str| match value {
                "" => paint(theme.dim, "(nothing)"),
                value => theme.foreign(&cut_around(value, differs, VALUES / 2)).into_owned(),
            };
            format!("{} → {}", side(&from), side(&to))
        }
        (from, to) => {
            let value = from.or(to).unwrap_or_default();
            theme.foreign(&cut_around(&value, 0, VALUES)).into_owned()
        }
    }
}

/// What is to be said after the records.
fn notes(records: &RecordChanges, theme: &Theme) -> String {
    let mut lines = Vec::new();
    let also: Vec<&str> = records.notes.iter().filter_map(word).collect();
    if !records.changes.is_empty() && !also.is_empty() {
        lines.push(format!("also: {}", listed(&also)));
    }
    let duplicates: Vec<(&str, ConfigSide)> = records
        .notes
        .iter()
        .filter_map(|note| match note {
            ConfigNote::DuplicateKey { key, side } => Some((key.as_str(), *side)),
            _ => None,
        })
        .collect();
    for (key, side) in duplicates.iter().take(NAMED) {
        let place = match side {
            ConfigSide::From => "was there twice, the last one counted",
            ConfigSide::To => "is there twice now, the last one counts",
            ConfigSide::Both => "is there twice, the last one counts",
        };
        let key = cut_in_the_middle(&one_line(key), KEY);
        lines.push(format!("{} {place}", theme.foreign(&key)));
    }
    if let Some(more @ 1..) = duplicates.len().checked_sub(NAMED) {
        lines.push(format!("and {} more", counted(more as u64, "duplicate key")));
    }
    let line = |line: String| format!("      {}\n", paint(theme.dim, line));
    lines.into_iter().map(line).collect()
}

/// `order only`, `comments and formatting only`.
fn only(notes: &[ConfigNote]) -> String {
    let mut words: Vec<&str> = notes.iter().filter_map(word).collect();
    if words.is_empty() {
        return "nothing in it".to_owned();
    }
    if notes.contains(&ConfigNote::Comments) {
        words.push("formatting");
    }
    format!("{} only", listed(&words))
}

fn word(note: &ConfigNote) -> Option<&'static str> {
    Some(match note {
        ConfigNote::Order => "order",
        ConfigNote::Comments => "comments",
        ConfigNote::Formatting => "formatting",
        ConfigNote::LineEndings => "line endings",
        ConfigNote::ByteOrderMark => "byte order mark",
        ConfigNote::Overruled => "overruled duplicates",
        ConfigNote::DuplicateKey { .. } => return None,
    })
}

/// `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn letter(change: ChangeKind, theme: &Theme) -> (char, anstyle::Style) {
    match change {
        ChangeKind::Added => ('A', theme.added),
        ChangeKind::Removed => ('D', theme.removed),
        ChangeKind::Changed => ('M', theme.changed),
    }
}

/// The text without what would begin a new line or leave the column.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}

/// The part of a text that holds the character at `at`, in so many columns.
fn cut_around(text: &str, at: usize, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    // A little of what is before shows where it is.
    let lead = limit / 3;
    let skipped = at.saturating_sub(lead);
    let skipped = if skipped <= 1 { 0 } else { skipped };
    let head = if skipped > 0 { "…" } else { "" };
    let rest: String = text.chars().skip(skipped).collect();
    let left = limit - columns(head);
    if columns(&rest) <= left {
        return format!("{head}{rest}");
    }
    format!("{head}{}…", prefix(&rest, left - 1))
}

fn cut_in_the_middle(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let backwards: String = text.chars().rev().collect();
    let end: String = prefix(&backwards, limit / 2).chars().rev().collect();
    format!("{}…{end}", prefix(text, limit - limit / 2 - 1))
}

/// What of the start fits into so many columns.
fn prefix(text: &str, limit: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += column(*c);
        used <= limit
    };
    text.chars().take_while(fits).collect()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// How wide text is on a terminal, near enough.
fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

/// Chinese, Japanese and Korean characters take two columns, and so do most emoji.
fn column(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare;
    use crate::snapshot::path::RelPath;

    const SOME: Configs = Configs::Records { all: false };

    /// What is shown of one file that changed.
    fn shown(name: &str, from: &str, to: &str, how: Configs) -> String {
        let path = RelPath::new(name).unwrap();
        let change = compare::config(&path, Some(from.as_bytes()), Some(to.as_bytes())).unwrap();
        configs(&[change], how, &Theme::plain())
    }

    #[test]
    fn records_stand_in_columns() {
        let from = "{\"重庆\": 1}\n{\"弦\": \"<|IAN2|>\"}\n{\"abc\": [1, 2]}\n{\"弦\": \"<|IAN3|>\"}\n";
        let to = "{\"弦\": \"<|IAN1|>\"}\n{\"重庆\": 1}\n{\"银行\": {\"a\": null}}\n";
        insta::assert_snapshot!(shown("a.jsonl", from, to, SOME), @r#"
        M a.jsonl
            ~ "弦"    "<|IAN3|>" → "<|IAN1|>"
            - abc     [1, 2]
            + "银行"  {"a": null}
            also: order and overruled duplicates
            "弦" was there twice, the last one counted
        "#);
    }

    #[test]
    fn what_is_not_meaning_is_said_beside_the_name() {
        let all = [
            shown("a.yaml", "a: 1 # x\nb: 1\n", "b:  1\na: 1\n", SOME),
            shown("b.yaml", "a: 1 # x\n", "a: 1\n", SOME),
            shown("c.json", "{}", "{ }", SOME),
            shown("d.json", "{\"a\":1,\"a\":1}", "{\"a\":1, \"a\":1}", SOME),
            shown("e.json", "{\"a\":1,}", "{\"a\":1}", SOME),
            shown("f.sh", "a\n", "b\n", SOME),
        ];
        insta::assert_snapshot!(all.concat(), @r#"
          M a.yaml  order, comments and formatting only
          M b.yaml  comments and formatting only
          M c.json  formatting only
          M d.json  formatting only
              a is there twice, the last one counts
          M e.json  as text: the older text does not read as JSON: trailing comma at line 1 column 8
        --- a/e.json
        +++ b/e.json
        @@ -1 +1 @@
        -{"a":1,}
        \ No newline at end of file
        +{"a":1}
        \ No newline at end of file
        --- a/f.sh
        +++ b/f.sh
        @@ -1 +1 @@
        -a
        +b
        "#);
    }

    #[test]
    fn much_is_counted_unless_all_is_asked_for() {
        let lines = |upto: usize| (0..upto).map(|n| format!("K{n}={n}\n")).collect::<String>();
        let count = |upto, how| shown(".env", "", &lines(upto), how).lines().count();
        assert_eq!(count(20, SOME), 1 + 20);
        assert_eq!(count(21, SOME), 1 + 21);
        assert_eq!(count(22, SOME), 1 + 20 + 1);
        assert_eq!(count(22, Configs::Records { all: true }), 1 + 22);
        let text = shown(".env", "", &lines(1020), SOME);
        assert!(
            text.ends_with("      + K19  19\n      and 1,000 more (-v lists all, --text shows the text)\n"),
            "{text}"
        );
        let twice = |n: usize| format!("{{{}\"a\":1}}", format!("\"k{n}\":1,").repeat(2));
        let duplicates: String = (0..5).map(|n| twice(n) + "\n").collect();
        let text = shown("a.jsonl", "", &duplicates, SOME);
        assert!(text.ends_with("      and 2 duplicate keys more\n"), "{text}");
    }

    #[test]
    fn of_long_values_the_difference_is_shown() {
        let value = |end: &str| {
            format!(
                "{{\"{}\": \"{}{end}{}\"}}",
                "key".repeat(40),
                "重".repeat(90),
                "x".repeat(90)
            )
        };
        let text = shown("a.json", &value("A"), &value("B"), SOME);
        insta::assert_snapshot!(text, @"
        M a.json
            ~ keykeykeykeykeykeykeyke…keykeykeykeykeykeykeykey  …重重重重重重重重重重重重重重重重Axxxxxxxxxxxxx… → …重重重重重重重重重重重重重重重重Bxxxxxxxxxxxxx…
        ");
        for line in text.lines() {
            assert!(columns(line) <= 8 + KEY + 2 + VALUES + 3, "{line}");
        }
    }

    #[test]
    fn text_is_shown_where_it_is_asked_for() {
        insta::assert_snapshot!(shown("a.json", "{\"a\": 1}\n", "{\"a\": 2}\n", Configs::Diffs), @r#"
        --- a/a.json
        +++ b/a.json
        @@ -1 +1 @@
        -{"a": 1}
        +{"a": 2}
        "#);
    }

    #[test]
    fn foreign_text_can_neither_draw_nor_begin_a_line() {
        let path = RelPath::new("requirements.txt").unwrap();
        let bytes = "a\u{1b}[2J ==1\tb\u{9b}2J\n--x \u{1b}]0;x\u{7}\n";
        let change = compare::config(&path, None, Some(bytes.as_bytes())).unwrap();
        let text = configs(std::slice::from_ref(&change), SOME, &Theme::color());
        for bad in ["\u{1b}[2J", "\u{9b}", "\u{1b}]", "\u{7}", "\t"] {
            assert!(!text.contains(bad), "{text:?}");
        }
        assert_eq!(text.lines().count(), 3, "{text:?}");
        let json = RelPath::new("a.json").unwrap();
        let change = compare::config(&json, None, Some("{\"a\\n\u{9b}\": \"b\\n\u{9b}\"}".as_bytes())).unwrap();
        let text = configs(&[change], SOME, &Theme::color());
        assert!(!text.contains('\u{9b}') && text.lines().count() == 2, "{text:?}");
    }
}
