//! Who signed what: commits and tags against a file of allowed signers.
//!
//! A signature of a commit covers the commit: its message, author, times, parents and tree. The tree names every part
//! of the inventory, the inventory names the content of every file by its SHA-256, and `snapshot.json` the layer by
//! its. So whoever signs a commit vouches for all bytes of that state, and for those of the commits before it. It does
//! not cover which branch leads there: an older signed commit under a newer name is signed all the same. A signed tag
//! covers its own name, and with it the commit that it stands for. `docs/decisions/0030-signatures.md` says more.

use std::path::Path;

use super::Session;
use super::error::Error;
use super::signing::place;
use crate::history::{CommitId, History, Ref, RefKind, Signed, Time};
use crate::service::ssh::{self, Signer};
use crate::service::{Failure, Place};

/// What was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureEntry {
    /// The ref or revision, as people write it.
    pub name: String,
    /// The object that is signed or should be: a commit, or an annotated tag.
    pub object: CommitId,
    /// It is an annotated tag.
    pub is_tag: bool,
    /// Beginning of that object's id.
    pub short: String,
    /// Who signed it, or why that is not good enough.
    pub signer: Result<Signer, String>,
}

/// What is to be said of the signature of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One of the allowed signers made it.
    Good(Signer),
    /// There is one, and it is not good, with the reason.
    Bad(String),
    /// There is none.
    None,
}

/// What a check of signatures found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignaturesReport {
    /// All that was asked about.
    pub entries: Vec<SignatureEntry>,
}

impl SignaturesReport {
    /// Whether all are good.
    pub fn is_good(&self) -> bool {
        self.entries.iter().all(|entry| entry.signer.is_ok())
    }

    /// Nothing, if all are good.
    ///
    /// # Errors
    /// [`Error::Untrusted`] names each that is not.
    pub fn into_result(self) -> Result<(), Error> {
        let told = |entry: &SignatureEntry| {
            let kind = if entry.is_tag { "tag object" } else { "commit" };
            let why = entry.signer.as_ref().err()?;
            Some(format!("{} ({kind} {}): {why}", entry.name, entry.object))
        };
        let what: Vec<String> = self.entries.iter().filter_map(told).collect();
        if what.is_empty() {
            return Ok(());
        }
        Err(Error::Untrusted { what })
    }
}

/// Asks about some revisions, or about HEAD and all branches and tags when none is named.
///
/// # Errors
/// An unknown revision, a file of signers that cannot be read, or ssh-keygen that cannot be started. A signature that
/// is not good is no error here.
pub fn check(session: &Session<'_>, allowed: &Path, revs: &[String]) -> Result<SignaturesReport, Error> {
    let history = session.repo.history();
    let mut refs = history.refs()?;
    if revs.is_empty() {
        refs.retain(|known| matches!(known.kind(), RefKind::Branch | RefKind::Tag));
        let head = history.head()?.commit().map(|commit| ("HEAD", commit));
        return of_refs(history, place(session), allowed, &refs, head);
    }
    let check = Check::new(history, place(session), allowed)?;
    let mut report = SignaturesReport::default();
    for rev in revs {
        let named = refs
            .iter()
            .find(|known| known.kind() == RefKind::Tag && known.short_name() == rev.as_str());
        report.entries.push(match named {
            Some(tag) => check.of_ref(tag)?,
            None => check.of_commit(rev, history.resolve(rev)?)?,
        });
    }
    Ok(report)
}

