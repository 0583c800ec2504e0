//! The log of refs at a remote: the entry with the highest number is the truth, and making the next one is the
//! compare-and-swap.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::claim::{Ask, Claimant, EXPIRY, Step, Told};
use super::entry::{Entry, MAX_ENTRY};
use super::error::Error;
use super::layout;
use crate::digest::Digest;
use crate::remote::{self, Listed, Transport};

/// So many old entries stay, for people who wonder, and for those who look whether what they saw still holds.
const KEPT: u64 = 100;

/// The newest entry, and where the log ends.
#[derive(Clone, Debug)]
pub struct Newest {
    /// What it says.
    pub entry: Entry,
    /// The digest of its bytes, which the next entry names.
    pub digest: Digest,
    /// The numbers of all entries that are there.
    numbers: Vec<u64>,
}

/// An entry that was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its number.
    pub number: u64,
    /// The digest of its bytes.
    pub digest: Digest,
}

impl Newest {
    /// What to remember of it.
    pub fn seen(&self) -> Seen {
        Seen {
            number: self.entry.number,
            digest: self.digest,
        }
    }
}

/// The newest entry; nothing where nobody pushed yet. Costs two round trips.
pub(super) fn newest(transport: &dyn Transport) -> Result<Option<Newest>, Error> {
    if !transport.abilities().list {
        return newest_by_number(transport);
    }
    let listed = transport.list(&layout::log()?)?;
    let mut numbered: Vec<(u64, &Listed)> = listed
        .iter()
        .filter_map(|found| Some((layout::number(&found.key)?, found)))
        .collect();
    numbered.sort_unstable_by_key(|(number, _)| *number);
    let Some((number, found)) = numbered.last() else {
        return Ok(None);
    };
    let bytes = read(transport, found)?;
    Ok(Some(Newest {
        entry: Entry::decode(&bytes, *number, transport.address())?,
        digest: Digest::of(&bytes),
        numbers: numbered.iter().map(|(number, _)| *number).collect(),
    }))
}

/// The same where nothing can be listed: `refs/newest` says where to begin.
fn newest_by_number(transport: &dyn Transport) -> Result<Option<Newest>, Error> {
    let refused = |what: &str| Error::refused(format!("{} at {}", "refs/newest", transport.address()), what.to_owned());
    let key = layout::newest()?;
    let Some(size) = transport.size(&key)? else {
        return Ok(None);
    };
    if size > 32 {
        return Err(refused("it is too long for a number"));
    }
    let text = transport.read(&key, 0..size)?;
    let number = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    let mut number = number
        .filter(|number| *number > 0)
        .ok_or_else(|| refused("it is no number"))?;
    let mut found = None;
    while let Some(bytes) = stored(transport, number)? {
        found = Some((number, bytes));
        number += 1;
    }
    let Some((number, bytes)) = found else {
        return Err(refused("the entry that it names is not there"));
    };
    Ok(Some(Newest {
        entry: Entry::decode(&bytes, number, transport.address())?,
        digest: Digest::of(&bytes),
        numbers: (number.saturating_sub(KEPT).max(1)..=number).collect(),
    }))
}

fn read(transport: &dyn Transport, found: &Listed) -> Result<Vec<u8>, Error> {
    if found.size > MAX_ENTRY {
        return Err(Error::refused(
            format!("{} at {}", found.key, transport.address()),
            format!("it has {} bytes; {MAX_ENTRY} are the most", found.size),
        ));
    }
    Ok(transport.read(&found.key, 0..found.size)?)
}

/// Looks whether the log goes on from what was seen before, entry by entry as far back as they are kept. Costs nothing
/// when nothing is new.
pub(super) fn check_follows(transport: &dyn Transport, newest: Option<&Newest>, seen: Seen) -> Result<(), Error> {
    let rewritten = |why: String| Error::Rewritten {
        address: transport.address().to_owned(),
        why,
    };
    let Some(newest) = newest else {
        return Err(rewritten(format!(
            "entry {} was seen, and now there is none",
            seen.number
        )));
    };
    let number = newest.entry.number;
    if number < seen.number {
        return Err(rewritten(format!(
            "entry {} was seen, and now {number} is the newest",
            seen.number
        )));
    }
    let (mut at, mut digest, mut previous) = (number, newest.digest, newest.entry.previous);
    while at > seen.number {
        at -= 1;
        let Some(expected) = previous else { break };
        if at == seen.number {
            digest = expected;
            break;
        }
        if !newest.numbers.contains(&at) {
            // No longer kept: what was seen is too long ago to tell.
            return Ok(());
        }
        let key = layout::entry(at)?;
        let Some(size) = transport.size(&key)? else {
            return Ok(());
        };
        let bytes = read(transport, &Listed { key, size })?;
        if Digest::of(&bytes) != expected {
            return Err(rewritten(format!("entry {} does not follow entry {at}", at + 1)));
        }
        previous = Entry::decode(&bytes, at, transport.address())?.previous;
    }
    if digest == seen.digest {
        Ok(())
    } else {
        Err(rewritten(format!("entry {} is another one", seen.number)))
    }
}

