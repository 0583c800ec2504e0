//! Values as they stand in the file: text, numbers, sizes, commands.

use std::time::Duration;

use toml_edit::{Array, Value};

use crate::service::{Check, Command};

/// What is wrong with a value, to be put after its key.
pub(in crate::config) type Problem = String;

/// The value's text.
pub(in crate::config) fn text(value: &Value) -> Result<&str, Problem> {
    value
        .as_str()
        .ok_or_else(|| format!("must be text in quotes, not {}", value.type_name()))
}

pub(super) fn identity(value: &Value) -> Result<String, Problem> {
    let text = text(value)?.trim();
    if text.is_empty() || text.contains(['<', '>', '\n', '\0']) {
        return Err("must be one line, not empty, without < and >".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn line(value: &Value) -> Result<String, Problem> {
    let text = text(value)?.trim();
    if text.is_empty() || text.contains(['\n', '\0']) {
        return Err("must be one line, not empty".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn texts(value: &Value) -> Result<Vec<String>, Problem> {
    let wrong = || "must be a list of texts, such as [\"A\", \"B\"]".to_owned();
    let array = value.as_array().ok_or_else(wrong)?;
    array
        .iter()
        .map(|element| element.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

pub(super) fn list(texts: &[String]) -> Value {
    Value::Array(texts.iter().map(String::as_str).collect::<Array>())
}

pub(super) fn number(value: &Value, least: i64, most: i64) -> Result<i64, Problem> {
    value
        .as_integer()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

pub(super) fn flag(value: &Value) -> Result<bool, Problem> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

pub(super) fn seconds(value: &Value, least: i64) -> Result<Duration, Problem> {
    Ok(Duration::from_secs(number(value, least, 86_400)?.unsigned_abs()))
}

pub(super) fn seconds_value(time: Duration) -> Value {
    Value::from(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// Names for `systemctl` and `docker`: one alone needs no list.
pub(super) fn names(value: &Value) -> Result<Vec<String>, Problem> {
    let names = match value.as_str() {
        Some(one) => vec![one.to_owned()],
        None => texts(value)?,
    };
    if names.iter().any(|name| name.trim().is_empty() || name.starts_with('-')) {
        return Err("must hold names, which are not empty and do not begin with a dash".to_owned());
    }
    Ok(names)
}

pub(super) fn command(value: &Value) -> Result<Command, Problem> {
    let empty = || "must not be an empty command".to_owned();
    match value.as_str() {
        Some(line) if line.trim().is_empty() => Err(empty()),
        Some(line) => Ok(Command::Shell(line.to_owned())),
        None => match texts(value).map_err(|_| "must be a line for the shell, or a list of words".to_owned())? {
            words if words.first().is_none_or(String::is_empty) => Err(empty()),
            words => Ok(Command::Argv(words)),
        },
    }
}

pub(super) fn command_value(command: &Command) -> Value {
    match command {
        Command::Shell(line) => Value::from(line.as_str()),
        Command::Argv(words) => list(words),
    }
}

pub(super) fn check(value: &Value) -> Result<Check, Problem> {
    match value.as_str() {
        Some(url) if url.starts_with("https://") => Err(format!(
            "must be a command or an http:// address; for https write \"curl -fsS {url}\""
        )),
        Some(url) if url.starts_with("http://") => Ok(Check::Url(url.to_owned())),
        _ => command(value).map(Check::Command),
    }
}

const UNITS: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// Bytes, or text with a unit.
pub(super) fn size(value: &Value) -> Result<u64, Problem> {
    let wrong = || "must be a number of bytes, or text such as \"512 KiB\" or \"4 MiB\"".to_owned();
    if let Some(bytes) = value.as_integer() {
        return u64::try_from(bytes).map_err(|_| wrong());
    }
    let text = value.as_str().ok_or_else(wrong)?.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let factor = UNITS
        .iter()
        .find(|(name, _)| unit.trim().eq_ignore_ascii_case(name))
        .map(|(_, factor)| *factor)
        .ok_or_else(wrong)?;
    let count: u64 = count.parse().map_err(|_| wrong())?;
    count.checked_mul(factor).ok_or_else(wrong)
}

pub(super) fn size_value(bytes: u64) -> Value {
    match UNITS
        .iter()
        .find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor))
    {
        Some((unit, factor)) => Value::from(format!("{} {unit}", bytes / factor)),
        None => Value::from(i64::try_from(bytes).unwrap_or(i64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("1048576", Some(1 << 20)),
            ("\"1 MiB\"", Some(1 << 20)),
            ("\"512kib\"", Some(512 << 10)),
            ("0", Some(0)),
            ("-1", None),
            ("\"1 MB\"", None),
            ("\"MiB\"", None),
            ("\"99999999999 GiB\"", None),
            ("1.5", None),
        ] {
            let value: Value = text.parse().unwrap();
            assert_eq!(size(&value).ok(), expected, "{text}");
        }
        for bytes in [0, 1, 1000, 1024, 3 << 20, 5 << 30] {
            assert_eq!(size(&size_value(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn commands_and_checks() {
        let parsed = |text: &str| check(&text.parse().unwrap());
        assert_eq!(parsed("\"true\""), Ok(Check::Command(Command::Shell("true".into()))));
        assert_eq!(
            parsed("[\"a b\", \"c\"]"),
            Ok(Check::Command(Command::argv(&["a b", "c"])))
        );
        assert_eq!(parsed("\"http://h/\""), Ok(Check::Url("http://h/".into())));
        let told = parsed("\"https://h/\"").unwrap_err();
        assert!(told.contains("curl -fsS https://h/"), "{told}");
        for bad in ["\"\"", "[]", "[\"\"]", "7", "[7]"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
        for bad in ["\"-x\"", "[\"\"]", "true"] {
            assert!(names(&bad.parse().unwrap()).is_err(), "{bad}");
        }
        assert_eq!(names(&"\"a\"".parse().unwrap()), Ok(vec!["a".to_owned()]));
    }
}
