//! Changed files as a tree, the largest change first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::{counted, growth};
use super::text;
use crate::snapshot::change::{FileChange, FileChangeKind};
use crate::snapshot::path::escape;

/// How many names of one folder are told before the rest is counted: a page must stay small.
const NAMES: usize = 40;

/// A folder, or a file with nothing beneath it.
#[derive(Default)]
struct Node {
    children: BTreeMap<String, Node>,
    kind: Option<FileChangeKind>,
    files: u64,
    before: u64,
    after: u64,
}

/// The tree of these changes, those of mode and time alone left out.
pub(super) fn of(files: &[FileChange]) -> String {
    let mut top = Node::default();
    for change in files {
        let is_dir = [&change.from, &change.to]
            .into_iter()
            .flatten()
            .all(|entry| entry.is_dir());
        if !is_dir && change.kind() != FileChangeKind::MetadataOnly {
            top.add(change);
        }
    }
    if top.files == 0 {
        return "<p class=\"dim\">Only modes, times or folders differ.</p>\n".to_owned();
    }
    let mut out = String::from("<div class=\"tree\">\n");
    top.list(&mut out, true);
    out.push_str("</div>\n");
    out
}

impl Node {
    fn add(&mut self, change: &FileChange) {
        let before = change.from.as_ref().map_or(0, |entry| entry.size());
        let after = change.to.as_ref().map_or(0, |entry| entry.size());
        let mut node = self;
        node.count(before, after);
        for part in change.path().as_bytes().split(|b| *b == b'/') {
            node = node.children.entry(escape(part)).or_default();
            node.count(before, after);
        }
        node.kind = Some(change.kind());
    }

    fn count(&mut self, before: u64, after: u64) {
        self.files += 1;
        self.before += before;
        self.after += after;
    }

    /// What is beneath, the largest first. A lone way down stays open.
    fn list(&self, out: &mut String, open: bool) {
        let mut children: Vec<(&String, &Node)> = self.children.iter().collect();
        children.sort_by_key(|(name, node)| (std::cmp::Reverse(node.before.max(node.after)), *name));
        for (name, node) in children.iter().take(NAMES) {
            node.show(name, open && children.len() == 1, out);
        }
        if children.len() > NAMES {
            let more = counted((children.len() - NAMES) as u64, "smaller item");
            let _ = writeln!(
                out,
                "<div class=\"leaf dim\"><span class=\"name\">and {more}</span></div>"
            );
        }
    }

    fn show(&self, name: &str, open: bool, out: &mut String) {
        let class = match self.kind {
            Some(FileChangeKind::Added) => " added",
            Some(FileChangeKind::Removed) => " removed",
            _ => "",
        };
        let size = match growth(self.before, self.after) {
            same if same.is_empty() => "±0".to_owned(),
            size => size,
        };
        if self.children.is_empty() {
            let _ = writeln!(
                out,
                "<div class=\"leaf{class}\"><span class=\"name\">{}</span><span class=\"size\">{size}</span></div>",
                text(name)
            );
            return;
        }
        let open_word = if open { " open" } else { "" };
        let _ = writeln!(
            out,
            "<details{open_word}><summary><span class=\"name\">{}/</span><span class=\"dim\">{}</span>\
             <span class=\"size\">{size}</span></summary><div class=\"inner\">",
            text(name),
            counted(self.files, "file")
        );
        self.list(out, open);
        out.push_str("</div></details>\n");
    }
}
