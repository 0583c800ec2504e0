//! Branches that begin at one of a remote's follow it, as with git.

use super::CheckoutOptions;
use crate::config::{Editor, Upstream};
use crate::history::{Head, RefKind, RefName};
use crate::ops::Session;
use crate::ops::error::Error;

/// As with git, `-` is `@{-1}`, and `@{-N}` is the branch that HEAD was on before the Nth last checkout, or the commit that
/// it was at: by its name where that still leads there.
fn branch_before(session: &Session<'_>, rev: &str) -> Result<String, Error> {
    let rev = if rev == "-" { "@{-1}" } else { rev };
    let nth = rev.strip_prefix("@{-").and_then(|rest| rest.strip_suffix('}'));
    let Some(nth) = nth.and_then(|nth| nth.parse().ok()).filter(|nth| *nth > 0) else {
        return Ok(rev.to_owned());
    };
    let history = session.repo.history();
    Ok(match history.place_before(nth) {
        Some((place, _)) if history.has_branch(&place)? => place,
        Some((place, Some(commit))) => {
            // A tag, most often: it is called so afterwards too. HEAD~1 is another place by now.
            let is_name = RefName::branch(&place).is_ok() && history.resolve(&place).ok() == Some(commit);
            if is_name { place } else { commit.to_string() }
        }
        _ => rev.to_owned(),
    })
}

/// What is checked out, and what the branch follows that is made for it.
pub(super) struct Start {
    pub(super) options: CheckoutOptions,
    upstream: Option<Upstream>,
}

impl Start {
    /// A name that nothing here has, and one remote has a branch of it, means a branch of that name which follows that
    /// one; several such remotes are told. HEAD alone is the branch that it is on. With `-b`, the branch follows what it
    /// begins at if that is a remote's.
    pub(super) fn of(session: &Session<'_>, options: &CheckoutOptions) -> Result<Self, Error> {
        let is_part = !options.paths.is_empty() || !options.roots.is_empty() || !options.exact.is_empty();
        let mut rev = branch_before(session, &options.rev)?;
        let history = session.repo.history();
        let goes_nowhere = !is_part && options.branch.is_none() && options.forward.is_none();
        if goes_nowhere
            && matches!(rev.as_str(), "HEAD" | "@")
            && let Head::Branch { name, .. } = history.head()?
        {
            rev = name;
        }
        let options = &CheckoutOptions { rev, ..options.clone() };
        let as_it_is = || Self {
            options: options.clone(),
            upstream: None,
        };
        if is_part || options.forward.is_some() {
            return Ok(as_it_is());
        }
        let mut there: Vec<Upstream> = Vec::new();
        for known in history.refs()? {
            if let (RefKind::Remote, Some((remote, branch))) = (known.kind(), known.short_name().split_once('/'))
                && session.repo.config().remote(remote).is_some()
            {
                there.push(Upstream {
                    remote: remote.to_owned(),
                    branch: branch.to_owned(),
                });
            }
        }
        if options.branch.is_some() {
            there.retain(|upstream| upstream.to_string() == options.rev);
            return Ok(Self {
                upstream: there.pop(),
                ..as_it_is()
            });
        }
        there.retain(|upstream| upstream.branch == options.rev);
        if there.is_empty() || history.resolve(&options.rev).is_ok() {
            return Ok(as_it_is());
        }
        let (rev, first) = (&options.rev, &there[0]);
        if there.len() > 1 {
            let names: Vec<String> = there.iter().map(ToString::to_string).collect();
            return Err(Error::refused(
                format!("there is no branch {rev} here, and several there: {}", names.join(", ")),
                format!("say which one it shall follow: envgit checkout -b {rev} {first}"),
            ));
        }
        Ok(Self {
            options: CheckoutOptions {
                rev: first.to_string(),
                branch: Some(rev.clone()),
                ..options.clone()
            },
            upstream: there.pop(),
        })
    }

    /// Notes what the branch follows, once HEAD is on it, and tells it.
    pub(super) fn note(&self, session: &Session<'_>, on: Option<&str>) -> Result<Option<String>, Error> {
        let (Some(upstream), Some(branch)) = (&self.upstream, &self.options.branch) else {
            return Ok(None);
        };
        if on != Some(branch.as_str()) {
            return Ok(None);
        }
        let mut editor = Editor::open(&session.repo.config_path())?;
        editor.set_upstream(branch, upstream)?;
        editor.save()?;
        Ok(Some(upstream.to_string()))
    }
}
