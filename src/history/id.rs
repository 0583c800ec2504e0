//! Git object ids, one type a kind of object.

use std::fmt;
use std::str::FromStr;

use gix::objs::Kind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text was not 40 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("not a git object id: {0:?}")]
pub struct ParseIdError(String);

fn parse(text: &str) -> Result<[u8; 20], ParseIdError> {
    let bad = || ParseIdError(text.to_owned());
    let id = gix::ObjectId::from_hex(text.as_bytes()).map_err(|_| bad())?;
    id.as_slice().try_into().map_err(|_| bad())
}

/// The id of an object of `kind` with this content.
pub(super) fn object_id(kind: Kind, data: &[u8]) -> Result<[u8; 20], gix::Error> {
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, data)?;
    id.as_slice()
        .try_into()
        .map_err(|_| gix::error::message("the repository does not use SHA-1 ids").into())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 20]);

        impl $name {
            /// An id from its 20 raw bytes.
            pub const fn from_bytes(bytes: [u8; 20]) -> Self {
                Self(bytes)
            }

            /// The 20 raw bytes.
            pub const fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            pub(super) fn oid(&self) -> gix::ObjectId {
                gix::ObjectId::Sha1(self.0)
            }

            #[allow(dead_code, reason = "not every kind of id comes out of gix")]
            pub(super) fn from_oid(id: &gix::oid) -> Option<Self> {
                id.as_bytes().try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse(text).map(Self)
            }
        }

        /// Text in formats for people (JSON), 20 bytes in the caches.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                    text.parse().map_err(D::Error::custom)
                } else {
                    let bytes = <&serde_bytes::Bytes>::deserialize(deserializer)?;
                    let bytes: &[u8] = bytes;
                    bytes.try_into().map(Self).map_err(D::Error::custom)
                }
            }
        }
    };
}

id! {
    /// The git id of a commit.
    CommitId
}
id! {
    /// The git id of a blob: a file's content in an inventory.
    BlobId
}
id! {
    /// The git id of a tree: a whole inventory, or a folder of one.
    TreeId
}

id! {
    /// The git id of any object.
    ObjectId
}

/// Also of the annotation of a tag, where a ref is at one.
impl From<CommitId> for ObjectId {
    fn from(id: CommitId) -> Self {
        Self(id.0)
    }
}

impl BlobId {
    /// The id that git gives a blob of these bytes. Nothing is written.
    pub fn of(bytes: &[u8]) -> Self {
        // Content made to collide (it takes a deliberate attack) gets an id that no object has, so that it is refused
        // when it is written instead of standing for somebody else's bytes.
        object_id(Kind::Blob, bytes).map_or(Self([0; 20]), Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blob_ids_are_those_of_git() {
        assert_eq!(BlobId::of(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(
            BlobId::of(b"hello\n").to_string(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
    }

    #[test]
    fn ids_round_trip_as_text_and_bytes() {
        let id = BlobId::of(b"hello\n");
        assert_eq!(id.to_string().parse::<BlobId>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<BlobId>(&json).unwrap(), id);
        let bytes = postcard::to_stdvec(&id).unwrap();
        assert_eq!(bytes.len(), 21);
        assert_eq!(postcard::from_bytes::<BlobId>(&bytes).unwrap(), id);
        for bad in ["", "ce01", &"g".repeat(40), &"a".repeat(64)] {
            assert!(bad.parse::<CommitId>().is_err(), "{bad}");
        }
    }
}
