//! Signatures of commits and annotated tags: where git keeps them, and what they are made over.
//!
//! A commit carries its signature in the header `gpgsig`, each further line of it after a space; it is made over the
//! commit without that header. A tag carries it at the end of its text, over all that stands before it. (git's
//! `gpg-interface.c` and `commit.c`.)

use gix::objs::Kind;

use super::History;
use super::error::Error;
use super::id::CommitId;
use super::person::{Time, parse_signature};

/// How an armored ssh signature begins.
const SSH: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
/// How those of any kind begin.
const ARMORS: [&[u8]; 4] = [
    SSH,
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
];

/// A commit or tag, taken apart for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What the signature is made over.
    pub payload: Vec<u8>,
    /// The signature as armored text, if there is one.
    pub signature: Option<Vec<u8>>,
    /// When the object was made, as it says itself.
    pub time: Option<Time>,
    /// Of a tag: the name it gives itself.
    pub tag: Option<String>,
}

impl Signed {
    /// Whether the signature, if there is one, is that of an ssh key.
    pub fn is_ssh(&self) -> bool {
        self.signature.as_ref().is_some_and(|text| text.starts_with(SSH))
    }
}

impl History {
    /// A commit, taken apart for its signature.
    ///
    /// # Errors
    /// [`Error::Missing`], or names the damaged commit: one with two signatures, of which no reader could tell which
    /// counts, is damaged too.
    pub fn signed_commit(&self, id: CommitId) -> Result<Signed, Error> {
        let data = self.read_object(id.oid(), Kind::Commit)?;
        split_commit(&data).ok_or_else(|| Error::damaged(format!("commit {id}"), "its header makes no sense"))
    }

    /// An annotated tag, taken apart for its signature.
    ///
    /// # Errors
    /// [`Error::Missing`], or names the damaged tag.
    pub fn signed_tag(&self, id: CommitId) -> Result<Signed, Error> {
        let data = self.read_object(id.oid(), Kind::Tag)?;
        Ok(split_tag(&data))
    }
}

/// The header line that holds a signature.
pub(super) fn header_line(signature: &str) -> String {
    format!("gpgsig {}\n", signature.trim_end().replace('\n', "\n "))
}

/// Where the signature of a tag begins: at the last line that looks like the beginning of one.
pub(super) fn start_in_tag(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut found = None;
    for line in data.split_inclusive(|b| *b == b'\n') {
        if ARMORS.iter().any(|armor| line.starts_with(armor)) {
            found = Some(at);
        }
        at += line.len();
    }
    found
}

fn split_commit(data: &[u8]) -> Option<Signed> {
    let end = data
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map_or(data.len(), |end| end + 1);
    let (header, message) = data.split_at(end);
    let mut payload = Vec::with_capacity(data.len());
    let mut signature: Option<Vec<u8>> = None;
    let mut time = None;
    // Which header the line goes on with.
    let mut key: &[u8] = b"";
    for line in header.split_inclusive(|b| *b == b'\n') {
        let value = match line.strip_prefix(b" ") {
            Some(more) => more,
            None => {
                let space = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
                key = &line[..space];
                if key == b"gpgsig" && signature.is_some() {
                    return None;
                }
                line.get(space + 1..).unwrap_or_default()
            }
        };
        match key {
            b"gpgsig" => signature.get_or_insert_default().extend_from_slice(value),
            b"gpgsig-sha256" => {}
            _ => {
                if key == b"committer" && time.is_none() {
                    time = parse_signature(value.strip_suffix(b"\n").unwrap_or(value)).map(|(_, time)| time);
                }
                payload.extend_from_slice(line);
            }
        }
    }
    payload.extend_from_slice(message);
    Some(Signed {
        payload,
        signature,
        time,
        tag: None,
    })
}

fn split_tag(data: &[u8]) -> Signed {
    let start = start_in_tag(data);
    let (payload, signature) = data.split_at(start.unwrap_or(data.len()));
    let header = payload
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map_or(payload, |end| &payload[..end]);
    let first = |key: &[u8]| {
        let line = header.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(key));
        line.map(<[u8]>::to_vec)
    };
    Signed {
        time: first(b"tagger ")
            .and_then(|line| parse_signature(&line))
            .map(|(_, time)| time),
        tag: first(b"tag ").map(|name| String::from_utf8_lossy(&name).into_owned()),
        signature: start.map(|_| signature.to_vec()),
        payload: payload.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 5 +0100\ncommitter C <c@d> 6 \
                        +0000\n\nSubject\n\ngpgsig is a word\n";

    #[test]
    fn the_header_is_taken_out_and_nothing_else() {
        let armor = "-----BEGIN SSH SIGNATURE-----\nAAAA\n\nBBBB\n-----END SSH SIGNATURE-----\n";
        let at = BARE.find("\n\n").unwrap() + 1;
        let signed = format!("{}{}{}", &BARE[..at], header_line(armor), &BARE[at..]);
        assert!(
            signed.contains("gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n \n BBBB\n"),
            "{signed}"
        );
        let apart = split_commit(signed.as_bytes()).unwrap();
        assert_eq!(apart.payload, BARE.as_bytes());
        assert_eq!(apart.signature.as_deref(), Some(armor.as_bytes()));
        assert_eq!(apart.time.unwrap().seconds, 6);
        assert!(apart.is_ssh());
        let none = split_commit(BARE.as_bytes()).unwrap();
        assert_eq!((none.payload.as_slice(), none.signature), (BARE.as_bytes(), None));
    }

    #[test]
    fn two_signatures_are_none() {
        let twice = BARE.replacen("\n\n", "\ngpgsig a\n b\ngpgsig c\n\n", 1);
        assert_eq!(split_commit(twice.as_bytes()), None);
    }

    #[test]
    fn a_tag_is_signed_at_its_end() {
        let text = "object x\ntype commit\ntag v1\ntagger A <a@b> 7 +0000\n\nsaid\n-----BEGIN PGP SIGNATURE-----\n";
        let tag = format!("{text}-----BEGIN SSH SIGNATURE-----\nAA\n-----END SSH SIGNATURE-----\n");
        let apart = split_tag(tag.as_bytes());
        assert_eq!(apart.payload, text.as_bytes());
        assert_eq!(
            (apart.tag.as_deref(), apart.time.map(|time| time.seconds)),
            (Some("v1"), Some(7))
        );
        assert!(apart.is_ssh());
        assert!(!split_tag(text.as_bytes()).is_ssh());
        assert_eq!(split_tag(b"object x\n\nsaid\n").signature, None);
    }
}
