//! Layers that are whole under a wrong name get their own. This comes before anything else, since what is brought or
//! stored takes the place of the file that has its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Examination;
use super::repair::Outcome;
use crate::digest::{Digest, Hasher};
use crate::fsx::{Context, atomic, stable};
use crate::ops::damaged::move_aside;
use crate::ops::{Error, Session};
use crate::store::verify::{LayerCheck, check, list};

/// Gives right names. Whether any file has another name now.
pub(super) fn right_names(
    session: &mut Session<'_>,
    found: &Examination,
    aside: &Path,
    outcome: &mut Outcome,
) -> Result<bool, Error> {
    let mut naming = Naming {
        dir: session.repo.layers_dir(),
        aside,
        checks: &found.checks,
        taken: BTreeSet::new(),
    };
    // Those that are there under their own names.
    naming.taken.extend(
        naming
            .checks
            .iter()
            .filter(|check| check.actual == Some(check.name))
            .map(|check| check.name),
    );
    let (_, strays) = list(&naming.dir)?;
    let is_misnamed = naming.misnamed(outcome)?;
    let is_stray = naming.strays(session, strays, outcome)?;
    session.repo.forget_layers();
    Ok(is_misnamed || is_stray)
}

struct Naming<'a> {
    dir: PathBuf,
    aside: &'a Path,
    checks: &'a [LayerCheck],
    /// Names that are borne by the right file.
    taken: BTreeSet<Digest>,
}

impl Naming<'_> {
    /// Files that have the names of other layers. One of which there is a second under the right name stays.
    fn misnamed(&mut self, outcome: &mut Outcome) -> Result<bool, Error> {
        let mut named: Vec<(&LayerCheck, Digest, PathBuf)> = Vec::new();
        for check in self.checks.iter().filter(|check| check.is_misnamed()) {
            if let Some(actual) = check.actual.filter(|actual| self.taken.insert(*actual)) {
                // Two may have each other's. What is cut short here is a layer without a name, which gets it next time.
                let between = self.dir.join(format!("misnamed-{}.tar.zst", check.name));
                std::fs::rename(&check.path, &between).at("rename", &check.path)?;
                named.push((check, actual, between));
            }
        }
        atomic::sync_dir(&self.dir)?;
        for (check, actual, between) in &named {
            self.give(between, *actual, outcome)?;
            outcome.done.push(format!(
                "gave layer {} its right name, {}",
                check.name.short(),
                actual.short()
            ));
        }
        Ok(!named.is_empty())
    }

    /// Files among the layers without a layer's name: those that are layers get theirs.
    fn strays(&mut self, session: &Session<'_>, strays: Vec<PathBuf>, outcome: &mut Outcome) -> Result<bool, Error> {
        let mut is_any = false;
        for path in strays {
            if path.extension().is_none_or(|end| end != "zst") {
                continue;
            }
            is_any = true;
            let (digest, _, _) = stable::fold(&path, Hasher::new, |hasher, bytes| hasher.update(bytes))
                .map_err(|error| Error::refused(error.to_string(), "see what that file is, and move it away"))?;
            let name = digest.finish();
            let checks = check(&BTreeMap::from([(name, path.clone())]), 1, session.progress);
            let told = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if checks.iter().any(LayerCheck::is_whole) && self.taken.insert(name) {
                self.give(&path, name, outcome)?;
                outcome
                    .done
                    .push(format!("gave {told} its name as layer {}", name.short()));
            } else {
                move_aside(&path, self.aside)?;
                outcome.done.push(format!("moved {told} aside"));
            }
        }
        Ok(is_any)
    }

    /// Gives a file the name of its digest; a damaged one that has it is kept.
    fn give(&self, path: &Path, name: Digest, outcome: &mut Outcome) -> Result<(), Error> {
        let to = self.dir.join(format!("{name}.tar.zst"));
        if to.symlink_metadata().is_ok()
            && let Some(check) = self.checks.iter().find(|check| check.name == name)
        {
            outcome.keep(check, self.aside)?;
        }
        std::fs::rename(path, &to).at("rename", path)?;
        Ok(atomic::sync_dir(&self.dir)?)
    }
}
