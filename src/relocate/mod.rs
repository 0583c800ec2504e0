//! Relocation, pure: content as it is recorded, and as it must be where a root stands here.
//!
//! conda and pip write absolute paths into files. Content is recorded as if every root stood at its *home*, the path at
//! which it was first recorded ([`crate::snapshot::facts::RootFacts::home`]). Where a root stands elsewhere, a checkout
//! puts its own path in ([`Relocation::live`]), and a capture takes it out again ([`Relocation::recorded`]).
//!
//! The two are inverse to each other for every file, not only for those that were foreseen: what is recorded of a live
//! file is the first proposal that `live` turns into exactly that file, and the last proposal is the file as it is,
//! marked as one that is never changed. So a moved environment comes back byte by byte, any number of times, and what
//! cannot be moved is known by name.

mod binary;
mod bytecode;
mod paths;
mod records;
mod script;

use bytecode::is_code;
pub use paths::{Pair, Paths};
pub use records::{Placeholder, Placeholders, placeholders};

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::digest::Digest;
use crate::snapshot::content::{Form, Recorded};
use crate::snapshot::entry::PrefixUse;
use crate::snapshot::path::RelPath;
use crate::snapshot::prefix::PrefixScan;

/// Longer files are never changed: their path stays the home's.
pub const LONGEST: u64 = 512 << 20;

/// What installers promise of the files of one root, found when it is first asked for.
type Load = dyn Fn() -> Placeholders + Send + Sync;

/// Whether some layer holds a content.
type Holds = dyn Fn(&Digest) -> bool + Send + Sync;

/// How the content of one root is recorded and brought back.
#[derive(Clone)]
pub struct Relocation {
    paths: Arc<Paths>,
    /// The same, and the interpreter on which a virtual environment is based: of what names that.
    with_base: Option<Arc<Paths>>,
    /// The path of this root at home and here, in placeholders' stead.
    own: Pair,
    load: Arc<Load>,
    placeholders: Arc<OnceLock<Placeholders>>,
    holds: Arc<Holds>,
}

/// What becomes of a recorded file here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// It holds no path that must change.
    Same,
    /// It is this.
    Moved(Vec<u8>),
    /// It should change and cannot.
    Stuck(Stuck),
}

/// Why a file keeps the path of another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Stuck {
    /// A path in a binary has no room for a longer one.
    #[error("a path in it has no room for the one here")]
    NoRoom,
    /// It is too long to be looked through.
    #[error("it is too long to be looked through")]
    TooLong,
    /// It is neither text, nor a program or library.
    #[error("it is data, which is never changed")]
    Data,
    /// The way back would not lead to the same bytes.
    #[error("it holds paths of both places, so that the change could not be taken back")]
    Ambiguous,
    /// It was marked so when it was recorded.
    #[error("it was recorded elsewhere and cannot be changed")]
    Fixed,
}

impl Relocation {
    /// The form of a root whose roots all stand at home: nothing is changed.
    pub fn at_home(root: &[u8]) -> Self {
        let own = Pair {
            home: root.to_vec(),
            here: root.to_vec(),
        };
        Self::new(Arc::new(Paths::new(vec![own.clone()])), own, Placeholders::new)
    }

    /// The form of the root that `own` is, among the roots that `paths` has.
    pub fn new(paths: Arc<Paths>, own: Pair, load: impl Fn() -> Placeholders + Send + Sync + 'static) -> Self {
        Self {
            paths,
            with_base: None,
            own,
            load: Arc::new(load),
            placeholders: Arc::default(),
            holds: Arc::new(|_| false),
        }
    }

    /// The same, of a virtual environment whose interpreter lies in these folders. `/usr/bin` and the like stand in many
    /// files that mean something else; so only `pyvenv.cfg` and links are changed.
    #[must_use]
    pub fn based_on(mut self, base: Pair) -> Self {
        self.with_base = Some(Arc::new(self.paths.and(base)));
        self
    }

    /// Whether nothing is changed.
    pub fn is_identity(&self) -> bool {
        self.paths.is_identity() && self.with_base.as_ref().is_none_or(|paths| paths.is_identity())
    }

