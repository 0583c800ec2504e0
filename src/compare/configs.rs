//! How a config file differs.

use similar::TextDiff;

use crate::snapshot::change::{ChangeKind, ConfigChange};
use crate::snapshot::path::RelPath;

/// The change of one config file, if there is any. Absent sides are files that are not there.
pub fn config(path: &RelPath, from: Option<&[u8]>, to: Option<&[u8]>) -> Option<ConfigChange> {
    if from == to {
        return None;
    }
    let text = |side: Option<&[u8]>| String::from_utf8_lossy(side.unwrap_or_default()).into_owned();
    let header = |side: Option<&[u8]>, letter: &str| match side {
        Some(_) => format!("{letter}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let (old, new) = (text(from), text(to));
    let diff = TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(&header(from, "a"), &header(to, "b"))
        .to_string();
    Some(ConfigChange {
        path: path.clone(),
        change: ChangeKind::of(from, to),
        diff,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_read_as_unified_diffs() {
        let path = RelPath::new("configs/a.jsonl").unwrap();
        let before = b"{\"a\": 1}\n{\"b\": 2}\n";
        let after = b"{\"a\": 1}\n{\"b\": 3}";
        let change = config(&path, Some(before), Some(after)).unwrap();
        assert_eq!(change.change, ChangeKind::Changed);
        assert_eq!(
            change.diff,
            "--- a/configs/a.jsonl\n+++ b/configs/a.jsonl\n@@ -1,2 +1,2 @@\n {\"a\": 1}\n-{\"b\": 2}\n\
             +{\"b\": 3}\n\\ No newline at end of file\n"
        );
        let added = config(&path, None, Some(before)).unwrap();
        assert!(
            added
                .diff
                .starts_with("--- /dev/null\n+++ b/configs/a.jsonl\n@@ -0,0 +1,2 @@\n")
        );
        assert!(config(&path, Some(before), Some(before)).is_none());
    }
}
