//! All settings, section by section.

use std::time::Duration;

use toml_edit::Value;

use super::values::{
    check, command, command_value, flag, identity, line, list, names, number, seconds, seconds_value, size, size_value,
    texts,
};
use super::{Setting, Shape};
use crate::capture::configs::ConfigPatterns;
use crate::service::Check;

/// All settings but the roots, section by section.
pub(in crate::config) const SETTINGS: &[Setting] = &[
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
