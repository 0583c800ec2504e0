//! What of the other side is checked out.

use crate::exchange::Offer;
use crate::history::{CommitId, FIRST_BRANCH, History, Ref, RefKind, RefName, RevisionError, near};
use crate::ops::error::Error;

/// The commit to check out: its name, the branch that is made for it, and itself.
pub(super) fn chosen(
    history: &History,
    offer: &Offer,
    rev: Option<&str>,
) -> Result<(String, Option<String>, CommitId), Error> {
    let commit_at = |full: &str| -> Result<Option<CommitId>, Error> {
        match offer.refs.get(full) {
            Some(id) => Ok(history.commit_of(*id)?),
            None => Ok(None),
        }
    };
    let branches: Vec<&String> = offer
        .refs
        .keys()
        .filter(|name| name.starts_with("refs/heads/"))
        .collect();
    let Some(rev) = rev else {
        let main = format!("refs/heads/{FIRST_BRANCH}");
        let head = offer.head.as_ref().filter(|head| offer.refs.contains_key(*head));
        let head = head
            .or_else(|| offer.refs.contains_key(&main).then_some(&main))
            .or_else(|| branches.first().copied());
        let Some(head) = head else {
            return Err(Error::refused(
                "there is no branch over there",
                "name a tag or commit with --rev",
            ));
        };
        let commit = commit_at(head)?;
        let name = head.trim_start_matches("refs/heads/").to_owned();
        let commit = commit.ok_or_else(|| Error::refused(format!("{head} leads nowhere"), ""))?;
        return Ok((name.clone(), Some(name), commit));
    };
    if let Some(commit) = commit_at(&format!("refs/heads/{rev}"))? {
        return Ok((rev.to_owned(), Some(rev.to_owned()), commit));
    }
    if let Some(commit) = commit_at(&format!("refs/tags/{rev}"))? {
        return Ok((rev.to_owned(), None, commit));
    }
    // Names here would be those of this repository, which has none yet.
    let (name, steps) = rev.split_at(rev.find(['~', '^', '@']).unwrap_or(rev.len()));
    let base = match name {
        "HEAD" => offer.head.as_deref().map(commit_at).transpose()?.flatten(),
        name if name.starts_with("refs/") => commit_at(name)?,
        name => commit_at(&format!("refs/heads/{name}"))?.or(commit_at(&format!("refs/tags/{name}"))?),
    };
    let resolved = match base {
        Some(base) => history.resolve(&format!("{base}{steps}")),
        None => history.resolve(rev),
    };
    match resolved {
        Ok(commit) => Ok((rev.to_owned(), None, commit)),
        Err(error @ RevisionError::Unknown { .. }) => Err(Error::refused(error.to_string(), over_there(offer, rev))),
        Err(error) => Err(error.into()),
    }
}

/// The branches and tags of the other side, those first whose names are near to `rev`.
fn over_there(offer: &Offer, rev: &str) -> String {
    /// How many are named.
    const NAMED: usize = 10;
    let names = |prefix: &str| -> Vec<String> {
        let names = offer.refs.keys().filter_map(|name| name.strip_prefix(prefix));
        names.map(str::to_owned).collect()
    };
    let told = |noun: &str, names: Vec<String>| {
        let mut first = near(rev, names.clone());
        first.extend(
            names
                .into_iter()
                .filter(|name| !first.contains(name))
                .collect::<Vec<_>>(),
        );
        let more = match first.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        first.truncate(NAMED);
        match first.is_empty() {
            true => format!("no {noun}"),
            false => format!("the {noun} {}{more}", first.join(", ")),
        }
    };
    format!(
        "over there are {} and {}; tags come there with `envgit push --tags`",
        told("branches", names("refs/heads/")),
        told("tags", names("refs/tags/"))
    )
}

/// The branches and tags that came, under the names that they will have.
pub(super) fn refs_of(history: &History, offer: &Offer) -> Result<Vec<Ref>, Error> {
    let mut refs = Vec::new();
    for (name, id) in &offer.refs {
        let name = RefName::new(name)?;
        if matches!(name.kind(), RefKind::Branch | RefKind::Tag) {
            refs.extend(history.ref_to(name, *id)?);
        }
    }
    Ok(refs)
}
