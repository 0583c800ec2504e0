//! Which unit each entry of a root belongs to, and what its packages and compiled files are: found anew only where that
//! may have changed.

use std::collections::{BTreeSet, HashMap};

use super::binaries;
use super::scan::{LiveRoot, NO_UNIT};
use super::state::RememberedUnit;
use crate::snapshot::path::RelPath;
use crate::snapshot::unit::UnitName;

impl LiveRoot {
    /// Finds packages, owners and units where they may have changed. All entries must be complete.
    pub fn finish(&mut self) {
        if !self.changed || self.is_recognized {
            return;
        }
        let names: Vec<UnitName> = self.state.units.iter().map(|unit| unit.name.clone()).collect();
        let mut stale: BTreeSet<UnitName> = self
            .dirty
            .units
            .iter()
            .filter_map(|at| names.get(*at as usize).cloned())
            .collect();
        if self.dirty.owners || self.state.unit_of.contains(&NO_UNIT) || self.breaks_a_promise(&names) {
            self.assign(&names, &mut stale);
        }
        for unit in &mut self.state.units {
            if stale.contains(&unit.name) {
                unit.id = None;
            }
        }
        if self.root.kind.holds_packages() {
            self.sum_up_binaries();
        }
    }

    /// Reads the ELF files that are not as remembered.
    fn sum_up_binaries(&mut self) {
        let state = &mut self.state;
        let mut known: HashMap<RelPath, _> = std::mem::take(&mut state.elves).into_iter().collect();
        let mut wanted = Vec::new();
        for (at, entry) in state.entries.iter().enumerate() {
            if !binaries::is_candidate(entry) {
                continue;
            }
            if self.dirty.entries.contains(&at) || state.unread.contains(&entry.path) {
                wanted.push(&entry.path);
            } else {
                state.elves.extend(known.remove_entry(&entry.path));
            }
        }
        state.elves.extend(binaries::read_all(&self.root.path, &wanted));
        state.elves.sort_by(|(a, _), (b, _)| a.cmp(b));
        state.unread.clear();
        let name = |unit: u32| state.units.get(unit as usize).map(|unit| unit.name.clone());
        let units = binaries::sum_up(&state.entries, &state.unit_of, name, &state.elves);
        state.binaries = crate::snapshot::binary::encode(&units);
    }

    /// Whether a file that some package promised has other content than was remembered.
    fn breaks_a_promise(&self, names: &[UnitName]) -> bool {
        self.dirty.entries.iter().any(|at| {
            let unit = names.get(self.state.unit_of[*at] as usize);
            self.state.entries[*at].file().is_some() && unit.is_some_and(|unit| unit.package().is_some())
        })
    }

    fn assign(&mut self, names: &[UnitName], stale: &mut BTreeSet<UnitName>) {
        let state = &mut self.state;
        let inspection = super::inspect(&self.root.path, &state.entries, &*self.form);
        let assignment = inspection.owners.assign(&state.entries);
        for (at, (old, new)) in state.unit_of.iter().zip(&assignment.of).enumerate() {
            let new = &assignment.units[*new as usize];
            let old = names.get(*old as usize);
            if old != Some(new) || self.dirty.entries.contains(&at) {
                stale.extend(old.cloned());
                stale.insert(new.clone());
            }
        }
        let ids: HashMap<&UnitName, _> = state.units.iter().map(|unit| (&unit.name, unit.id)).collect();
        state.units = assignment
            .units
            .iter()
            .map(|name| RememberedUnit {
                name: name.clone(),
                id: ids.get(name).copied().flatten(),
            })
            .collect();
        state.unit_of = assignment.of;
        state.packages = crate::snapshot::package::encode(&inspection.packages);
        state.promises = crate::snapshot::promise::encode(&inspection.promises);
        state.conda_history = inspection.conda_history;
        state.python = inspection.python;
        state.base = inspection.base;
        self.warnings = inspection.warnings;
    }
}
