//! Where one fetches from: a remote, or the directory of another repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::coming::Coming;
use super::entry::Pack;
use super::error::Error;
use super::fetch::layer_path;
use super::incoming::{Incoming, Part, Wanted};
use super::log::{self, Seen};
use super::memory::Memory;
use super::{index, layout};
use crate::digest::Digest;
use crate::fsx::{self, Context as _};
use crate::history::{Head, History, ObjectId, RefKind};
use crate::progress::Progress;
use crate::remote::Transport;
use crate::store::Store;
use crate::store::arrival::Arrival;
use crate::store::catalog::LayerIndex;
use crate::store::verify::structure;

/// Another repository on this machine.
pub struct Peer {
    dir: PathBuf,
    address: String,
    history: History,
}

/// Where one fetches from.
pub enum Source {
    /// A remote that others push to.
    Remote(Box<dyn Transport>),
    /// The repository of somebody else, or of oneself.
    Repository(Box<Peer>),
}

/// What can be fetched.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The full name of the branch that a clone checks out.
    pub head: Option<String>,
    /// Branches and tags by full name.
    pub refs: BTreeMap<String, ObjectId>,
    /// Layers with their lengths.
    pub layers: BTreeMap<Digest, u64>,
    pub(super) packs: Vec<Pack>,
    /// The entry that says so, to be remembered.
    pub(super) seen: Option<Seen>,
}

impl Peer {
    /// The repository whose own directory (`…/.envgit`) this is.
    ///
    /// # Errors
    /// Names what cannot be opened.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Ok(Self {
            history: History::open(&dir.join("history"))?,
            address: dir.display().to_string(),
            dir: dir.to_owned(),
        })
    }

    fn offer(&self) -> Result<Offer, Error> {
        let refs = self.history.refs()?.into_iter();
        let refs = refs.filter(|known| matches!(known.kind(), RefKind::Branch | RefKind::Tag));
        let head = match self.history.head()? {
            Head::Branch { name, .. } => Some(format!("refs/heads/{name}")),
            Head::Unborn { .. } | Head::Detached { .. } => None,
        };
        let (layers, _) = crate::store::verify::list(&self.dir.join("layers"))?;
        let sized = layers
            .into_iter()
            .map(|(digest, path)| Ok((digest, path.metadata().at("look at", &path)?.len())));
        Ok(Offer {
            head,
            refs: refs
                .map(|known| (known.name.as_str().to_owned(), known.object.into()))
                .collect(),
            layers: sized.collect::<Result<_, fsx::Error>>()?,
            packs: Vec::new(),
            seen: None,
        })
    }

    /// Sends all objects that `wants` lead to and `haves` do not.
    fn send(&self, wants: &[ObjectId], haves: &[ObjectId], to: &History, incoming: &Path) -> Result<(u64, u64), Error> {
        let known: Vec<ObjectId> = haves
            .iter()
            .copied()
            .filter(|id| self.history.has_object(*id))
            .collect();
        let beyond = self.history.beyond(wants, &known)?;
        if beyond.objects.is_empty() {
            return Ok((0, 0));
        }
        let draft = tempfile::Builder::new()
            .prefix(".draft-")
            .tempdir_in(incoming)
            .at("create a directory in", incoming)?;
        let files = self.history.export(&beyond.objects, draft.path())?;
        to.import(&files.pack)?;
        Ok((1, files.pack.metadata().at("look at", &files.pack)?.len()))
    }
}

impl Source {
    /// Its address for people.
    pub fn address(&self) -> &str {
        match self {
            Self::Remote(transport) => transport.address(),
            Self::Repository(peer) => &peer.address,
        }
    }

    /// Whether all these layers lie on the file system of a directory, so that they take no room there.
    pub fn is_near(&self, layers: &[(Digest, u64)], dir: &Path) -> bool {
        let carrier = self.carrier();
        layers.iter().all(|(digest, _)| carrier.is_near(digest, dir))
    }

    /// What can be fetched. With a memory, a remote that was set back since is refused.
    ///
    /// # Errors
    /// [`Error::Nothing`], [`Error::Rewritten`], [`Error::Refused`], or what the remote said.
    pub fn offer(&self, memory: Option<&Memory>) -> Result<Offer, Error> {
        let transport = match self {
            Self::Repository(peer) => return peer.offer(),
            Self::Remote(transport) => &**transport,
        };
        let newest = log::newest(transport)?;
        if let Some(seen) = memory.map(Memory::recall).transpose()?.flatten() {
            log::check_follows(transport, newest.as_ref(), seen)?;
        }
        let newest = newest.ok_or_else(|| Error::Nothing {
            address: transport.address().to_owned(),
        })?;
        let seen = newest.seen();
        let entry = newest.entry;
        Ok(Offer {
            head: entry.head.filter(|head| entry.refs.contains_key(head)),
            refs: entry.refs,
            layers: entry.layers,
            packs: entry.packs,
            seen: Some(seen),
        })
    }

