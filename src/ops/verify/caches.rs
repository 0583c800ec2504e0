//! Caches are never a damage: what is wrong with one is made anew.

use std::collections::BTreeSet;

use crate::fsx::{self, Context};
use crate::ops::{Error, Session};
use crate::store::verify::LayerCheck;
use crate::store::{IndexState, Store};

/// Writes anew the index of every sound layer that lacks it or has another, drops stat caches that are damaged, and
/// tells what was wrong.
///
/// # Errors
/// A cache that cannot be looked at.
pub(super) fn renew(session: &Session<'_>, checks: &[LayerCheck]) -> Result<Vec<String>, Error> {
    let cache = session.repo.dir().join("cache");
    let mut notes = Vec::new();
    for check in checks.iter().filter(|check| check.is_sound()) {
        let Some(index) = &check.index else { continue };
        if Store::renew_index(&cache, &check.name, index) == IndexState::Damaged {
            notes.push(format!(
                "the index of layer {} was damaged; it is made anew",
                check.name.short()
            ));
        }
    }
    let names: BTreeSet<_> = session.repo.config().roots.iter().map(|root| &root.name).collect();
    for name in names {
        let path = session.repo.state_path(name);
        let Some(bytes) = fsx::read_if_present(&path)? else {
            continue;
        };
        if !fsx::cache::is_whole(&bytes) {
            std::fs::remove_file(&path).at("remove", &path)?;
            notes.push(format!(
                "the cache of {name} was damaged; the next command reads every file of it once"
            ));
        }
    }
    Ok(notes)
}