    /// The paths that count in a file.
    fn paths_in(&self, path: &RelPath) -> &Paths {
        match &self.with_base {
            Some(paths) if path.as_bytes() == b"pyvenv.cfg" => paths,
            _ => &self.paths,
        }
    }

    /// The paths that count in targets of links.
    fn paths_of_links(&self) -> &Paths {
        self.with_base.as_ref().unwrap_or(&self.paths)
    }

    /// The same, with contents known that some layer holds: a binary may then be what was made of one of them.
    #[must_use]
    pub fn knowing(mut self, holds: impl Fn(&Digest) -> bool + Send + Sync + 'static) -> Self {
        self.holds = Arc::new(holds);
        self
    }

    /// Where the root stands at home and here.
    pub fn own(&self) -> &Pair {
        &self.own
    }

    /// Stands for where all roots are here: live files of equal recorded content are equal where it is equal. At home
    /// that is where the root itself is.
    pub fn place(&self) -> Digest {
        match self.is_identity() {
            true => Digest::of(&self.own.here),
            false => Digest::of(&self.paths_of_links().tokens().join(&0)),
        }
    }

    /// A recorded file as it must be here.
    pub fn live(&self, path: &RelPath, bytes: &[u8], how: PrefixUse) -> Live {
        let is_moved = !self.paths_in(path).is_identity();
        match how {
            PrefixUse::Fixed => Live::Stuck(Stuck::Fixed),
            _ if is_moved && is_code(path) => self.code(path, bytes).map_or(Live::Same, Live::Moved),
            PrefixUse::Text | PrefixUse::Binary if is_moved => self.moved(path, bytes, how),
            _ => Live::Same,
        }
    }

    /// Whether a recorded file may have to change here. Byte code may without a mark: it may name this place alone, where
    /// it was made.
    pub fn may_change(&self, path: &RelPath, how: PrefixUse) -> bool {
        match how {
            PrefixUse::Fixed => true,
            PrefixUse::Text | PrefixUse::Binary => !self.is_identity(),
            PrefixUse::None => !self.is_identity() && is_code(path),
        }
    }

    /// The other form of byte code, if it has one: both ways are the same.
    fn code(&self, path: &RelPath, bytes: &[u8]) -> Option<Vec<u8>> {
        if bytes.len() as u64 > LONGEST {
            return None;
        }
        let tokens = self.paths_in(path).tokens();
        bytecode::change(path, bytes, tokens, [&self.own.home, &self.own.here])
    }

    fn moved(&self, path: &RelPath, bytes: &[u8], how: PrefixUse) -> Live {
        if bytes.len() as u64 > LONGEST {
            return Live::Stuck(Stuck::TooLong);
        }
        let there = match self.change(path, bytes, how, &Way::Here) {
            Ok(there) => there,
            Err(stuck) => return Live::Stuck(stuck),
        };
        if there == bytes {
            return Live::Same;
        }
        match self.change(path, &there, how, &Way::Home { origin: bytes }) {
            Ok(back) if back == bytes => Live::Moved(there),
            _ => Live::Stuck(Stuck::Ambiguous),
        }
    }

    fn change(&self, path: &RelPath, bytes: &[u8], how: PrefixUse, way: &Way<'_>) -> Result<Vec<u8>, Stuck> {
        let map = match way {
            Way::Here => self.paths_in(path).to_here(),
            Way::Home { .. } | Way::HomeOfKnown => self.paths_in(path).to_home(),
        };
        if how == PrefixUse::Text {
            return Ok(script::change(map, bytes));
        }
        let from = match way {
            Way::Here => &self.own.home,
            _ => &self.own.here,
        };
        let placeholder = self.placeholder(path);
        if placeholder.is_none() && !binary::holds_strings(bytes) {
            return Err(Stuck::Data);
        }
        let room = placeholder.map(|placeholder| binary::Room {
            token: from,
            longest: placeholder.len,
        });
        let changed = binary::change(map, bytes, room).ok_or(Stuck::NoRoom)?;
        let is_proven = match way {
            _ if !changed.grew_unproven => true,
            Way::Here => false,
            Way::Home { origin } => changed.bytes == *origin,
            Way::HomeOfKnown => (self.holds)(&Digest::of(&changed.bytes)),
        };
        is_proven.then_some(changed.bytes).ok_or(Stuck::NoRoom)
    }

