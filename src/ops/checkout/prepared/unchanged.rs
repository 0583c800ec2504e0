//! A last look before the swap: what it replaces is as it was when it was captured.

use std::collections::BTreeSet;

use super::{Part, Prepared};
use crate::apply::untouched::{foreign, look_over, stirred};
use crate::capture::scan::device_of;
use crate::capture::state::Mark;
use crate::fsx::stamp::Stamp;
use crate::ops::error::Error;
use crate::ops::live::Live;
use crate::snapshot::path::{RelPath, beneath};

impl Prepared {
    /// Nothing that is replaced or removed may have been written since it was captured, nor may it be forbidden to
    /// change it.
    pub(super) fn refuse_changed(&self, live: &Live) -> Result<(), Error> {
        let (mut changed, mut immutable) = (Vec::new(), Vec::new());
        for Part { root, plan, .. } in &self.roots {
            let Some(live_root) = live.roots.iter().find(|live| live.root.name == root.name) else {
                continue;
            };
            if device_of(&root.path)? != live_root.state.device {
                self.clear_stages();
                return Err(crate::capture::scan::Error::Elsewhere {
                    name: root.name.to_string(),
                    path: root.path.clone(),
                }
                .into());
            }
            let (entries, marks) = (&live_root.state.entries, &live_root.state.marks);
            let replaced = plan.place.iter().filter(|p| p.replaces).map(|p| &p.entry.path);
            let touched = replaced
                .chain(&plan.remove_files)
                .chain(plan.retouch.iter().map(|entry| &entry.path));
            let whole_of = plan.wholes();
            let single: BTreeSet<&RelPath> = touched.filter(|path| whole_of(path).is_none()).collect();
            let stamp = |path: &RelPath| live_root.mark(path.as_bytes()).map(|mark| mark.stamp);
            let mut stamped: Vec<_> = single.into_iter().map(|path| (path, stamp(path))).collect();
            // A name that came or went since shows in the stamp of the directory, unless that was young then.
            let dir_stamp = |mark: &Mark| (!mark.racy).then_some(mark.stamp);
            let mut dirs: Vec<(&RelPath, Option<Stamp>)> = Vec::new();
            for whole in plan.whole.iter().filter(|whole| whole.takes) {
                let (from, to) = beneath(entries, whole.dir.as_bytes(), |entry| entry.path.as_bytes());
                dirs.push((&whole.dir, live_root.mark(whole.dir.as_bytes()).and_then(dir_stamp)));
                for (entry, mark) in entries[from..to].iter().zip(&marks[from..to]) {
                    match entry.is_dir() {
                        true => dirs.push((&entry.path, dir_stamp(mark))),
                        false => stamped.push((&entry.path, Some(mark.stamp))),
                    }
                }
            }
            let found = look_over(&root.path, &stamped)?;
            let stirred = stirred(&root.path, &dirs)?;
            let new = foreign(&root.path, &stirred, entries, |entry| entry.path.as_bytes());
            let name = |path: RelPath| format!("{}:{path}", root.name);
            changed.extend(found.changed.into_iter().chain(new).map(name));
            immutable.extend(found.immutable.into_iter().map(name));
        }
        if changed.is_empty() && immutable.is_empty() {
            return Ok(());
        }
        self.clear_stages();
        changed.truncate(10);
        immutable.truncate(10);
        Err(if changed.is_empty() {
            Error::refused(
                format!("marked immutable or append-only: {}", immutable.join(", ")),
                "take the mark away (chattr -i -a) and run the checkout again; nothing was changed",
            )
        } else {
            Error::refused(
                format!("files changed while the checkout was prepared: {}", changed.join(", ")),
                "stop what writes to them and run the checkout again; nothing was changed",
            )
        })
    }
}
