//! Listing refs.

use std::path::Path;

use super::History;
use super::error::Error;
use super::id::CommitId;
use super::log::split_header;
use super::person::{Person, Time, parse_signature};
use super::refname::{RefKind, RefName};
use super::signature::start_in_tag;

/// A ref that stands for a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref {
    /// Its full name.
    pub name: RefName,
    /// The object it is at: the commit, or the annotation's own.
    pub object: CommitId,
    /// The commit, behind an annotation too.
    pub commit: CommitId,
    /// What an annotated tag says.
    pub annotation: Option<Annotation>,
}

/// What an annotated tag says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its message.
    pub message: String,
    /// Who made it.
    pub tagger: Option<Person>,
    /// When.
    pub time: Option<Time>,
}

impl Ref {
    /// What it is for.
    pub fn kind(&self) -> RefKind {
        self.name.kind()
    }

    /// The number at the end of its name: of autosaves and of marks of good commits.
    pub fn number(&self) -> Option<u64> {
        number(self.short_name())
    }

    /// Its name for people.
    pub fn short_name(&self) -> &str {
        self.name.short_name()
    }
}

fn number(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.parse().ok()
}

/// Tags of tags, beyond which they are taken for hostile.
pub(super) const MAX_TAGS: usize = 8;

impl History {
    /// All refs that stand for commits, sorted by name. `HEAD` is not one of them, nor are names that are not UTF-8. Those that
    /// cannot be read are passed over, as git does; see [`History::broken_refs`].
    ///
    /// # Errors
    /// The refs cannot be listed.
    pub fn refs(&self) -> Result<Vec<Ref>, Error> {
        let mut list = Vec::new();
        for name in self.ref_names()? {
            let Ok(name) = RefName::new(&name) else { continue };
            let Ok(Some(raw)) = self.read_raw(name.as_str()) else {
                continue;
            };
            if let Ok(Some((commit, annotation))) = self.peel(raw.oid()) {
                list.push(Ref {
                    name,
                    object: raw,
                    commit,
                    annotation,
                });
            }
        }
        Ok(list)
    }

    /// Whether there is a branch of this name. What cannot be one is none.
    ///
    /// # Errors
    /// The ref cannot be read.
    pub fn has_branch(&self, name: &str) -> Result<bool, Error> {
        match RefName::branch(name) {
            Ok(name) => Ok(self.read_raw(name.as_str())?.is_some()),
            Err(_) => Ok(false),
        }
    }

    /// The tag of this name, if there is one beside a branch of it.
    ///
    /// # Errors
    /// A ref cannot be read.
    pub fn tag_beside_branch(&self, name: &str) -> Result<Option<RefName>, Error> {
        let Ok(tag) = RefName::tag(name) else { return Ok(None) };
        let is_both = self.has_branch(name)? && self.read_raw(tag.as_str())?.is_some();
        Ok(is_both.then_some(tag))
    }

    /// Whether commits may have come from elsewhere: there is a ref of a remote, or refs cannot be listed.
    pub fn knows_remotes(&self) -> bool {
        let names = self.ref_names();
        names.map_or(true, |names| names.iter().any(|name| name.starts_with("refs/remotes/")))
    }

    pub(super) fn read_raw(&self, name: &str) -> Result<Option<CommitId>, Error> {
        let found = self.repo.try_find_reference(name).map_err(|e| Error::read(name, e))?;
        // A symbolic ref may stand for one that is not there (a remote's HEAD).
        let id = found.and_then(|mut found| found.follow_to_object().ok().map(|id| id.detach()));
        Ok(id.and_then(|id| CommitId::from_oid(&id)))
    }

    /// The full names of all refs that can be read, sorted, each once.
    pub(super) fn ref_names(&self) -> Result<Vec<String>, Error> {
        Ok(self.listed_refs()?.names)
    }

    /// The full names of refs that [`History::refs`] passes over: their files make no sense, or the object is missing or
    /// damaged.
    ///
    /// # Errors
    /// The refs cannot be listed.
    pub fn broken_refs(&self) -> Result<Vec<String>, Error> {
        let is_broken = |name: &String| match self.read_raw(name) {
            Ok(Some(raw)) => self.peel(raw.oid()).is_err(),
            Ok(None) => false,
            Err(_) => true,
        };
        let Listed { names, senseless } = self.listed_refs()?;
        let mut broken = senseless;
        broken.extend(names.into_iter().filter(is_broken));
        broken.sort_unstable();
        Ok(broken)
    }

