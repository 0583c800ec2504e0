//! `diff --json` and `status --json`.

use serde::Serialize;

use super::FORMAT;
use super::changes::ChangesJson;
use crate::cli::render::diff::Sections;
use crate::history::CommitId;
use crate::ops::report::{DiffReport, HeadReport, SideName};

/// Two states and what differs.
#[derive(Serialize)]
pub(in crate::cli) struct DiffJson<'a> {
    format: u32,
    from: SideJson<'a>,
    to: SideJson<'a>,
    /// Nothing differs, shown or not.
    clean: bool,
    #[serde(flatten)]
    changes: ChangesJson<'a>,
    /// Only in `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<HeadJson<'a>>,
    warnings: &'a [String],
}

/// A state.
#[derive(Serialize)]
pub(in crate::cli) struct SideJson<'a> {
    commit: Option<CommitId>,
    name: &'a str,
}

/// Where the repository stands.
#[derive(Serialize)]
pub(in crate::cli) struct HeadJson<'a> {
    branch: Option<&'a str>,
    commit: Option<CommitId>,
    detached_from: Option<&'a str>,
    /// With `status`, on a branch that follows another.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<UpstreamJson<'a>>,
}

#[derive(Serialize)]
struct UpstreamJson<'a> {
    name: &'a str,
    ahead: usize,
    behind: usize,
}

impl<'a> DiffJson<'a> {
    /// A view of a comparison.
    pub(in crate::cli) fn of(report: &'a DiffReport, sections: Sections) -> Self {
        Self {
            format: FORMAT,
            from: SideJson::of(&report.from),
            to: SideJson::of(&report.to),
            clean: report.changes.is_empty(),
            changes: ChangesJson::of(&report.changes, sections),
            head: None,
            warnings: &report.warnings,
        }
    }

    /// The same with the place.
    pub(in crate::cli) fn with_head(mut self, head: &'a HeadReport) -> Self {
        self.head = Some(HeadJson::of(head));
        self
    }
}

impl<'a> SideJson<'a> {
    pub(in crate::cli) fn of(side: &'a SideName) -> Self {
        Self {
            commit: side.commit,
            name: &side.name,
        }
    }
}

impl<'a> HeadJson<'a> {
    pub(in crate::cli) fn of(head: &'a HeadReport) -> Self {
        Self {
            branch: head.branch.as_deref(),
            commit: head.commit,
            detached_from: head.detached_from.as_deref(),
            upstream: head.upstream.as_ref().map(|upstream| UpstreamJson {
                name: &upstream.name,
                ahead: upstream.ahead,
                behind: upstream.behind,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::diff::{Configs, Files};
    use crate::cli::render::testing;

    #[test]
    fn the_shape_is_that_of_the_document() {
        let mut report = testing::report(testing::changes());
        report.changes.roots.truncate(1);
        report.changes.roots[0].packages.truncate(1);
        report.changes.vars.truncate(1);
        let sections = Sections {
            packages: true,
            configs: Configs::Diffs,
            vars: true,
            files: Files::Paths,
        };
        let json = serde_json::to_string_pretty(&DiffJson::of(&report, sections)).unwrap();
        insta::assert_snapshot!(json, @r#"
        {
          "format": 1,
          "from": {
            "commit": "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
            "name": "HEAD"
          },
          "to": {
            "commit": null,
            "name": "live"
          },
          "clean": false,
          "roots": [
            {
              "root": "env",
              "kind": "venv",
              "packages": [
                {
                  "name": "numpy",
                  "manager": "pip",
                  "change": "changed",
                  "from": {
                    "version": "1.24.4",
                    "build": null,
                    "channel": null,
                    "installer": null
                  },
                  "to": {
                    "version": "1.26.4",
                    "build": null,
                    "channel": null,
                    "installer": null
                  }
                }
              ],
              "configs": [],
              "files": {
                "added": 1,
                "modified": 1,
                "removed": 1,
                "metadata_only": 1,
                "bytes_added": 46351155,
                "bytes_removed": 3048,
                "list": [
                  {
                    "path": "lib/pyworld/core.so",
                    "change": "added"
                  },
                  {
                    "path": "lib/numpy.py",
                    "change": "modified"
                  },
                  {
                    "path": "lib/six.py",
                    "change": "removed"
                  },
                  {
                    "path": "lib/x.py",
                    "change": "metadata_only"
                  }
                ]
              }
            }
          ],
          "vars": [
            {
              "name": "CUDA_HOME",
              "change": "changed",
              "from": "/usr/local/cuda-11",
              "to": "/usr/local/cuda-12"
            }
          ],
          "warnings": []
        }
        "#);
    }
}
