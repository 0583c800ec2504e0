//! `check --secrets --json`.

use serde::Serialize;

use super::FORMAT;
use crate::history::CommitId;
use crate::ops::secrets::{SecretFinding, SecretsReport};

/// Secrets in commits.
#[derive(Serialize)]
pub(in crate::cli) struct SecretsJson<'a> {
    format: u32,
    commits: usize,
    texts: usize,
    secrets: Vec<SecretJson<'a>>,
    allowed: Vec<SecretJson<'a>>,
    unread: &'a [String],
}

#[derive(Serialize)]
struct SecretJson<'a> {
    commit: CommitId,
    place: &'a str,
    line: Option<usize>,
    kind: &'static str,
    masked: &'a str,
}

impl<'a> SecretsJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a SecretsReport) -> Self {
        let list = |findings: &'a [SecretFinding]| findings.iter().map(SecretJson::of).collect();
        Self {
            format: FORMAT,
            commits: report.commits,
            texts: report.texts,
            secrets: list(&report.findings),
            allowed: list(&report.allowed),
            unread: &report.unread,
        }
    }
}

impl<'a> SecretJson<'a> {
    fn of(found: &'a SecretFinding) -> Self {
        Self {
            commit: found.commit,
            place: &found.place,
            line: found.line,
            kind: found.kind.as_str(),
            masked: &found.masked,
        }
    }
}
