//! An entry of the log of refs: all that stands at a remote after one push.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::digest::Digest;
use crate::history::{ObjectId, Person, RefKind, RefName, Time};

/// What stands at a remote after a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// [`Entry::FORMAT`]
    pub format: u32,
    /// Its number: that of the entry before and one.
    pub number: u64,
    /// SHA-256 of the entry before, byte by byte.
    pub previous: Option<Digest>,
    /// Random: tells two pushers apart who write the same.
    pub id: String,
    /// When, by the clock of who pushed.
    pub time: Time,
    /// Who pushed.
    pub who: Person,
    /// The branch that a clone checks out.
    pub head: Option<String>,
    /// All branches and tags by full name.
    pub refs: BTreeMap<String, ObjectId>,
    /// All packs in the order in which they came.
    pub packs: Vec<Pack>,
    /// All layers that any ref ever needed, with their lengths.
    pub layers: BTreeMap<Digest, u64>,
}

/// The objects that one push brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// `pack-<sha1>`, without an ending.
    pub name: String,
    /// SHA-256 of the pack.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
    /// What the refs that moved were at after it. Whoever has these has all of the pack.
    pub tips: Vec<ObjectId>,
}

/// The most bytes that an entry may have.
pub(super) const MAX_ENTRY: u64 = 32 << 20;

/// The most refs at one remote.
const MAX_REFS: usize = 100_000;

/// The longest pack or layer, in bytes.
const MAX_SIZE: u64 = 1 << 50;

impl Entry {
    /// The only format there is.
    pub const FORMAT: u32 = 1;

    /// As it is stored.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Reads entry `number`, trusting nobody.
    pub(super) fn decode(bytes: &[u8], number: u64, address: &str) -> Result<Self, Error> {
        let what = || format!("entry {number} of the refs at {address}");
        let refused = |why: String| Error::refused(what(), why);
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version =
            serde_json::from_slice(bytes).map_err(|error| refused(format!("it makes no sense: {error}")))?;
        if version.format != Self::FORMAT {
            return Err(refused(format!(
                "it has format {}; upgrade envgit to read it",
                version.format
            )));
        }
        let entry: Self =
            serde_json::from_slice(bytes).map_err(|error| refused(format!("it makes no sense: {error}")))?;
        if entry.number != number {
            return Err(refused(format!("it says that it is entry {}", entry.number)));
        }
        if (number == 1) != entry.previous.is_none() {
            return Err(refused("it does not say which entry it follows".to_owned()));
        }
        entry.check().map_err(refused)?;
        Ok(entry)
    }

    fn check(&self) -> Result<(), String> {
        if self.refs.len() > MAX_REFS {
            return Err(format!("it has {} refs; {MAX_REFS} are the most", self.refs.len()));
        }
        for name in self.refs.keys() {
            let parsed = RefName::new(name).map_err(|error| error.to_string())?;
            if !matches!(parsed.kind(), RefKind::Branch | RefKind::Tag) || parsed.short_name().starts_with('-') {
                return Err(format!("{name:?} is neither a branch nor a tag"));
            }
            if parsed.short_name() == "HEAD" {
                return Err(format!("{name:?} is no name for a branch or tag"));
            }
            let mut above = name.match_indices('/').map(|(at, _)| &name[..at]);
            if let Some(clash) = above.find(|above| self.refs.contains_key(*above)) {
                return Err(format!("{name:?} cannot stand beside {clash:?}"));
            }
        }
        if let Some(head) = &self.head
            && RefName::new(head).map(|name| name.kind()).ok() != Some(RefKind::Branch)
        {
            return Err(format!("its head {head:?} is no branch"));
        }
        for pack in &self.packs {
            let hex = pack.name.strip_prefix("pack-").unwrap_or_default();
            if hex.parse::<ObjectId>().is_err() {
                return Err(format!("{:?} is no name of a pack", pack.name));
            }
            if pack.size > MAX_SIZE {
                return Err(format!("{} says it has {} bytes", pack.name, pack.size));
            }
        }
        if let Some((digest, size)) = self.layers.iter().find(|(_, size)| **size > MAX_SIZE) {
            return Err(format!("the layer {digest} says it has {size} bytes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64, refs: &[(&str, u8)]) -> Entry {
        let refs = refs
            .iter()
            .map(|(name, n)| ((*name).to_owned(), ObjectId::from_bytes([*n; 20])));
        Entry {
            format: 1,
            number,
            previous: (number > 1).then(|| Digest::of(b"before")),
            id: "0".repeat(32),
            time: Time { seconds: 1, offset: 0 },
            who: Person {
                name: "Ada".into(),
                email: "a@b".into(),
            },
            head: Some("refs/heads/main".into()),
            refs: refs.collect(),
            packs: Vec::new(),
            layers: BTreeMap::new(),
        }
    }

    #[test]
    fn entries_come_back() {
        let mut one = entry(
            3,
            &[("refs/heads/main", 1), ("refs/heads/main-2", 2), ("refs/tags/v/1", 3)],
        );
        one.layers.insert(Digest::of(b"x"), 7);
        assert_eq!(Entry::decode(&one.encode(), 3, "there").unwrap(), one);
    }

    #[test]
    fn entries_that_lie_are_refused() {
        let told = |entry: &Entry| Entry::decode(&entry.encode(), 3, "there").unwrap_err().to_string();
        for (name, said) in [
            ("refs/heads/../x", "is not a valid name"),
            ("refs/heads/a b", "is not a valid name"),
            ("HEAD", "is not a valid name"),
            ("/etc/passwd", "is not a valid name"),
            ("refs/remotes/origin/x", "is neither a branch nor a tag"),
            ("refs/autosave/1", "is neither a branch nor a tag"),
            ("refs/heads/-x", "is neither a branch nor a tag"),
            ("refs/heads/main/x", "cannot stand beside \"refs/heads/main\""),
            ("refs/heads/HEAD", "is no name for a branch"),
        ] {
            let bad = entry(3, &[("refs/heads/main", 1), ("refs/heads/main.x", 1), (name, 2)]);
            assert!(told(&bad).contains(said), "{}", told(&bad));
        }
        assert!(told(&entry(4, &[])).contains("it says that it is entry 4"));
        let mut bad = entry(3, &[]);
        bad.format = 2;
        assert!(told(&bad).contains("upgrade envgit"));
        let mut bad = entry(3, &[]);
        bad.previous = None;
        assert!(told(&bad).contains("which entry it follows"));
        let mut bad = entry(3, &[]);
        bad.head = Some("refs/tags/x".into());
        assert!(told(&bad).contains("is no branch"));
        let mut bad = entry(3, &[]);
        bad.layers.insert(Digest::of(b"x"), u64::MAX);
        assert!(told(&bad).contains("says it has"));
        let pack = Pack {
            name: "pack-../../x".into(),
            digest: Digest::of(b""),
            size: 1,
            tips: vec![],
        };
        let mut bad = entry(3, &[]);
        bad.packs.push(pack);
        assert!(told(&bad).contains("is no name of a pack"));
        let text = String::from_utf8(entry(3, &[]).encode()).unwrap();
        let error = Entry::decode(&text.as_bytes()[..40], 3, "there").unwrap_err();
        assert!(error.to_string().contains("makes no sense"), "{error}");
    }
}
