//! Files of a cache: a value with a checksum behind it, so that what was torn or damaged is as good as absent.
//!
//! The checksum is there for accidents. Whoever can write into a repository can write any cache; what hangs on one is
//! compared with stamps or digests before it is used.

use std::path::Path;

use crc_fast::{CrcAlgorithm, checksum};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, atomic, read_if_present};

/// Reads a value; whatever is wrong with it, there is none.
pub fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    decode(&read_if_present(path).ok()??)
}

/// Writes a value. It may be lost or old after a power cut, but is never torn.
///
/// # Errors
/// Names the path. Only speed is lost.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    match encode(value) {
        Some(bytes) => atomic::write_cache(path, &bytes),
        None => Ok(()),
    }
}

/// The bytes of a value.
fn encode<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    let mut bytes = postcard::to_stdvec(value).ok()?;
    let sum = sum(&bytes);
    bytes.extend_from_slice(&sum);
    Some(bytes)
}

/// The value of some bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(body(bytes)?).ok()
}

/// Whether bytes are as they were written, whatever they say.
pub fn is_whole(bytes: &[u8]) -> bool {
    body(bytes).is_some()
}

fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (body, found) = bytes.split_last_chunk()?;
    (sum(body) == *found).then_some(body)
}

fn sum(body: &[u8]) -> [u8; 8] {
    checksum(CrcAlgorithm::Crc64Nvme, body).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_or_cut_is_absent() {
        let bytes = encode(&("name".to_owned(), vec![1u64, 2, 3])).unwrap();
        let read = |bytes: &[u8]| decode::<(String, Vec<u64>)>(bytes);
        assert_eq!(read(&bytes), Some(("name".to_owned(), vec![1, 2, 3])));
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&other), None, "bit {bit}");
            assert!(!is_whole(&other));
        }
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]), None, "{len} bytes");
        }
    }
}
