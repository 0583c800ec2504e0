//! What follows from the entries of the live state: packages, units, configs, and the inventory that names them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::error::Error;
use super::live::{
    BINARIES, CONDA_HISTORY, Live, PACKAGES, PROMISES, RECORDS, Viewpoint, config_path, describe, records, rules,
    unit_texts,
};
use super::side::Side;
use crate::capture::configs::is_text;
use crate::capture::recognize::Recorded;
use crate::capture::rules::Rules;
use crate::capture::scan::LiveRoot;
use crate::capture::state::RememberedUnit;
use crate::compare::files::Units;
use crate::digest::{Digest, Hasher};
use crate::history::BlobId;
use crate::snapshot::path::RelPath;
use crate::snapshot::root::RootName;
use crate::snapshot::unit::UnitName;

impl Live {
    /// Finds packages and units where they may have changed, and writes the inventory.
    ///
    /// # Errors
    /// A config file that cannot be read.
    pub(super) fn derive(&mut self, viewpoint: &Viewpoint<'_>) -> Result<(), Error> {
        self.inventory.clear();
        for root in &mut self.roots {
            root.finish();
            self.warnings.append(&mut root.warnings);
            if root.changed {
                number_units(root);
                let rules = rules(viewpoint, &root.root)?;
                read_configs(root, &rules, &mut self.texts, &mut self.failures);
            }
            let name = root.root.name.as_str();
            for unit in &root.state.units {
                if let Some(id) = unit.id {
                    let path = format!("{name}/files/{}", unit.name).into_bytes();
                    self.inventory.insert(path, BlobId::from_bytes(id));
                }
            }
            for (path, id) in &root.state.configs {
                self.inventory.insert(config_path(name, path), BlobId::from_bytes(*id));
            }
            if root.root.kind.holds_packages() {
                for part in RECORDS {
                    let text = records(root, part).filter(|text| part == PACKAGES || !text.is_empty());
                    if let Some(text) = text {
                        let path = format!("{name}/{part}").into_bytes();
                        self.inventory.insert(path, BlobId::of(text));
                    }
                }
            }
            if root.changed && !root.is_recognized {
                remember(root, fingerprint(&root.root.name, &self.inventory));
            }
        }
        Ok(())
    }

    /// Where a root is in the state of a commit, and what follows from that state was found here before, takes it over
    /// from the commit. `lists` are the units in which the commit differs from what was live before.
    ///
    /// # Errors
    /// The commit cannot be read.
    pub(super) fn recognize(&mut self, goal: &Side<'_>, name: &RootName, lists: &Units) -> Result<(), Error> {
        let Some(root) = self.roots.iter_mut().find(|root| root.root.name == *name) else {
            return Ok(());
        };
        let is_known = || root.state.derived.contains(&fingerprint(name, &goal.files));
        if !root.changed || !root.pending.is_empty() || !is_known() {
            return Ok(());
        }
        let units = goal.unit_ids(name).into_iter().map(|(unit, id)| RememberedUnit {
            name: UnitName::from_tree(&String::from_utf8_lossy(unit)),
            id: Some(*id.as_bytes()),
        });
        let mut units: Vec<RememberedUnit> = units.collect();
        units.sort_by(|a, b| a.name.cmp(&b.name));
        root.recognize(Recorded {
            units,
            lists,
            packages: goal.record(name, PACKAGES)?,
            promises: goal.record(name, PROMISES)?,
            binaries: goal.record(name, BINARIES)?,
            conda_history: goal.record(name, CONDA_HISTORY)?,
            python: goal.python(name),
        });
        Ok(())
    }
}

/// Stands for all that an inventory has of a root but its configs: the lists of its units, and what was derived.
fn fingerprint(root: &RootName, inventory: &BTreeMap<Vec<u8>, BlobId>) -> Digest {
    let (own, configs) = (format!("{root}/").into_bytes(), format!("{root}/configs/").into_bytes());
    let mut sum = Hasher::new();
    let parts = inventory
        .range(own.clone()..)
        .take_while(|(path, _)| path.starts_with(&own));
    for (path, id) in parts.filter(|(path, _)| !path.starts_with(&configs)) {
        sum.update(path);
        sum.update(b"\0");
        sum.update(id.as_bytes());
    }
    sum.finish()
}

fn remember(root: &mut LiveRoot, derived: Digest) {
    /// Somebody goes back and forth between few states.
    const REMEMBERED: usize = 64;
    let known = &mut root.state.derived;
    known.retain(|known| *known != derived);
    known.push_back(derived);
    while known.len() > REMEMBERED {
        known.pop_front();
    }
}

/// Finds the git ids of units that changed.
fn number_units(root: &mut LiveRoot) {
    let missing: BTreeSet<u32> = (0u32..)
        .zip(&root.state.units)
        .filter(|(_, unit)| unit.id.is_none())
        .map(|(at, _)| at)
        .collect();
    for (at, text) in unit_texts(root, |at| missing.contains(&at)) {
        root.state.units[at as usize].id = Some(*BlobId::of(&text).as_bytes());
    }
    // A unit whose last entry went has no list.
    let empty: BTreeSet<u32> = (0u32..)
        .zip(&root.state.units)
        .filter(|(_, unit)| unit.id.is_none())
        .map(|(at, _)| at)
        .collect();
    if !empty.is_empty() {
        let shift = |at: u32| at - empty.range(..at).count() as u32;
        root.state.unit_of.iter_mut().for_each(|at| *at = shift(*at));
        root.state.units.retain(|unit| unit.id.is_some());
    }
}

/// Reads the config files that are not known yet.
fn read_configs(root: &mut LiveRoot, rules: &Rules, texts: &mut HashMap<Vec<u8>, Vec<u8>>, failures: &mut Vec<String>) {
    let Some(patterns) = &rules.configs else { return };
    let mut known: BTreeMap<RelPath, [u8; 20]> = std::mem::take(&mut root.state.configs).into_iter().collect();
    for entry in &root.state.entries {
        let Some(file) = entry.file() else { continue };
        if known.contains_key(&entry.path) || !patterns.matches(entry.path.as_bytes(), file.size) {
            continue;
        }
        match root.read(&entry.path) {
            Ok(text) if crate::digest::Digest::of(&text) == file.digest => {
                if is_text(&text) {
                    known.insert(entry.path.clone(), *BlobId::of(&text).as_bytes());
                    texts.insert(config_path(root.root.name.as_str(), &entry.path), text);
                }
            }
            Ok(_) => failures.push(format!(
                "{} changed while it was read",
                entry.path.under(&root.root.path).display()
            )),
            Err(error) => failures.push(describe(&error)),
        }
    }
    root.state.configs = known.into_iter().collect();
}
