//! `reflog`: where a ref has been.

use super::Session;
use super::error::Error;
use super::report::ReflogEntry;

/// The log of a ref, newest first: of `HEAD` when none is named, else of a branch, a tag or a full name.
///
/// # Errors
/// A name that is no ref; a log that is damaged.
pub fn reflog(session: &mut Session<'_>, name: Option<&str>) -> Result<Vec<ReflogEntry>, Error> {
    let history = session.repo.history();
    let given = name.unwrap_or("HEAD");
    let candidates = match given {
        "HEAD" | "@" => vec!["HEAD".to_owned()],
        name => ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"]
            .iter()
            .map(|prefix| format!("{prefix}{name}"))
            .collect(),
    };
    let refs = history.refs()?;
    let exists = |full: &String| full == "HEAD" || refs.iter().any(|known| known.name.as_str() == full.as_str());
    let Some(full) = candidates.iter().find(|full| exists(full)) else {
        // Says why, with near names.
        history.resolve(given)?;
        return Err(Error::refused(
            format!("{given} is a commit, not a branch or tag"),
            "name a branch, or leave it out for HEAD",
        ));
    };
    let label = if full == "HEAD" { "HEAD" } else { given };
    let lines = history.reflog(full)?.into_iter().enumerate();
    Ok(lines
        .map(|(at, line)| ReflogEntry {
            selector: format!("{label}@{{{at}}}"),
            old: line.old,
            short: history.short(line.new),
            new: line.new,
            who: line.who,
            time: line.time,
            message: line.message,
        })
        .collect())
}
