//! A state that was recorded and is there again: what was found of it then need not be found again.

use super::binaries;
use super::scan::{LiveRoot, NO_UNIT};
use super::state::RememberedUnit;
use crate::snapshot::entry::Entry;
use crate::snapshot::unit::UnitName;

/// A state of a root as it was recorded.
pub struct Recorded<'a> {
    /// All its units, sorted, with the git ids of their lists.
    pub units: Vec<RememberedUnit>,
    /// The entries of those that are not as they were when the root was looked at before.
    pub lists: &'a [(UnitName, Vec<Entry>)],
    /// The text of `packages.jsonl`.
    pub packages: Vec<u8>,
    /// The text of `promises.jsonl`.
    pub promises: Vec<u8>,
    /// The text of `binaries.jsonl`.
    pub binaries: Vec<u8>,
    /// conda's own history of the prefix.
    pub conda_history: Vec<u8>,
    /// Version of the root's interpreter.
    pub python: Option<String>,
}

/// Names the interpreter on which a virtual environment is based, which is not part of the record.
const PYVENV: &[u8] = b"pyvenv.cfg";

impl LiveRoot {
    /// Takes over what is recorded of the state in which the root is, after every entry was compared. Where one differs,
    /// nothing is taken over; nor where one was looked at anew whose unit has the list that it had before, for that list
    /// is not at hand.
    pub fn recognize(&mut self, recorded: Recorded<'_>) -> bool {
        let Some(unit_of) = self.units_as_in(&recorded) else {
            return false;
        };
        let state = &mut self.state;
        state.unit_of = unit_of;
        state.units = recorded.units;
        state.packages = recorded.packages;
        state.promises = recorded.promises;
        state.binaries = recorded.binaries;
        state.conda_history = recorded.conda_history;
        state.python = recorded.python;
        let new = self.dirty.entries.iter().map(|at| &state.entries[*at]);
        state.unread.extend(
            new.filter(|entry| binaries::is_candidate(entry))
                .map(|entry| entry.path.clone()),
        );
        self.is_recognized = true;
        true
    }

    /// The number of each entry's unit, if the entries are exactly those that are recorded.
    fn units_as_in(&self, recorded: &Recorded<'_>) -> Option<Vec<u32>> {
        let number = |name: &UnitName| {
            let at = recorded.units.binary_search_by(|unit| unit.name.cmp(name)).ok()?;
            u32::try_from(at).ok()
        };
        let mut listed: Vec<(&Entry, u32)> = Vec::new();
        for (name, entries) in recorded.lists {
            let number = number(name)?;
            listed.extend(entries.iter().map(|entry| (entry, number)));
        }
        listed.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        // Units that stayed as they were, by their numbers before.
        let stayed = self.state.units.iter().map(|unit| {
            let at = number(&unit.name)?;
            (recorded.units[at as usize].id == unit.id).then_some(at)
        });
        let stayed: Vec<Option<u32>> = stayed.collect();
        let is_of_stayed = |unit: &u32| *unit != NO_UNIT && stayed.get(*unit as usize).copied().flatten().is_some();
        let lost_base = self.state.base.is_some() && self.entry(PYVENV).is_none();
        if lost_base || self.dirty.units.iter().any(is_of_stayed) {
            return None;
        }
        let mut listed = listed.into_iter().peekable();
        let mut unit_of = Vec::with_capacity(self.state.entries.len());
        for (entry, before) in self.state.entries.iter().zip(&self.state.unit_of) {
            unit_of.push(match listed.next_if(|(known, _)| known.path == entry.path) {
                Some((known, unit)) => (known == entry && entry.path.as_bytes() != PYVENV).then_some(unit)?,
                None => stayed.get(*before as usize).copied().flatten()?,
            });
        }
        listed.next().is_none().then_some(unit_of)
    }
}
