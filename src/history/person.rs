//! Who did something, and when, in the words of git.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A name with an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

/// A moment with the offset of the clock that told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Seconds east of Greenwich.
    pub offset: i32,
}

impl Time {
    /// As a date of that clock, or of Greenwich where the offset makes no sense.
    pub fn to_zoned(self) -> Option<jiff::Zoned> {
        let zone = jiff::tz::Offset::from_seconds(self.offset).unwrap_or(jiff::tz::Offset::UTC);
        let moment = jiff::Timestamp::from_second(self.seconds).ok()?;
        Some(moment.to_zoned(zone.to_time_zone()))
    }

    /// RFC 3339: `2026-11-01T10:00:00+08:00`.
    pub fn rfc3339(self) -> String {
        match self.to_zoned() {
            Some(zoned) => zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            None => self.to_string(),
        }
    }
}

impl From<&jiff::Zoned> for Time {
    fn from(moment: &jiff::Zoned) -> Self {
        Self {
            seconds: moment.timestamp().as_second(),
            offset: moment.offset().seconds(),
        }
    }
}

/// As git writes it: `1700000000 +0800`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs() / 60;
        write!(
            f,
            "{} {sign}{:02}{:02}",
            self.seconds.max(0),
            minutes / 60,
            minutes % 60
        )
    }
}

/// As git writes it: `Name <address>`, without what would break the line.
impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = clean(&self.name);
        let name = if name.is_empty() { "unknown" } else { &name };
        write!(f, "{name} <{}>", clean(&self.email))
    }
}

/// Removes what git removes: brackets and control characters everywhere, punctuation and spaces at the ends.
fn clean(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '<' | '>'))
        .collect();
    let crud = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'');
    plain.trim_matches(crud).to_owned()
}

/// The `user.name` and `user.email` of a git configuration file, where it has them. A file that is missing or that git
/// could not read has none.
pub fn git_identity(file: &Path) -> (Option<String>, Option<String>) {
    let Ok(config) = gix::config::File::from_path_no_includes(file.to_owned(), gix::config::Source::User) else {
        return (None, None);
    };
    let text = |key: &str| {
        let value = config.string(key)?.to_string();
        (!value.trim().is_empty()).then_some(value)
    };
    (text("user.name"), text("user.email"))
}

/// Reads `Name <address> seconds offset`.
pub(super) fn parse_signature(line: &[u8]) -> Option<(Person, Time)> {
    let open = line.iter().position(|b| *b == b'<')?;
    let close = line.iter().rposition(|b| *b == b'>')?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let person = Person {
        name: text(&line[..open]),
        email: text(line.get(open + 1..close)?),
    };
    let time = std::str::from_utf8(&line[close + 1..]).ok()?;
    let mut fields = time.split_ascii_whitespace();
    let seconds = fields.next()?.parse().ok()?;
    Some((
        person,
        Time {
            seconds,
            offset: fields.next().and_then(parse_offset).unwrap_or(0),
        },
    ))
}

fn parse_offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let value: i32 = digits.parse().ok().filter(|value| (0..10_000).contains(value))?;
    Some(sign * (value / 100 * 3600 + value % 100 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_round_trip() {
        let person = Person {
            name: "Zoë Müller".into(),
            email: "zoe@example.com".into(),
        };
        for offset in [0, 8 * 3600, -(5 * 3600 + 1800)] {
            let time = Time {
                seconds: 1_700_000_000,
                offset,
            };
            let line = format!("{person} {time}");
            assert_eq!(parse_signature(line.as_bytes()), Some((person.clone(), time)), "{line}");
        }
    }

    #[test]
    fn a_hostile_name_stays_on_its_line() {
        let person = Person {
            name: "  A<b>\nc. ".into(),
            email: "x>\0y".into(),
        };
        assert_eq!(person.to_string(), "Abc <xy>");
        let nobody = Person {
            name: " .".into(),
            email: String::new(),
        };
        assert_eq!(nobody.to_string(), "unknown <>");
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        for bad in ["", "a", "a <b", "a> <b", "a <b>", "a <b> x +0000"] {
            assert_eq!(parse_signature(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_date_keeps_its_clock() {
        let zoned: jiff::Zoned = "2024-05-06T07:08:09+08:00[+08:00]".parse().unwrap();
        let time = Time::from(&zoned);
        assert_eq!(time.to_string(), "1714950489 +0800");
        assert_eq!(time.to_zoned().unwrap().timestamp(), zoned.timestamp());
    }
}
