//! `verify --signatures --json`.

use serde::Serialize;

use super::FORMAT;
use crate::history::CommitId;
use crate::ops::signatures::{SignatureEntry, SignaturesReport};

/// Who signed what.
#[derive(Serialize)]
pub(in crate::cli) struct SignaturesJson<'a> {
    format: u32,
    good: bool,
    signatures: Vec<SignatureJson<'a>>,
}

#[derive(Serialize)]
struct SignatureJson<'a> {
    name: &'a str,
    kind: &'static str,
    object: CommitId,
    good: bool,
    signer: Option<&'a str>,
    key: Option<&'a str>,
    problem: Option<&'a str>,
}

impl<'a> SignaturesJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(report: &'a SignaturesReport) -> Self {
        Self {
            format: FORMAT,
            good: report.is_good(),
            signatures: report.entries.iter().map(SignatureJson::of).collect(),
        }
    }
}

impl<'a> SignatureJson<'a> {
    fn of(entry: &'a SignatureEntry) -> Self {
        let signer = entry.signer.as_ref();
        Self {
            name: &entry.name,
            kind: if entry.is_tag { "tag" } else { "commit" },
            object: entry.object,
            good: signer.is_ok(),
            signer: signer.ok().map(|signer| signer.principal.as_str()),
            key: signer.ok().map(|signer| signer.key.as_str()),
            problem: signer.err().map(String::as_str),
        }
    }
}
