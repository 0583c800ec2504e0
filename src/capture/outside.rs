//! What stands where the rules leave a path out: a commit may hold such a path all the same, from before there was the
//! rule.

use super::contents::sum_up;
use super::scan::LiveRoot;
use super::xattrs::xattrs;
use crate::fsx::beneath::Beneath;
use crate::fsx::stamp::{FileType, Stamp};
use crate::progress::Silent;
use crate::snapshot::entry::{Entry, FileNode, Node};
use crate::snapshot::path::{RelPath, is_at_or_within};

impl LiveRoot {
    /// Whether the rules leave this path out, or a directory above it that stands.
    pub fn leaves_out(&self, path: &RelPath) -> bool {
        is_at_or_within(&self.skipped, path)
    }

    /// Whether a path that is left out stands as a commit has it. Reads the file.
    pub fn stands_left_out(&self, recorded: &Entry) -> bool {
        let now = self.left_out(recorded);
        now.is_some_and(|now| now.same_state(recorded))
    }

    /// The entry at a path, as it would be recorded. Nothing when it is not there, is no file, symlink or directory, or
    /// can only be reached through a symlink.
    fn left_out(&self, recorded: &Entry) -> Option<Entry> {
        let mut beneath = Beneath::open(&self.root.path).ok()?;
        let mut reach = |path: &RelPath| {
            beneath.parent(path).ok()?;
            Stamp::of_path(&path.under(&self.root.path)).ok()
        };
        let path = &recorded.path;
        let full = path.under(&self.root.path);
        let mut stamp = reach(path)?;
        let node = match stamp.file_type {
            FileType::Special => return None,
            FileType::Dir => Node::Dir,
            FileType::Symlink => {
                let target = std::fs::read_link(&full).ok()?;
                Node::Symlink(self.form().recorded_link(target.into_os_string().into_encoded_bytes()))
            }
            FileType::File => {
                // Only whether it still is another name of the file of which it was one.
                let first = recorded.file().and_then(|file| file.hardlink.clone());
                let hardlink = first.filter(|first| reach(first).is_some_and(|first| first.ino == stamp.ino));
                let (content, now) = sum_up(&self.root.path, path, &**self.form(), &Silent).ok()?;
                stamp = now;
                Node::File(FileNode {
                    size: content.size,
                    digest: content.digest,
                    prefix: content.prefix,
                    sparse: content.sparse,
                    hardlink,
                })
            }
        };
        let is_link = matches!(node, Node::Symlink(_));
        Some(Entry {
            path: path.clone(),
            mode: if is_link { 0 } else { stamp.mode },
            mtime: stamp.mtime,
            xattrs: if is_link { Vec::new() } else { xattrs(&full).ok()? },
            node,
        })
    }
}
