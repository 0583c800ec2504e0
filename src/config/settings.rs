//! The settings, each declared once: key, meaning, default and how it is read.

use std::time::Duration;

use toml_edit::{Array, Value};

use super::Config;
use crate::capture::configs::ConfigPatterns;
use crate::service::{Check, Command};

/// What is wrong with a value, to be put after its key.
pub(super) type Problem = String;

/// One setting.
pub(super) struct Setting {
    /// Its dotted key: section and name.
    pub(super) key: &'static str,
    /// How a value is written on a command line.
    pub(super) shape: Shape,
    /// What it does, for the comments of a new file.
    pub(super) about: &'static [&'static str],
    /// An example for a new file, where the default says too little.
    pub(super) example: Option<&'static str>,
    /// The value in effect, if there is one.
    pub(super) get: fn(&Config) -> Option<Value>,
    /// Takes a value from the file.
    pub(super) put: fn(&mut Config, &Value) -> Result<(), Problem>,
}

/// How a value is written on a command line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is.
    Text,
    /// A number where it looks like one, else as it is.
    Number,
    /// A TOML array, or elements separated by commas.
    List,
    /// A TOML array, or a line for the shell.
    Command,
    /// `true` or `false`.
    Flag,
}

/// The keys of a root's section.
pub(super) const ROOT_KEYS: &[&str] = &["path", "kind", "policy", "base"];