    fn placeholder(&self, path: &RelPath) -> Option<&Placeholder> {
        self.placeholders.get_or_init(|| (self.load)()).get(path)
    }

    /// The target of a recorded link as it must be here.
    pub fn live_link(&self, target: &[u8]) -> Vec<u8> {
        self.paths_of_links().to_here().link(target)
    }

    /// What a content that stands as it is recorded holds of the home.
    fn holds_home(&self, path: &RelPath, bytes: &[u8]) -> PrefixUse {
        let mut scan = PrefixScan::new(self.homes(path));
        scan.update(bytes);
        scan.finish()
    }
}

impl fmt::Debug for Relocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relocation")
            .field("paths", &self.paths)
            .field("own", &self.own)
            .finish()
    }
}

/// Which way a content is changed.
enum Way<'a> {
    Here,
    /// Back again: what it must become is at hand.
    Home {
        origin: &'a [u8],
    },
    /// To the home, and where a binary's padding alone cannot prove it, only to what some layer holds.
    HomeOfKnown,
}

impl Form for Relocation {
    fn fingerprint(&self) -> Digest {
        let paths = self.paths_of_links();
        let named = paths.homes().iter().chain(paths.tokens());
        Digest::of(&named.flat_map(|path| [&path[..], b"\0"].concat()).collect::<Vec<u8>>())
    }

    fn sought(&self, path: &RelPath) -> &[Vec<u8>] {
        self.paths_in(path).tokens()
    }

    fn homes(&self, path: &RelPath) -> &[Vec<u8>] {
        self.paths_in(path).homes()
    }

    fn is_home(&self) -> bool {
        self.is_identity()
    }

    fn home(&self) -> Option<&[u8]> {
        Some(&self.own.home)
    }

    fn longest(&self) -> u64 {
        LONGEST
    }

    fn bound(&self, live: u64) -> u64 {
        match self.is_identity() {
            true => live,
            false => script::bound(live.saturating_mul(self.paths_of_links().to_home().growth())),
        }
    }

    fn recorded_link(&self, target: Vec<u8>) -> Vec<u8> {
        self.paths_of_links().to_home().link(&target)
    }

    fn recorded(&self, path: &RelPath, live: Vec<u8>) -> Recorded {
        let as_it_is = |bytes: Vec<u8>, prefix| Recorded { bytes, prefix };
        let here = self.holds_home(path, &live);
        if self.paths_in(path).is_identity() || live.len() as u64 > LONGEST {
            return as_it_is(live, here);
        }
        if is_code(path) {
            // No path in it changes, so that the mark stays, too.
            let home = self.code(path, &live);
            return as_it_is(home.unwrap_or(live), here);
        }
        // As it is: what another place would change in it, it must not.
        let stays = matches!(self.live(path, &live, here), Live::Same | Live::Stuck(_));
        // Recorded at home by somebody who named this place.
        if stays && (self.holds)(&Digest::of(&live)) {
            return as_it_is(live, here);
        }
        let kinds = match memchr::memchr(0, &live[..live.len().min(PrefixScan::SNIFF)]) {
            None => [PrefixUse::Text, PrefixUse::Binary],
            Some(_) => [PrefixUse::Binary, PrefixUse::Text],
        };
        for how in kinds {
            let Ok(home) = self.change(path, &live, how, &Way::HomeOfKnown) else {
                continue;
            };
            let prefix = self.holds_home(path, &home);
            let comes_back = match self.live(path, &home, prefix) {
                Live::Moved(there) => there == live,
                Live::Same | Live::Stuck(_) => home == live,
            };
            if comes_back && (prefix == how || prefix == PrefixUse::None) {
                return as_it_is(home, prefix);
            }
        }
        // What is sought was found: a path of here, where it is none of home.
        let is_fixed = !stays || here == PrefixUse::None;
        as_it_is(live, if is_fixed { PrefixUse::Fixed } else { here })
    }
}

#[cfg(test)]
mod tests;