    /// The number after the highest of refs of a kind, also of those that cannot be read.
    ///
    /// # Errors
    /// The refs cannot be listed.
    pub fn next_number(&self, kind: RefKind) -> Result<u64, Error> {
        let Listed { names, senseless } = self.listed_refs()?;
        let names = names.into_iter().chain(senseless);
        let of_kind = names
            .filter_map(|name| RefName::new(&name).ok())
            .filter(|name| name.kind() == kind);
        let highest = of_kind.filter_map(|name| number(name.short_name())).max();
        Ok(highest.unwrap_or(0).saturating_add(1))
    }

    /// The names of all refs. Files are looked through only where some make no sense.
    pub(super) fn listed_refs(&self) -> Result<Listed, Error> {
        let platform = self.repo.references().map_err(|e| Error::read("refs", e))?;
        let (mut names, mut is_whole) = (Vec::new(), true);
        for found in platform.all().map_err(|e| Error::read("refs", e))? {
            match found {
                Ok(found) => {
                    let name = std::str::from_utf8(found.name().as_bstr());
                    names.extend(name.ok().map(str::to_owned));
                }
                Err(_) => is_whole = false,
            }
        }
        names.sort_unstable();
        names.dedup();
        let mut senseless = Vec::new();
        if !is_whole {
            loose(&self.repo.git_dir().join("refs"), "refs", &mut senseless).map_err(|e| Error::read("refs", e))?;
            senseless.retain(|name| names.binary_search(name).is_err());
            senseless.sort_unstable();
        }
        Ok(Listed { names, senseless })
    }

    /// The commit behind an object with what the outermost tag says, or nothing when it is no commit.
    pub(super) fn peel(&self, id: gix::ObjectId) -> Result<Option<(CommitId, Option<Annotation>)>, Error> {
        use gix::objs::Kind;
        let missing = |id: gix::ObjectId| Error::Missing {
            kind: "object",
            id: id.to_string(),
        };
        let mut id = id;
        let mut annotation = None;
        for _ in 0..MAX_TAGS {
            let header = self.repo.try_find_header(id).map_err(|e| Error::read(id, e))?;
            match header.ok_or_else(|| missing(id))?.kind() {
                Kind::Commit => return Ok(CommitId::from_oid(&id).map(|id| (id, annotation))),
                Kind::Tree | Kind::Blob => return Ok(None),
                Kind::Tag => {
                    let data = self.read_object(id, Kind::Tag)?;
                    let (target, said) = parse_tag(&data)
                        .ok_or_else(|| Error::damaged(format!("tag {id}"), "its header makes no sense"))?;
                    annotation.get_or_insert(said);
                    id = target;
                }
            }
        }
        Err(Error::damaged(format!("tag {id}"), "tags are nested too deeply"))
    }
}

/// The full names of refs, sorted.
pub(super) struct Listed {
    /// Those that can be read.
    pub(super) names: Vec<String>,
    /// Those whose files make no sense.
    pub(super) senseless: Vec<String>,
}

/// The files of refs in a folder.
fn loose(dir: &Path, prefix: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}/{name}")) else {
            continue;
        };
        match entry.file_type()?.is_dir() {
            true => loose(&entry.path(), &name, names)?,
            false if name.ends_with(".lock") => {}
            false => names.push(name),
        }
    }
    Ok(())
}

pub(super) fn parse_tag(data: &[u8]) -> Option<(gix::ObjectId, Annotation)> {
    let data = &data[..start_in_tag(data).unwrap_or(data.len())];
    let (lines, message) = split_header(data);
    let mut target = None;
    let mut signature = None;
    for (key, value) in lines {
        match key {
            // Two readers that disagree on which of two counts could be told different things.
            b"object" if target.is_some() => return None,
            b"object" => target = Some(gix::ObjectId::from_hex(value).ok()?),
            b"tagger" => signature = parse_signature(value),
            _ => {}
        }
    }
    let (tagger, time) = signature.unzip();
    Some((
        target?,
        Annotation {
            message: String::from_utf8_lossy(message).into_owned(),
            tagger,
            time,
        },
    ))
}