/// All settings but the roots, section by section.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "files.patterns",
        shape: Shape::List,
        about: &[
            "More files of project roots to keep as text, besides *.json *.jsonl *.yaml *.yml *.toml *.ini *.cfg",
            "*.conf *.env *.sh *.txt. Patterns as in .gitignore; \"!*.txt\" leaves text files out.",
        ],
        example: Some("[\"*.csv\", \"!*.txt\"]"),
        get: |config| Some(list(&config.files.patterns)),
        put: |config, value| {
            let patterns = texts(value)?;
            ConfigPatterns::new(&patterns, 0).map_err(|bad| format!("holds a bad pattern: {bad}"))?;
            config.files.patterns = patterns;
            Ok(())
        },
    },
    Setting {
        key: "files.max_size",
        shape: Shape::Number,
        about: &["The largest file to keep as text."],
        example: None,
        get: |config| Some(size_value(config.files.max_size)),
        put: |config, value| {
            config.files.max_size = size(value)?;
            Ok(())
        },
    },
    Setting {
        key: "vars.record",
        shape: Shape::List,
        about: &[
            "More variables to record, besides PATH, PYTHON*, CONDA_*, CUDA_*, HF_*, TORCH_* and others. Names with",
            "* and ?; \"!PATH\" leaves one out.",
        ],
        example: Some("[\"MY_APP_*\", \"!PATH\"]"),
        get: |config| Some(list(&config.vars.record)),
        put: |config, value| {
            config.vars.record = texts(value)?;
            Ok(())
        },
    },
    Setting {
        key: "vars.secret",
        shape: Shape::List,
        about: &[
            "More variables whose values are never recorded, besides those that look like secrets. \"!NAME\" says",
            "that one is none.",
        ],
        example: Some("[\"MY_APP_PIN\"]"),
        get: |config| Some(list(&config.vars.secret)),
        put: |config, value| {
            config.vars.secret = texts(value)?;
            Ok(())
        },
    },
    Setting {
        key: "user.name",
        shape: Shape::Text,
        about: &["Who makes commits here, where it differs from your git identity."],
        example: Some("\"Ada Lovelace\""),
        get: |config| config.user.name.as_deref().map(Value::from),
        put: |config, value| {
            config.user.name = Some(identity(value)?);
            Ok(())
        },
    },
    Setting {
        key: "user.email",
        shape: Shape::Text,
        about: &[],
        example: Some("\"ada@example.org\""),
        get: |config| config.user.email.as_deref().map(Value::from),
        put: |config, value| {
            config.user.email = Some(identity(value)?);
            Ok(())
        },
    },
    Setting {
        key: "user.signing_key",
        shape: Shape::Text,
        about: &[
            "With what `envgit commit -S` and `envgit tag -s` sign: the path of an ssh key, or a public key of the agent.",
        ],
        example: Some("\"~/.ssh/id_ed25519\""),
        get: |config| config.user.signing_key.as_deref().map(Value::from),
        put: |config, value| {
            config.user.signing_key = Some(line(value)?);
            Ok(())
        },
    },
    Setting {
        key: "commit.sign",
        shape: Shape::Flag,
        about: &["Sign every commit, and every tag with a message."],
        example: None,
        get: |config| Some(Value::from(config.signatures.sign)),
        put: |config, value| {
            config.signatures.sign = flag(value)?;
            Ok(())
        },
    },
    Setting {
        key: "commit.allowed_signers",
        shape: Shape::Text,
        about: &["Whose signatures `envgit verify --signatures` takes for good: a file as ssh-keygen(1) describes it."],
        example: Some("\"allowed_signers\""),
        get: |config| config.signatures.allowed.as_deref().map(Value::from),
        put: |config, value| {
            config.signatures.allowed = Some(line(value)?);
            Ok(())
        },
    },
    Setting {
        key: "restore.setuid",
        shape: Shape::Flag,
        about: &[
            "Give files the setuid and setgid bits that commits recorded. Without this setting it is done only while",
            "this repository has no remote: a commit of somebody else must not make programs run with your rights.",
        ],
        example: Some("false"),
        get: |config| config.restore.setuid.map(Value::from),
        put: |config, value| {
            config.restore.setuid = Some(flag(value)?);
            Ok(())
        },
    },
    Setting {
        key: "push.allowed_secrets",
        shape: Shape::List,
        about: &[
            "What looks secret and may be pushed all the same: PLACE:KIND as `envgit check --secrets` tells it, with *",
            "and ?.",
        ],
        example: Some("[\"app:tests/*:private-key\"]"),
        get: |config| Some(list(&config.push.allowed_secrets)),
        put: |config, value| {
            config.push.allowed_secrets = texts(value)?;
            Ok(())
        },
    },
    Setting {
        key: "layers.level",
        shape: Shape::Number,
        about: &["zstd level of what commits store: 1 is fastest, 19 smallest."],
        example: None,
        get: |config| Some(Value::from(i64::from(config.layers.level))),
        put: |config, value| {
            config.layers.level = i32::try_from(number(value, 1, 19)?).unwrap_or(1);
            Ok(())
        },
    },
    Setting {
        key: "gc.keep_days",
        shape: Shape::Number,
        about: &["For how many days gc keeps a commit that only the log of a branch or of HEAD still knows."],
        example: None,
        get: |config| Some(Value::from(i64::from(config.gc.keep_days))),
        put: |config, value| {
            config.gc.keep_days = u32::try_from(number(value, 0, 36_500)?).unwrap_or(30);
            Ok(())
        },
    },
    Setting {
        key: "pins.max_size",
        shape: Shape::Number,
        about: &[
            "How much room pins may take: files of earlier states that are kept beside the layers, so that going back",
            "to them copies nothing. 0 for none.",
        ],
        example: None,
        get: |config| Some(size_value(config.pins.max_size)),
        put: |config, value| {
            config.pins.max_size = size(value)?;
            Ok(())
        },
    },
    Setting {
        key: "lock.wait",
        shape: Shape::Number,
        about: &["How many seconds to wait for another envgit that works on this repository."],
        example: None,
        get: |config| i64::try_from(config.lock.wait.as_secs()).ok().map(Value::from),
        put: |config, value| {
            let seconds = number(value, 0, 86_400)?;
            config.lock.wait = Duration::from_secs(seconds.unsigned_abs());
            Ok(())
        },
    },
    Setting {
        key: "service.systemd",
        shape: Shape::List,
        about: &["Units that `systemctl` stops before a checkout and starts again after it, also when it fails."],
        example: Some("[\"glm.service\"]"),
        get: |config| Some(list(&config.services.systemd)),
        put: |config, value| {
            config.services.systemd = names(value)?;
            Ok(())
        },
    },
    Setting {
        key: "service.docker",
        shape: Shape::List,
        about: &["Containers that `docker` stops and starts likewise."],
        example: Some("[\"glm\"]"),
        get: |config| Some(list(&config.services.docker)),
        put: |config, value| {
            config.services.docker = names(value)?;
            Ok(())
        },
    },
    Setting {
        key: "service.stop",
        shape: Shape::Command,
        about: &[
            "Your own commands for the same: a line for the shell, or a list of a program and its arguments. What one",
            "leaves running should write its output to a file of its own.",
        ],
        example: Some("\"supervisorctl stop glm\""),
        get: |config| config.services.stop.as_ref().map(command_value),
        put: |config, value| {
            config.services.stop = Some(command(value)?);
            Ok(())
        },
    },
    Setting {
        key: "service.start",
        shape: Shape::Command,
        about: &[],
        example: Some("[\"supervisorctl\", \"start\", \"glm\"]"),
        get: |config| config.services.start.as_ref().map(command_value),
        put: |config, value| {
            config.services.start = Some(command(value)?);
            Ok(())
        },
    },
    Setting {
        key: "service.timeout",
        shape: Shape::Number,
        about: &["How many seconds each of these may take."],
        example: None,
        get: |config| Some(seconds_value(config.services.timeout)),
        put: |config, value| {
            config.services.timeout = seconds(value, 1)?;
            Ok(())
        },
    },
    Setting {
        key: "service.quiesce",
        shape: Shape::Flag,
        about: &["Stop and start them around a commit too, so that it records files that hold still."],
        example: None,
        get: |config| Some(Value::from(config.services.quiesce)),
        put: |config, value| {
            config.services.quiesce = flag(value)?;
            Ok(())
        },
    },
    Setting {
        key: "service.health",
        shape: Shape::Command,
        about: &[
            "How to learn whether all is well, for `envgit health` and after a checkout: a command as above, or an",
            "address http://… that answers with a status from 200 to 399.",
        ],
        example: Some("\"http://localhost:8000/health\""),
        get: |config| match config.health.check.as_ref()? {
            Check::Url(url) => Some(Value::from(url.as_str())),
            Check::Command(command) => Some(command_value(command)),
        },
        put: |config, value| {
            config.health.check = Some(check(value)?);
            Ok(())
        },
    },
    Setting {
        key: "service.health_timeout",
        shape: Shape::Number,
        about: &["How many seconds one try may take, how often to try again, and how many seconds to wait between."],
        example: None,
        get: |config| Some(seconds_value(config.health.timeout)),
        put: |config, value| {
            config.health.timeout = seconds(value, 1)?;
            Ok(())
        },
    },
    Setting {
        key: "service.health_retries",
        shape: Shape::Number,
        about: &[],
        example: None,
        get: |config| Some(Value::from(i64::from(config.health.retries))),
        put: |config, value| {
            config.health.retries = u32::try_from(number(value, 0, 1000)?).unwrap_or(0);
            Ok(())
        },
    },
    Setting {
        key: "service.health_interval",
        shape: Shape::Number,
        about: &[],
        example: None,
        get: |config| Some(seconds_value(config.health.interval)),
        put: |config, value| {
            config.health.interval = seconds(value, 0)?;
            Ok(())
        },
    },
    Setting {
        key: "audit.require_reason",
        shape: Shape::Flag,
        about: &["Refuse a checkout or undo without --reason."],
        example: None,
        get: |config| Some(Value::from(config.audit.require_reason)),
        put: |config, value| {
            config.audit.require_reason = flag(value)?;
            Ok(())
        },
    },
    Setting {
        key: "autosave.keep",
        shape: Shape::Number,
        about: &["Autosaves are kept while they are among the newest so many, or younger than so many days."],
        example: None,
        get: |config| i64::try_from(config.autosaves.keep).ok().map(Value::from),
        put: |config, value| {
            config.autosaves.keep = usize::try_from(number(value, 0, 1_000_000)?).unwrap_or(0);
            Ok(())
        },
    },
    Setting {
        key: "autosave.keep_days",
        shape: Shape::Number,
        about: &[],
        example: None,
        get: |config| Some(Value::from(i64::from(config.autosaves.keep_days))),
        put: |config, value| {
            config.autosaves.keep_days = u32::try_from(number(value, 0, 36_500)?).unwrap_or(0);
            Ok(())
        },
    },
];

