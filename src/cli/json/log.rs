//! `log --json`: one object a line.

use serde::Serialize;

use super::packages::PackageChangeJson;
use crate::cli::dates;
use crate::digest::Digest;
use crate::history::CommitId;
use crate::ops::report::LogEntry;
use crate::ops::signatures::Verdict;
use crate::snapshot::facts::LayerFacts;

/// A commit.
#[derive(Serialize)]
pub(in crate::cli) struct LogJson<'a> {
    commit: CommitId,
    parents: &'a [CommitId],
    refs: Vec<&'a str>,
    head: bool,
    author: String,
    time: String,
    message: &'a str,
    packages: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    package_changes: Vec<PackageChangeJson<'a>>,
    layer: Option<LayerJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<SignatureJson<'a>>,
}

/// Whether it is signed, and by whom.
#[derive(Serialize)]
struct SignatureJson<'a> {
    state: &'static str,
    signer: Option<&'a str>,
    key: Option<&'a str>,
    problem: Option<&'a str>,
}

impl<'a> SignatureJson<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let (state, signer, problem) = match verdict {
            Verdict::Good(signer) => ("good", Some(signer), None),
            Verdict::Bad(why) => ("bad", None, Some(why.as_str())),
            Verdict::None => ("none", None, None),
        };
        Self {
            state,
            signer: signer.map(|signer| signer.principal.as_str()),
            key: signer.map(|signer| signer.key.as_str()),
            problem,
        }
    }
}

#[derive(Serialize)]
struct Counts {
    added: usize,
    removed: usize,
    changed: usize,
}

/// The layer that a commit wrote.
#[derive(Serialize)]
pub(super) struct LayerJson {
    digest: Digest,
    size: u64,
}

impl LayerJson {
    pub(super) fn of(layer: &LayerFacts) -> Self {
        Self {
            digest: layer.digest,
            size: layer.size,
        }
    }
}

impl<'a> LogJson<'a> {
    /// A view.
    pub(in crate::cli) fn of(entry: &'a LogEntry) -> Self {
        Self {
            commit: entry.commit,
            parents: &entry.parents,
            refs: entry.refs.iter().map(|label| label.name.as_str()).collect(),
            head: entry.is_head,
            author: entry.author.to_string(),
            time: dates::rfc3339(entry.time),
            message: entry.message.trim_end(),
            packages: Counts {
                added: entry.packages.added,
                removed: entry.packages.removed,
                changed: entry.packages.changed,
            },
            package_changes: entry
                .package_changes
                .iter()
                .map(|change| PackageChangeJson::of(change, None))
                .collect(),
            layer: entry.layer.as_ref().map(LayerJson::of),
            signature: entry.signature.as_ref().map(SignatureJson::of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::testing;

    #[test]
    fn one_line_a_commit() {
        let entry = testing::commit(2, Some(1), "works", &[]);
        let json = serde_json::to_string(&LogJson::of(&entry)).unwrap();
        insta::assert_snapshot!(json, @r#"
        {"commit":"0202020202020202020202020202020202020202","parents":["0101010101010101010101010101010101010101"],"refs":[],"head":false,"author":"Ada <ada@example.org>","time":"2026-11-01T10:00:00+08:00","message":"works","packages":{"added":0,"removed":0,"changed":0},"layer":null}
        "#);
    }
}