    /// Brings all objects that `wants` lead to and that are not here. Tells how many packs came, and their bytes.
    pub(super) fn bring_objects(
        &self,
        offer: &Offer,
        wants: &[ObjectId],
        haves: &[ObjectId],
        to: &History,
        repo: &Path,
        progress: &dyn Progress,
    ) -> Result<(u64, u64), Error> {
        let incoming = Incoming::open(repo)?;
        let transport = match self {
            Self::Repository(peer) => return peer.send(wants, haves, to, &repo.join("incoming")),
            Self::Remote(transport) => &**transport,
        };
        // Whoever has what the refs were at after a push has all that the push brought.
        let known = |pack: &&Pack| pack.tips.iter().all(|tip| to.has_object(*tip));
        let new: Vec<&Pack> = match wants.iter().all(|want| to.has_object(*want)) {
            true => Vec::new(),
            false => offer.packs.iter().filter(|pack| !known(pack)).collect(),
        };
        let bytes = new.iter().map(|pack| pack.size).sum();
        for pack in &new {
            bring_pack(transport, pack, &incoming, to, progress)?;
        }
        if to.examine(wants, haves).is_ok() {
            return Ok((new.len() as u64, bytes));
        }
        // A pack that was taken for known may have been incomplete here: all others are asked for before anybody
        // complains.
        let rest = offer
            .packs
            .iter()
            .filter(|pack| known(pack) && !new.iter().any(|brought| brought.name == pack.name));
        let (mut count, mut more) = (new.len() as u64, bytes);
        for pack in rest {
            bring_pack(transport, pack, &incoming, to, progress)?;
            count += 1;
            more += pack.size;
        }
        Ok((count, more))
    }

    /// How its layers come.
    pub(super) fn carrier(&self) -> Carrier<'_> {
        match self {
            Self::Remote(transport) => Carrier::Transport(&**transport),
            Self::Repository(peer) => Carrier::Folder(&peer.dir),
        }
    }
}

fn bring_pack(
    transport: &dyn Transport,
    pack: &Pack,
    incoming: &Incoming,
    to: &History,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let what = format!("the pack {}", pack.name);
    let wanted = Wanted {
        what: &what,
        digest: pack.digest,
        size: pack.size,
        arrival: &Arrival::default(),
    };
    let key = layout::pack(&format!("{}.pack", pack.name))?;
    let part = incoming.receive(transport, &key, wanted, progress)?;
    let taken = to.import(&part.path);
    Incoming::drop_part(&part.path);
    taken.map_err(|error| match error {
        crate::history::Error::Refused { why, .. } => Error::refused(format!("{what} at {}", transport.address()), why),
        other => other.into(),
    })
}

/// Brings layers; may be shared by threads.
pub(super) enum Carrier<'a> {
    Transport(&'a dyn Transport),
    /// The own directory of another repository.
    Folder(&'a Path),
}

impl Carrier<'_> {
    /// Where they come from, for people.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Transport(transport) => transport.address().to_owned(),
            Self::Folder(repo) => repo.display().to_string(),
        }
    }

    /// What a layer over there holds, read without getting the layer.
    pub(super) fn index(&self, digest: &Digest, size: u64) -> Result<LayerIndex, Error> {
        match self {
            Self::Transport(transport) => index::read(*transport, digest, size),
            Self::Folder(repo) => {
                if let Some(index) = Store::cached_index(&repo.join("cache"), digest) {
                    return Ok(index.unproven());
                }
                let path = layer_path(repo, digest);
                let what = || format!("the layer {}", path.display());
                structure(&path).map_err(|why| Error::refused(what(), why))
            }
        }
    }

    /// Whether part of a layer comes without the rest.
    pub(super) fn gives_parts(&self, digest: &Digest) -> Result<bool, Error> {
        match self {
            Self::Transport(transport) => Ok(transport.gives_parts(&layout::layer(digest)?)?),
            Self::Folder(_) => Ok(true),
        }
    }

    /// The file that a layer is, where it is one on this machine.
    fn file(&self, digest: &Digest) -> Result<Option<PathBuf>, Error> {
        Ok(match self {
            Self::Transport(transport) => transport.local_path(&layout::layer(digest)?),
            Self::Folder(repo) => Some(layer_path(repo, digest)),
        })
    }

    /// Whether a layer lies on the file system of a directory, so that it takes no room to have it there too.
    pub(super) fn is_near(&self, digest: &Digest, dir: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let device = |path: &Path| path.metadata().map(|meta| meta.dev()).ok();
        let there = self.file(digest).ok().flatten().and_then(|file| device(&file));
        there.is_some() && there == device(dir)
    }

    /// The layer beside the repository, and what it holds or what is wrong with how it is put together.
    pub(super) fn bring(
        &self,
        coming: &Coming,
        incoming: &Incoming,
        progress: &dyn Progress,
    ) -> Result<(Part, Result<LayerIndex, String>), Error> {
        let digest = coming.digest();
        let what = format!("the layer {}", digest.short());
        let wanted = Wanted {
            what: &what,
            digest,
            size: coming.size,
            arrival: &coming.awaited.arrival,
        };
        match (self.file(&digest)?, self) {
            (Some(file), _) => incoming.adopt(&file, wanted, structure, progress),
            (None, Self::Transport(transport)) => {
                let part = incoming.receive(*transport, &layout::layer(&digest)?, wanted, progress)?;
                let index = structure(&part.path);
                Ok((part, index))
            }
            (None, Self::Folder(repo)) => Err(Error::refused(what, format!("it is not in {}", repo.display()))),
        }
    }
}
