//! Pins: committed files kept reachable by a hard link or reflink, so that going back to them copies nothing.
//!
//! ```text
//! cache/pins/<root>/<unit>@<id>/       the tree of one unit in one state
//! cache/pins/<root>/<unit>@<id>.live   its record, while that state is live
//! cache/pins/<root>/<unit>@<id>.held   its record, after it went out of use
//! cache/pins/<root>/<unit>@<id>.spare/ other names of its files: what a checkout took out of the live tree
//! cache/pins/<root>/place              where the roots were when these were pinned
//! cache/pins/.trash/<n>                names that wait to be removed
//! ```
//!
//! A pin is a cache and nothing depends on it. It is used only where its stamp, the ctime included, is the one under
//! which its content was known; where the ctime moved, as it does when another name of the inode goes, the content is
//! read and compared with its digest once. What does not match comes from the layers. `docs/decisions/0010-pins.md`
//! has the reasons and what was measured.

mod evict;
mod hold;
mod holding;
mod method;
mod offer;
mod prove;
mod record;

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use evict::{Eviction, PinEntry};
pub use hold::{Member, Restamped};
pub use method::{Method, NoPins};
pub use offer::{Known, Offered, PinnedFile, Remembered, Wanted};

use crate::digest::Digest;
use crate::fsx;
use crate::snapshot::root::RootName;
use crate::snapshot::unit::UnitName;

/// The git id of a unit's file list.
pub type UnitId = [u8; 20];

/// The pins of one root.
pub struct Pins {
    /// `cache/pins`.
    base: PathBuf,
    /// `cache/pins/<root>`.
    dir: PathBuf,
    /// Where the root stands.
    root: PathBuf,
    method: Method,
}

/// The state of a record, as the end of its name says.
const LIVE: &str = "live";
const HELD: &str = "held";
/// The file that says where the roots were when their files were pinned.
const PLACE: &str = "place";
/// Where names wait to be removed.
const TRASH: &str = ".trash";
/// No longer unit name gets a pin: the kernel's limit for names is 255.
const LONGEST_NAME: usize = 180;

impl Pins {
    /// The pins of a root, or why there can be none. `place` stands for where all roots are: pinned files name these
    /// paths, and what was pinned at another place is discarded.
    ///
    /// # Errors
    /// [`Method`] says what would help.
    pub fn open(base: &Path, name: &RootName, root: &Path, place: &Digest) -> Result<Self, NoPins> {
        let method = Method::find(base, root)?;
        let pins = Self {
            base: base.to_owned(),
            dir: base.join(name.as_str()),
            root: root.to_owned(),
            method,
        };
        let mark = pins.dir.join(PLACE);
        let wanted = place.to_string();
        if fsx::read_if_present(&mark).map_err(NoPins::from)?.as_deref() != Some(wanted.as_bytes()) {
            if pins.dir.symlink_metadata().is_ok() {
                pins.discard(&pins.dir).map_err(NoPins::from)?;
            }
            fsx::create_dir_all(&pins.dir).map_err(NoPins::from)?;
            fsx::atomic::write_cache(&mark, wanted.as_bytes()).map_err(NoPins::from)?;
        }
        Ok(pins)
    }

    /// How files are pinned here.
    pub fn method(&self) -> Method {
        self.method
    }

    /// `<unit>@<id>`: both in one name, so that one listing tells all pins there are.
    fn name(unit: &UnitName, id: &UnitId) -> String {
        let mut name = format!("{}@", flat(unit));
        for byte in id {
            name.push_str(&format!("{byte:02x}"));
        }
        name
    }

    fn tree(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn spare(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.spare"))
    }

    fn record_path(&self, name: &str, state: &str) -> PathBuf {
        self.dir.join(format!("{name}.{state}"))
    }

    /// The record of a pin with the state it is in.
    fn record(&self, name: &str) -> Option<(record::Record, &'static str)> {
        [LIVE, HELD].into_iter().find_map(|state| {
            let record = record::Record::read(&self.record_path(name, state))?;
            Some((record, state))
        })
    }

    /// All pins by the flat names of their units: name and state of the record, oldest first.
    fn listing(&self) -> HashMap<String, Vec<(String, &'static str)>> {
        let mut found: HashMap<String, Vec<(i64, String, &'static str)>> = HashMap::new();
        for item in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = item.file_name();
            let Some(name) = name.to_str() else { continue };
            let state = [LIVE, HELD].into_iter().find_map(|state| {
                let name = name.strip_suffix(state)?.strip_suffix('.')?;
                Some((name.to_owned(), state))
            });
            let Some((name, state)) = state else { continue };
            let Some((unit, _)) = name.rsplit_once('@') else {
                continue;
            };
            let time = item
                .metadata()
                .map_or(0, |meta| meta.mtime() * 1_000_000_000 + meta.mtime_nsec());
            found.entry(unit.to_owned()).or_default().push((time, name, state));
        }
        let sorted = |mut list: Vec<(i64, String, &'static str)>| {
            list.sort();
            list.into_iter().map(|(_, name, state)| (name, state)).collect()
        };
        found.into_iter().map(|(unit, list)| (unit, sorted(list))).collect()
    }
}

/// A unit's name without slashes; ':' is in none.
fn flat(unit: &UnitName) -> String {
    unit.as_str().replace('/', ":")
}
