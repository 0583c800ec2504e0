//! What differs from HEAD.

use super::counted;
use super::diff::{self, Configs, Files, Sections};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::{DiffReport, HeadReport};
use crate::snapshot::change::FileChange;

/// Where the repository stands, then the differences.
pub(in crate::cli) fn status(report: &DiffReport, lists_files: bool, theme: &Theme) -> String {
    let mut text = format!("{}\n", place(&report.head, theme));
    text.push_str(&apart(&report.head, theme));
    let Some(short) = &report.head.short else {
        text.push_str("\nThe first commit would record:\n");
        for root in &report.changes.roots {
            // As a commit counts them: what has content.
            let is_file = |change: &&FileChange| change.to.as_ref().is_some_and(|entry| entry.file().is_some());
            let files = root.files.iter().filter(is_file);
            let mut parts = vec![counted(files.count() as u64, "file")];
            if root.kind.holds_packages() {
                parts.insert(0, counted(root.packages.len() as u64, "package"));
            }
            text.push_str(&format!("  {} ({}): {}\n", root.root, root.kind, parts.join(", ")));
        }
        return text;
    };
    if report.changes.is_empty() {
        text.push_str(&format!("Nothing changed since {}.\n", paint(theme.id, short)));
        return text;
    }
    let sections = Sections {
        packages: true,
        configs: Configs::Names,
        vars: true,
        files: if lists_files { Files::Paths } else { Files::Counts },
    };
    text.push('\n');
    text + &diff::changes(&report.changes, sections, theme)
}

/// `On branch main at 1a2b3c4d`, `At v1 (1a2b3c4d), on no branch`.
pub(in crate::cli) fn place(head: &HeadReport, theme: &Theme) -> String {
    let short = head.short.as_deref().unwrap_or_default();
    let id = paint(theme.id, short);
    match (&head.branch, &head.detached_from) {
        (Some(branch), _) if head.commit.is_none() => {
            format!("On branch {}, nothing committed yet", paint(theme.branch, branch))
        }
        (Some(branch), _) => format!("On branch {} at {id}", paint(theme.branch, branch)),
        (None, Some(name)) if !short.starts_with(name) && !name.starts_with(short) => {
            format!("At {} ({id}), on no branch", paint(theme.tag, name))
        }
        (None, _) => format!("At {id}, on no branch"),
    }
}

/// How far the branch and what it follows are apart: a line, or nothing when it follows none.
fn apart(head: &HeadReport, theme: &Theme) -> String {
    let Some(upstream) = &head.upstream else {
        return String::new();
    };
    let name = paint(theme.branch, &upstream.name);
    match (upstream.ahead, upstream.behind) {
        (0, 0) => format!("Up to date with {name}.\n"),
        (ahead, 0) => format!("{} ahead of {name}.\n", counted(ahead as u64, "commit")),
        (0, behind) => format!(
            "{} behind {name}; envgit pull goes on.\n",
            counted(behind as u64, "commit")
        ),
        (ahead, behind) => format!("Diverged from {name}: {ahead} and {behind} commits apart.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::snapshot::change::Changes;
    use crate::snapshot::entry::Node;

    #[test]
    fn clean() {
        let text = status(&testing::report(Changes::default()), false, &Theme::plain());
        assert_eq!(text, "On branch main at 1a1a1a1a\nNothing changed since 1a1a1a1a.\n");
    }

    #[test]
    fn dirty_at_a_tag() {
        let mut report = testing::report(testing::changes());
        report.head.branch = None;
        report.head.detached_from = Some("pre-upgrade-torch29".to_owned());
        insta::assert_snapshot!(status(&report, false, &Theme::plain()), @r"
        At pre-upgrade-torch29 (1a1a1a1a), on no branch

        Packages in env
            numpy    1.24.4 → 1.26.4  (pip)
          + pyworld  0.3.4            (pip)
          - six      1.16.0           (pip)

        Configs in app
          M configs/g2p.jsonl  +1 -1

        Variables
            CUDA_HOME=/usr/local/cuda-11 → /usr/local/cuda-12
          + HF_HOME=/data/hf

        Files
          env  1 added, 1 modified, 1 removed, 1 metadata only  +44.2 MiB  -3.0 KiB
          app  1 modified  +20 B  -20 B
        ");
    }

    #[test]
    fn before_the_first_commit() {
        let mut report = testing::report(testing::changes());
        report.head.commit = None;
        report.head.short = None;
        // A commit does not count links as files.
        let files = &mut report.changes.roots[0].files;
        let mut link = files.iter().find(|change| change.to.is_some()).unwrap().clone();
        link.to.as_mut().unwrap().node = Node::Symlink(b"there".to_vec());
        files.push(link);
        insta::assert_snapshot!(status(&report, false, &Theme::plain()), @r"
        On branch main, nothing committed yet

        The first commit would record:
          env (venv): 3 packages, 3 files
          app (project): 1 file
        ");
    }
}
