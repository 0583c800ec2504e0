//! The result of a checkout, compared with its target.

use std::collections::BTreeSet;

use super::{Part, Prepared};
use crate::ops::Session;
use crate::ops::checkout::preflight::stands_left_out;
use crate::ops::checkout::target::Target;
use crate::ops::error::Error;
use crate::ops::live::Live;
use crate::ops::pathspec::Selection;
use crate::ops::report::Verified;
use crate::ops::side::{Side, differing_units};
use crate::progress::Phase;
use crate::snapshot::change::FileChange;
use crate::snapshot::path::{RelPath, is_at_or_within};

impl Prepared {
    /// Where a root is as the target has it, what is recorded of that state is known of the live one.
    pub(in crate::ops::checkout) fn recognize(
        &self,
        session: &Session<'_>,
        live: &mut Live,
        target: &Target,
    ) -> Result<(), Error> {
        let goal = Side::of_commit(session.repo.history(), target.commit, &target.name)?;
        // Where bits are left out, the state is another one than the commit's.
        for part in self.roots.iter().filter(|part| part.differing.tamed.is_empty()) {
            live.recognize(&goal, &part.root.name, &part.differing.newer)?;
        }
        Ok(())
    }

    /// Compares the live state with the target; tells what was compared, and by what. `known` files of it were written
    /// from layers.
    pub(in crate::ops::checkout) fn verify(
        &self,
        session: &Session<'_>,
        live: &Live,
        target: &Target,
        selection: &Selection,
        known: u64,
    ) -> Result<Verified, Error> {
        session.progress.begin(Phase::Verify, None);
        let history = session.repo.history();
        let goal = Side::of_commit(history, target.commit, &target.name)?;
        let now = Side::of_live(history, live);
        let mut left = Vec::new();
        let mut compared = Verified::default();
        for Part {
            root, plan, left_out, ..
        } in &self.roots
        {
            // What the rules of the target do not leave out any more stands there all the same.
            let is_kept = |change: &FileChange| {
                let path = change.path();
                change.to.is_none() && (plan.kept.contains(path) || is_at_or_within(left_out, path))
            };
            let live_root = live.roots.iter().find(|live| live.root.name == root.name);
            let stands = |change: &FileChange| live_root.is_some_and(|live| stands_left_out(live, change));
            // The folders above what is selected came along.
            let made: BTreeSet<&RelPath> = plan.make_dirs.iter().map(|entry| &entry.path).collect();
            let concerns = |path: &RelPath| selection.has_path(&root.name, path) || made.contains(path);
            let differing = differing_units(&now, &goal, &root.name)?;
            let differences = crate::compare::files(&differing.older, &differing.newer);
            left.extend(
                differences
                    .iter()
                    .filter(|change| concerns(change.path()))
                    .filter(|change| !is_kept(change) && !stands(change))
                    .map(|change| format!("{}:{}", root.name, change.path())),
            );
            let entries = live_root.map_or(&[][..], |live| &live.state.entries);
            let entries = entries.iter().filter(|entry| concerns(&entry.path));
            let (paths, files) = entries.fold((0, 0), |(paths, files), entry| {
                (paths + 1, files + u64::from(entry.file().is_some()))
            });
            compared.paths += paths;
            compared.by_stamp += files;
        }
        compared.by_content = (known + live.read).min(compared.by_stamp);
        compared.by_stamp -= compared.by_content;
        session.progress.end();
        if left.is_empty() && live.failures.is_empty() {
            Ok(compared)
        } else {
            left.extend(live.failures.iter().cloned());
            Err(Error::NotEqual {
                target: history.short(target.commit),
                paths: left,
            })
        }
    }
}
