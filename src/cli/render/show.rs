//! One commit in full.

use super::diff::{self, Sections};
use super::{count, counted, log, padded, size, width};
use crate::cli::theme::{Theme, paint};
use crate::ops::report::ShowReport;
use crate::snapshot::facts::{GitFacts, SystemFacts};

/// What the log says, the roots, the machine, the layer; then what changed.
pub(in crate::cli) fn show(report: &ShowReport, sections: Sections, lists_vars: bool, theme: &Theme) -> String {
    let head = report.changes.as_ref().map(|changes| changes.head.clone());
    let mut lines = log::full(&report.entry, &head.unwrap_or_default(), theme);
    lines.push(String::new());
    lines.push(paint(theme.title, "Roots"));
    let roots = &report.manifest.roots;
    let names = roots.keys().map(|name| width(name.as_str())).max().unwrap_or(0);
    for (name, facts) in roots {
        let mut parts = vec![facts.kind.to_string()];
        if let Some(python) = &facts.python {
            parts.push(format!("Python {python}"));
        }
        if facts.kind.holds_packages() {
            parts.push(counted(facts.packages, "package"));
        }
        parts.push(format!("{} of {}", counted(facts.files, "file"), size(facts.bytes)));
        if let Some(git) = &facts.git {
            parts.push(git_text(git));
        }
        parts.push(format!("at {}", facts.home));
        lines.push(format!("  {}  {}", padded(name.as_str(), names), parts.join(", ")));
    }
    lines.push(format!(
        "{}: {}",
        paint(theme.title, "System"),
        system(&report.manifest.system)
    ));
    lines.push(match &report.manifest.layer {
        Some(layer) => format!(
            "{}: {} for {} of new content, sha256:{}",
            paint(theme.title, "Layer"),
            size(layer.size),
            size(layer.content),
            layer.digest
        ),
        None => format!("{}: none, it added no content", paint(theme.title, "Layer")),
    });
    let vars = count(report.vars.len() as u64);
    if lists_vars {
        lines.push(paint(theme.title, "Variables"));
        let var = |(name, value): (&String, &String)| format!("  {}", theme.foreign(&format!("{name}={value}")));
        lines.extend(report.vars.iter().map(var));
    } else {
        lines.push(format!(
            "{}: {vars} recorded (-v lists them)",
            paint(theme.title, "Variables")
        ));
    }
    let mut text: String = lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
    if let Some(changes) = &report.changes {
        let told = diff::changes(&changes.changes, sections, theme);
        if !told.is_empty() {
            text.push('\n');
            text.push_str(&told);
        }
    }
    text
}

fn git_text(git: &GitFacts) -> String {
    let commit = git
        .commit
        .as_deref()
        .map_or("no commit", |id| id.get(..8).unwrap_or(id));
    let branch = git
        .branch
        .as_deref()
        .map(|branch| format!("{branch} "))
        .unwrap_or_default();
    let dirty = if git.dirty { " with changes" } else { "" };
    format!("git {branch}{commit}{dirty}")
}

fn system(system: &SystemFacts) -> String {
    let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let mut parts = vec![system.os.clone(), format!("Linux {} {}", system.kernel, system.arch)];
    parts.extend(named("glibc", &system.glibc));
    parts.extend(system.cpu.clone());
    parts.extend(named("NVIDIA driver", &system.nvidia_driver));
    parts.extend(system.gpus.iter().cloned());
    parts.retain(|part| !part.trim().is_empty());
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::cli::render::diff::{Configs, Files};
    use crate::snapshot::facts::{Manifest, RootFacts};
    use crate::snapshot::root::{Kind, Policy};

    #[test]
    fn a_commit_in_full() {
        let facts = RootFacts {
            kind: Kind::Venv,
            policy: Policy::Exact,
            home: "/home/ada/app/.venv".to_owned(),
            files: 13_021,
            bytes: 3_000_000_000,
            packages: 52,
            python: Some("3.11.2".to_owned()),
            base: None,
            git: None,
        };
        let report = ShowReport {
            entry: testing::commit(2, Some(1), "numpy 1.24.4 → 1.26.4", &[]),
            manifest: Manifest {
                format: 1,
                roots: [("env".parse().unwrap(), facts)].into(),
                system: SystemFacts {
                    os: "Debian 12".to_owned(),
                    kernel: "6.1".to_owned(),
                    arch: "x86_64".to_owned(),
                    glibc: Some("2.36".to_owned()),
                    ..SystemFacts::default()
                },
                layer: None,
            },
            vars: [("PATH".to_owned(), "/bin".to_owned())].into(),
            changes: Some(testing::report(testing::changes())),
        };
        let sections = Sections {
            packages: true,
            configs: Configs::Names,
            vars: false,
            files: Files::Hidden,
        };
        insta::assert_snapshot!(show(&report, sections, false, &Theme::plain()), @r"
        commit 0202020202020202020202020202020202020202
        Author: Ada <ada@example.org>
        Date:   Sun Nov 1 10:00:00 2026 +0800

            numpy 1.24.4 → 1.26.4

        Roots
          env  venv, Python 3.11.2, 52 packages, 13,021 files of 2.8 GiB, at /home/ada/app/.venv
        System: Debian 12, Linux 6.1 x86_64, glibc 2.36
        Layer: none, it added no content
        Variables: 1 recorded (-v lists them)

        Packages in env
            numpy    1.24.4 → 1.26.4  (pip)
          + pyworld  0.3.4            (pip)
          - six      1.16.0           (pip)

        Configs in app
          M configs/g2p.jsonl  +1 -1
        ");
    }
}
