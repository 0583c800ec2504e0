//! What tells whether stored bytes are still those that were once found right.
//!
//! A digest says that content is what somebody meant, whoever stored it. That is found out when it is stored, and by
//! `verify`. Between, only accidents happen to it (whoever can write into a repository can change what it means, too), and
//! against these a checksum of 64 bits does, at a tenth of the cost. `docs/decisions/0049-checksums-of-frames.md` has what
//! was measured.

use crc_fast::{CrcAlgorithm, checksum};
use serde::{Deserialize, Serialize};

/// CRC-64/NVME of plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum(u64);

impl Checksum {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(checksum(CrcAlgorithm::Crc64Nvme, bytes))
    }
}