/// The setting of a dotted key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The sections, in order, each once.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    SETTINGS.iter().filter_map(move |setting| {
        let (section, _) = setting.key.split_once('.')?;
        let is_new = section != last;
        last = section;
        is_new.then_some(section)
    })
}

/// The candidate that looks most like a word, if one is near enough to have been meant.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()).div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// How many letters to insert, drop, replace or swap.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(a[i - 1] != b[j - 1]);
                let plain = (rows[i - 1][j] + 1)
                    .min(rows[i][j - 1] + 1)
                    .min(rows[i - 1][j - 1] + change);
                let is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if is_swap {
                    plain.min(rows[i - 2][j - 2] + 1)
                } else {
                    plain
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

/// The value's text.
pub(super) fn text(value: &Value) -> Result<&str, Problem> {
    value
        .as_str()
        .ok_or_else(|| format!("must be text in quotes, not {}", value.type_name()))
}

fn identity(value: &Value) -> Result<String, Problem> {
    let text = text(value)?.trim();
    if text.is_empty() || text.contains(['<', '>', '\n', '\0']) {
        return Err("must be one line, not empty, without < and >".to_owned());
    }
    Ok(text.to_owned())
}

fn line(value: &Value) -> Result<String, Problem> {
    let text = text(value)?.trim();
    if text.is_empty() || text.contains(['\n', '\0']) {
        return Err("must be one line, not empty".to_owned());
    }
    Ok(text.to_owned())
}

fn texts(value: &Value) -> Result<Vec<String>, Problem> {
    let wrong = || "must be a list of texts, such as [\"A\", \"B\"]".to_owned();
    let array = value.as_array().ok_or_else(wrong)?;
    array
        .iter()
        .map(|element| element.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

fn list(texts: &[String]) -> Value {
    Value::Array(texts.iter().map(String::as_str).collect::<Array>())
}

fn number(value: &Value, least: i64, most: i64) -> Result<i64, Problem> {
    value
        .as_integer()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

fn flag(value: &Value) -> Result<bool, Problem> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

fn seconds(value: &Value, least: i64) -> Result<Duration, Problem> {
    Ok(Duration::from_secs(number(value, least, 86_400)?.unsigned_abs()))
}

fn seconds_value(time: Duration) -> Value {
    Value::from(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// Names for `systemctl` and `docker`: one alone needs no list.
fn names(value: &Value) -> Result<Vec<String>, Problem> {
    let names = match value.as_str() {
        Some(one) => vec![one.to_owned()],
        None => texts(value)?,
    };
    if names.iter().any(|name| name.trim().is_empty() || name.starts_with('-')) {
        return Err("must hold names, which are not empty and do not begin with a dash".to_owned());
    }
    Ok(names)
}

fn command(value: &Value) -> Result<Command, Problem> {
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

fn command_value(command: &Command) -> Value {
    match command {
        Command::Shell(line) => Value::from(line.as_str()),
        Command::Argv(words) => list(words),
    }
}

fn check(value: &Value) -> Result<Check, Problem> {
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
fn size(value: &Value) -> Result<u64, Problem> {
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

fn size_value(bytes: u64) -> Value {
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
    fn the_nearest_key_is_found_and_a_far_one_is_not() {
        let keys = || SETTINGS.iter().map(|setting| setting.key);
        assert_eq!(nearest("files.max-size", keys()).as_deref(), Some("files.max_size"));
        assert_eq!(nearest("vars.recrod", keys()).as_deref(), Some("vars.record"));
        assert_eq!(nearest("hooks.post", keys()), None);
        assert_eq!(distance("ab", "ba"), 1);
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

    #[test]
    fn what_is_got_can_be_put() {
        let mut config = Config::default();
        config.user.name = Some("Ada".into());
        config.user.email = Some("a@b".into());
        config.user.signing_key = Some("~/k".into());
        config.restore.setuid = Some(true);
        config.signatures.allowed = Some("f".into());
        config.files.patterns = vec!["*.csv".into()];
        config.services.stop = Some(Command::Shell("stop it".into()));
        config.services.start = Some(Command::argv(&["start", "a b"]));
        config.services.quiesce = true;
        config.health.check = Some(Check::Url("http://localhost/".into()));
        config.autosaves.keep = 7;
        let mut again = Config::default();
        for setting in SETTINGS {
            let value = (setting.get)(&config).unwrap();
            (setting.put)(&mut again, &value).unwrap();
        }
        assert_eq!(again, config);
    }
}
