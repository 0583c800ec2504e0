//! A project folder that was moved: its files may name where it was.

use super::Session;
use super::error::Error;
use crate::snapshot::change::{Changes, FileChange};
use crate::snapshot::entry::{Entry, PrefixUse};

/// Files that name the place where the folder stood before it was moved would be recorded as naming that, for everybody.
pub(super) fn refuse(session: &Session<'_>, changes: &Changes) -> Result<(), Error> {
    let Some(before) = session.repo.moved_from() else {
        return Ok(());
    };
    let prefix = |entry: &Option<Entry>| entry.as_ref().and_then(Entry::file).map(|file| file.prefix);
    let named = changes.roots.iter().flat_map(|root| {
        let lost = |change: &&FileChange| {
            let (from, to) = (prefix(&change.from), prefix(&change.to));
            from.is_some_and(|from| from != PrefixUse::None) && to == Some(PrefixUse::None)
        };
        let files = root.files.iter().filter(lost);
        files.map(|change| format!("{}:{}", root.root, change.path()))
    });
    let paths: Vec<String> = named.collect();
    match paths.is_empty() {
        true => Ok(session.repo.note_place()?),
        false => Err(Error::Moved { before, paths }),
    }
}
