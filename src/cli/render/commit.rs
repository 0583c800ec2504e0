//! What a commit recorded.

use super::diff::tally_text;
use super::{counted, padded, size, width};
use crate::cli::tally::Tally;
use crate::cli::theme::{Theme, paint};
use crate::ops::report::CommitReport;

/// `[main 1a2b3c4d] message`, then roots and layer.
pub(in crate::cli) fn commit(report: &CommitReport, theme: &Theme) -> String {
    if report.commit.is_none() {
        return match report.short.as_str() {
            "" => "Nothing to commit.\n".to_owned(),
            short => format!("Nothing changed since {}; no commit made.\n", paint(theme.id, short)),
        };
    }
    let place = report.branch.as_deref().unwrap_or("on no branch");
    let id = paint(theme.id, &report.short);
    let subject = report.message.lines().next().unwrap_or_default();
    let first = if report.is_first { " (first commit)" } else { "" };
    let mut text = format!(
        "[{}{first} {id}] {}\n",
        paint(theme.branch, place),
        theme.foreign(subject)
    );
    let Some(manifest) = &report.manifest else {
        return text;
    };
    let names = manifest
        .roots
        .keys()
        .map(|name| width(name.as_str()))
        .max()
        .unwrap_or(0);
    for (name, facts) in &manifest.roots {
        let mut parts = Vec::new();
        if facts.kind.holds_packages() {
            parts.push(counted(facts.packages, "package"));
        }
        parts.push(format!("{} of {}", counted(facts.files, "file"), size(facts.bytes)));
        let mut line = format!("  {}  {}", padded(name.as_str(), names), parts.join(", "));
        let changes = report.changes.roots.iter().find(|root| root.root == *name);
        let changed = changes.map(|root| tally_text(&Tally::of(root))).unwrap_or_default();
        if !report.is_first && !changed.is_empty() {
            line.push_str(&format!(": {changed}"));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str(&match &manifest.layer {
        Some(layer) => format!(
            "  stored {} of new content in a layer of {}\n",
            size(layer.content),
            size(layer.size)
        ),
        None => "  no new content to store\n".to_owned(),
    });
    for tag in &report.tags {
        text.push_str(&format!("  tagged {}\n", paint(theme.tag, tag)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changes, id};
    use super::*;
    use crate::digest::Digest;
    use crate::snapshot::facts::{LayerFacts, Manifest, RootFacts, SystemFacts};
    use crate::snapshot::root::{Kind, Policy};

    fn report() -> CommitReport {
        let facts = |kind, files, bytes, packages| RootFacts {
            kind,
            policy: Policy::Exact,
            home: "/x".to_owned(),
            files,
            bytes,
            packages,
            python: None,
            base: None,
            git: None,
        };
        CommitReport {
            commit: Some(id(0x1a)),
            short: "1a1a1a1a".to_owned(),
            branch: Some("main".to_owned()),
            started_branch: false,
            is_first: false,
            message: "numpy 1.24.4 → 1.26.4".to_owned(),
            tags: vec!["v2".to_owned()],
            changes: changes(),
            service_problem: None,
            manifest: Some(Manifest {
                format: 1,
                roots: [
                    ("env".parse().unwrap(), facts(Kind::Venv, 13_021, 3_000_000_000, 52)),
                    ("app".parse().unwrap(), facts(Kind::Project, 12, 9000, 0)),
                ]
                .into(),
                system: SystemFacts::default(),
                layer: Some(LayerFacts {
                    digest: Digest::of(b""),
                    size: 20_000_000,
                    files: 4,
                    content: 46_347_059,
                    compressor: "zstd".to_owned(),
                }),
            }),
            skipped: vec![],
            warnings: vec![],
        }
    }

    #[test]
    fn a_commit() {
        insta::assert_snapshot!(commit(&report(), &Theme::plain()), @r"
        [main 1a1a1a1a] numpy 1.24.4 → 1.26.4
          app  12 files of 8.8 KiB: 1 modified
          env  52 packages, 13,021 files of 2.8 GiB: 1 added, 1 modified, 1 removed, 1 metadata only
          stored 44.2 MiB of new content in a layer of 19.1 MiB
          tagged v2
        ");
    }

    #[test]
    fn nothing_changed() {
        let nothing = CommitReport {
            commit: None,
            ..report()
        };
        let text = commit(&nothing, &Theme::plain());
        assert_eq!(text, "Nothing changed since 1a1a1a1a; no commit made.\n");
    }
}