/// Asks about refs that came from elsewhere, and about the commit that is to be checked out (with its name) unless one
/// of them is good and stands for it. An annotated tag must be signed itself and name itself as its ref does; any other ref must lead
/// to a signed commit. `clone --verify` and `fetch --verify` call it and take [`SignaturesReport::into_result`].
///
/// # Errors
/// As [`check`].
pub fn of_refs(
    history: &History,
    place: Place<'_>,
    allowed: &Path,
    refs: &[Ref],
    target: Option<(&str, CommitId)>,
) -> Result<SignaturesReport, Error> {
    let check = Check::new(history, place, allowed)?;
    let mut report = SignaturesReport::default();
    for known in refs {
        report.entries.push(check.of_ref(known)?);
    }
    if let Some((name, target)) = target {
        let vouched = refs.iter().zip(&report.entries);
        let mut vouched = vouched.filter(|(known, _)| known.commit == target);
        if !vouched.any(|(_, entry)| entry.signer.is_ok()) {
            report.entries.push(check.of_commit(name, target)?);
        }
    }
    Ok(report)
}

/// Answers about single objects.
struct Check<'a> {
    history: &'a History,
    place: Place<'a>,
    allowed: &'a Path,
}

impl<'a> Check<'a> {
    fn new(history: &'a History, place: Place<'a>, allowed: &'a Path) -> Result<Self, Error> {
        crate::fsx::read(allowed)?;
        Ok(Self {
            history,
            place,
            allowed,
        })
    }

    fn of_commit(&self, name: &str, commit: CommitId) -> Result<SignatureEntry, Error> {
        let signed = self.history.signed_commit(commit)?;
        self.entry(name, commit, &signed, false)
    }

    fn of_ref(&self, known: &Ref) -> Result<SignatureEntry, Error> {
        if known.object == known.commit {
            return self.of_commit(known.short_name(), known.commit);
        }
        let signed = self.history.signed_tag(known.object)?;
        let mut entry = self.entry(known.short_name(), known.object, &signed, true)?;
        let own = signed.tag.unwrap_or_default();
        if entry.signer.is_ok() && own != known.short_name() {
            entry.signer = Err(format!("it was signed as the tag {own:?}"));
        }
        Ok(entry)
    }

    fn verdict(&self, signed: &Signed) -> Result<Verdict, Error> {
        let Some(signature) = &signed.signature else {
            return Ok(Verdict::None);
        };
        if !signed.is_ssh() {
            return Ok(Verdict::Bad("it is not signed with an ssh key".to_owned()));
        }
        let time = signed.time.and_then(local);
        let asked = ssh::verify(self.place, self.allowed, &signed.payload, signature, time.as_deref());
        let asked = asked.map_err(|failure: Failure| Error::Signing(failure))?;
        Ok(asked.map_or_else(Verdict::Bad, Verdict::Good))
    }

    fn entry(&self, name: &str, object: CommitId, signed: &Signed, is_tag: bool) -> Result<SignatureEntry, Error> {
        let signer = match self.verdict(signed)? {
            Verdict::Good(signer) => Ok(signer),
            Verdict::Bad(why) => Err(why),
            Verdict::None => Err("it is not signed".to_owned()),
        };
        Ok(SignatureEntry {
            name: name.to_owned(),
            object,
            is_tag,
            short: self.history.short(object),
            signer,
        })
    }
}

/// Answers about single commits, for `log`.
pub(super) struct Witness<'a>(Check<'a>);

impl<'a> Witness<'a> {
    /// By a file of allowed signers, which must be readable.
    pub(super) fn new(session: &'a Session<'_>, allowed: &'a Path) -> Result<Self, Error> {
        Ok(Self(Check::new(session.repo.history(), place(session), allowed)?))
    }

    /// What is to be said of a commit's signature.
    pub(super) fn of(&self, commit: CommitId) -> Result<Verdict, Error> {
        self.0.verdict(&self.0.history.signed_commit(commit)?)
    }
}

/// As `-Overify-time` takes it: the local clock, as git gives it too.
fn local(time: Time) -> Option<String> {
    let moment = jiff::Timestamp::from_second(time.seconds).ok()?;
    let zoned = moment.to_zoned(jiff::tz::TimeZone::system());
    Some(zoned.strftime("%Y%m%d%H%M%S").to_string())
}
