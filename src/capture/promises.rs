//! What records promise of files, held against the files that are there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use super::owners::{Rank, is_byte_code};
use crate::digest::Digest;
use crate::snapshot::entry::{Entry, PrefixUse};
use crate::snapshot::package::{Manager, Package};
use crate::snapshot::path::RelPath;
use crate::snapshot::promise::Promises;

/// A file that a record names.
pub(super) struct Promised {
    pub(super) path: RelPath,
    /// Of its content, if the record has one.
    pub(super) digest: Option<Digest>,
}

impl Promised {
    /// Nothing for byte code, which Python makes anew.
    pub(super) fn new(path: RelPath, digest: Option<Digest>) -> Option<Self> {
        let promised = Self { path, digest };
        promised.is_no_byte_code().then_some(promised)
    }

    pub(super) fn is_no_byte_code(&self) -> bool {
        !is_byte_code(self.path.as_bytes())
    }
}

/// The hash column of a `RECORD`: `sha256=` and the digest in URL-safe base64 without padding. Other algorithms are
/// allowed ([PEP 376](https://peps.python.org/pep-0376/)) and cannot be compared with what envgit records.
pub(super) fn digest_of_record(column: &[u8]) -> Option<Digest> {
    let text = column.strip_prefix(b"sha256=")?;
    let text = text.trim_ascii_end().strip_suffix(b"=").unwrap_or(text);
    let bytes: [u8; 32] = BASE64.decode(text).ok()?.try_into().ok()?;
    Some(Digest::from_bytes(bytes))
}

/// The promises of all records of one root.
#[derive(Default)]
pub(super) struct Ledger {
    /// Every record, in the order of claims: of two equal claims the earlier holds.
    records: Vec<(Rank, Promises)>,
    claims: Vec<Claim>,
}

/// Path, number of the record, digest.
type Claim = (RelPath, u32, Option<Digest>);

impl Ledger {
    /// Adds what one record promises.
    pub(super) fn add(&mut self, package: &Package, rank: Rank, promised: impl IntoIterator<Item = Promised>) {
        let number = self.records.len() as u32;
        self.records
            .push((rank, Promises::kept(package.manager, package.record.clone())));
        let claims = promised.into_iter().map(|one| (one.path, number, one.digest));
        self.claims.extend(claims);
    }

    /// Holds all promises against the entries of the root, which are sorted by path.
    pub(super) fn settle(mut self, entries: &[Entry]) -> Vec<Promises> {
        self.claims.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        self.claims.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
        let names: Vec<RelPath> = self.records.iter().map(|(_, one)| one.record.clone()).collect();
        let mut entries = entries.iter().peekable();
        for group in self.claims.chunk_by(|a, b| a.0 == b.0) {
            let path = &group[0].0;
            while entries.next_if(|entry| entry.path < *path).is_some() {}
            let entry = entries.peek().filter(|entry| entry.path == *path);
            for (number, hashed, verdict) in verdicts(&self.records, group, entry.copied()) {
                let promises = &mut self.records[number as usize].1;
                promises.promised += 1;
                promises.hashed += u64::from(hashed);
                let name = |other: u32| names[other as usize].clone();
                let paths = match verdict {
                    Verdict::Kept => continue,
                    Verdict::Missing => &mut promises.missing,
                    Verdict::Altered => &mut promises.altered,
                    Verdict::Shared(other) => promises.shared.entry(name(other)).or_default(),
                    Verdict::Replaced(other) => promises.replaced.entry(name(other)).or_default(),
                };
                paths.push(path.clone());
            }
        }
        self.records.into_iter().map(|(_, promises)| promises).collect()
    }
}

/// Whose bytes stand at one path that some records promise: for each record its number, whether it gave a digest, and
/// what became of its promise.
fn verdicts(records: &[(Rank, Promises)], claims: &[Claim], entry: Option<&Entry>) -> Vec<(u32, bool, Verdict)> {
    let actual = entry.and_then(Entry::file).map(|file| file.digest);
    // The strongest claim comes first: of the highest rank, then in the order of the records.
    let mut order: Vec<(u32, Option<Digest>)> = claims.iter().map(|claim| (claim.1, claim.2)).collect();
    order.sort_by_key(|(number, _)| (std::cmp::Reverse(records[*number as usize].0), *number));
    let fits = |digest: Option<Digest>| digest.is_some() && digest == actual;
    let verdict = |number: u32, digest: Option<Digest>| {
        let other = order.iter().find(|(other, digest)| *other != number && fits(*digest));
        match (entry, actual, other) {
            (None, _, _) => Verdict::Missing,
            // A link or a directory has no content to compare.
            (Some(_), None, _) => Verdict::Kept,
            (_, _, None) if fits(digest) => Verdict::Kept,
            (_, _, Some((other, _))) if fits(digest) => Verdict::Shared(*other),
            (_, _, Some((other, _))) => Verdict::Replaced(*other),
            (_, _, None) if number != order[0].0 => Verdict::Replaced(order[0].0),
            (Some(entry), _, None) if digest.is_some() && !is_made_for_its_place(records, number, entry) => {
                Verdict::Altered
            }
            (_, _, None) => Verdict::Kept,
        }
    };
    order
        .iter()
        .map(|(number, digest)| (*number, digest.is_some(), verdict(*number, *digest)))
        .collect()
}

/// A script for which pip wrote the first line where it was installed, be that at home or where the root was cloned to: the
/// bytes that its record promises are those of there.
fn is_made_for_its_place(records: &[(Rank, Promises)], number: u32, entry: &Entry) -> bool {
    let is_pip = records[number as usize].1.manager == Manager::Pip;
    let names_it = entry.file().is_some_and(|file| file.prefix == PrefixUse::Text);
    is_pip && names_it && entry.path.is_within(b"bin")
}

enum Verdict {
    Kept,
    Missing,
    Altered,
    Shared(u32),
    Replaced(u32),
}

#[cfg(test)]
#[path = "promises_tests.rs"]
mod tests;