/// Adds an entry, if its number is still free. When this returns `false`, nothing was added.
pub(super) fn append(transport: &dyn Transport, entry: &Entry) -> Result<bool, Error> {
    if transport.abilities().create {
        let key = layout::entry(entry.number)?;
        let bytes = entry.encode();
        return match transport.create(&key, &bytes) {
            Ok(made) => Ok(made),
            // It is not known whether it was made, so that is looked up.
            Err(error) => match stored(transport, entry.number) {
                Ok(Some(found)) => Ok(found == bytes),
                _ => Err(error.into()),
            },
        };
    }
    take(transport, entry)
}

fn stored(transport: &dyn Transport, number: u64) -> Result<Option<Vec<u8>>, Error> {
    let key = layout::entry(number)?;
    match transport.size(&key)? {
        Some(size) => Ok(Some(read(transport, &Listed { key, size })?)),
        None => Ok(None),
    }
}

/// Adds an entry where nothing can be created exactly once: see `claim.rs`.
fn take(transport: &dyn Transport, entry: &Entry) -> Result<bool, Error> {
    let number = entry.number;
    let bytes = entry.encode();
    let claims = layout::claims(number)?;
    let note = serde_json::json!({ "who": entry.who, "time": entry.time }).to_string();
    let start = Instant::now();
    let mut claimant = Claimant::new(number, entry.id.clone());
    let mut told = Told::Done;
    loop {
        let ask = match claimant.step(start.elapsed(), told) {
            Step::Won => return Ok(true),
            Step::Lost => return Ok(false),
            Step::Ask(ask) => ask,
        };
        told = match ask {
            Ask::ListClaims => {
                let ids = transport.list(&claims)?;
                Told::Claims(ids.iter().map(|found| found.key.name().to_owned()).collect())
            }
            Ask::Newest => {
                let listed = transport.list(&layout::log()?)?;
                let numbers = listed.iter().filter_map(|found| layout::number(&found.key));
                Told::Newest(numbers.max().unwrap_or(0))
            }
            Ask::Claim(id) => {
                transport.replace(&layout::claim(number, &id)?, note.as_bytes())?;
                Told::Done
            }
            Ask::Withdraw(id) | Ask::Bury(id) => {
                transport.remove(&layout::claim(number, &id)?)?;
                Told::Done
            }
            Ask::Enter => {
                // After an error the claim stays: the write may still happen, and nobody else may enter before the
                // claim is dead.
                transport.replace(&layout::entry(number)?, &bytes)?;
                Told::Done
            }
            Ask::Check => Told::Checked(stored(transport, number)?.as_deref() == Some(&bytes)),
            Ask::Wait(tries) => {
                if start.elapsed() > EXPIRY * 3 {
                    return Err(busy(transport, number, claimant.in_the_way()));
                }
                std::thread::sleep(pause(tries));
                Told::Done
            }
        };
    }
}

fn busy(transport: &dyn Transport, number: u64, claim: Option<&str>) -> Error {
    let who = claim.and_then(|id| {
        let key = layout::claim(number, id).ok()?;
        let size = transport.size(&key).ok()??;
        let note = transport.read(&key, 0..size.min(4096)).ok()?;
        let note: serde_json::Value = serde_json::from_slice(&note).ok()?;
        note["who"]["name"].as_str().map(str::to_owned)
    });
    Error::Busy {
        address: transport.address().to_owned(),
        why: match who {
            Some(who) => format!("a push by {who} is under way"),
            None => "others push all the time".to_owned(),
        },
    }
}

/// A random time that grows with the number of tries: up to 50 ms at first, up to 3 s in the end.
pub(super) fn pause(tries: u32) -> Duration {
    let most = 50_u64 << tries.min(6);
    Duration::from_millis(5 + random() % most.min(3000))
}

/// Removes entries that are no longer kept, and claims to numbers that are taken. What cannot be removed stays.
pub(super) fn trim(transport: &dyn Transport, newest: &Newest) -> Result<(), remote::Error> {
    let number = newest.entry.number;
    for old in newest.numbers.iter().filter(|old| **old + KEPT <= number) {
        if let Ok(key) = layout::entry(*old) {
            transport.remove(&key)?;
        }
    }
    if !transport.abilities().create
        && number.is_multiple_of(16)
        && let Some(claims) = remote::Key::new("refs/claims")
    {
        for found in transport.list(&claims)? {
            let folder = found.key.as_str().split('/').nth(2);
            let of = folder.and_then(|folder| folder.parse::<u64>().ok());
            if of.is_some_and(|of| of < number) {
                transport.remove(&found.key)?;
            }
        }
    }
    Ok(())
}

/// 128 random bits.
pub(super) fn random_id() -> String {
    format!("{:016x}{:016x}", random(), random())
}

fn random() -> u64 {
    // The keys of a hash map's state come from the system's source of random numbers.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
