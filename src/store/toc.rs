//! The zstd:chunked table of contents, tar-split and footer.
//!
//! The format is that of containers/storage (`pkg/chunked/internal/minimal/compression.go`): three skippable frames
//! at the end of the layer. Fields that envgit does not need are left out; other readers ignore their absence.

use std::io::{self, BufRead as _, BufReader, Read};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The table of contents, stored as zstd-compressed JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Toc {
    /// 1.
    pub version: u32,
    /// Members in the order of the tar; a file of several frames has further `chunk` entries after its own.
    #[serde(deserialize_with = "bounded")]
    pub entries: Vec<TocEntry>,
}

impl Toc {
    /// Reads the plain JSON.
    ///
    /// # Errors
    /// What makes no sense, or has more than [`MAX_ENTRIES`].
    pub fn parse(text: &[u8]) -> io::Result<Self> {
        serde_json::from_slice(text).map_err(io::Error::other)
    }
}

/// The most entries that a table of contents may have. A real one has some hundred bytes an entry; one made by hand
/// has as few as twenty, which take ten times that in memory.
pub const MAX_ENTRIES: usize = 4_000_000;

/// The longest text of a table of contents or of tar-split, in bytes.
pub const MAX_TEXT: u64 = 1 << 30;

/// How many times longer the text may be than what is stored of it. Digests do not compress: real ones stay below 30.
const MAX_RATIO: u64 = 256;

/// The plain text of a table of contents or of tar-split, which the footer says to be `size` bytes long.
///
/// # Errors
/// When it is of another length, or longer than any real one could be.
pub fn unpack(stored: &[u8], size: u64) -> io::Result<Vec<u8>> {
    let mut reader = unpacking(stored, size)?;
    // Not longer than it can be; memory that nothing is written to costs nothing.
    let mut text = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    reader.read_to_end(&mut text)?;
    match text.len() as u64 == size {
        true => Ok(text),
        false => Err(other_length()),
    }
}

/// The same line by line, each as soon as it is unpacked: of a large layer, tar-split is long. A line that `each` refuses
/// ends it.
///
/// # Errors
/// As [`unpack`], or what `each` said.
pub fn unpack_lines(stored: &[u8], size: u64, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 << 10, unpacking(stored, size)?);
    let mut length = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)? as u64;
        length += read;
        match read {
            0 if length == size => return Ok(()),
            0 => return Err(other_length()),
            _ => each(line.strip_suffix(b"\n").unwrap_or(&line))?,
        }
    }
}

fn other_length() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it has another length than the footer says")
}

/// Gives one byte more than it is said to have, if there are more.
fn unpacking(stored: &[u8], size: u64) -> io::Result<impl Read + '_> {
    let most = (stored.len() as u64)
        .saturating_mul(MAX_RATIO)
        .saturating_add(1 << 20)
        .min(MAX_TEXT);
    if size > most {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its text is said to be longer than it can be",
        ));
    }
    Ok(zstd::stream::read::Decoder::new(stored)?.take(size + 1))
}

fn bounded<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<TocEntry>, D::Error> {
    struct Entries;
    impl<'de> serde::de::Visitor<'de> for Entries {
        type Value = Vec<TocEntry>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of entries")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = list.next_element()? {
                if entries.len() == MAX_ENTRIES {
                    return Err(serde::de::Error::custom("it has too many entries"));
                }
                entries.push(entry);
            }
            Ok(entries)
        }
    }
    from.deserialize_seq(Entries)
}

/// One member, or one further frame of the member before it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TocEntry {
    /// `reg`, `dir`, `symlink`, `hardlink` or `chunk`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name in the tar; escaped where it is not UTF-8.
    pub name: String,
    /// Target of a link.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link_name: String,
    /// Permission bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// Length of the whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modtime: Option<String>,
    /// Values in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xattrs: Option<std::collections::BTreeMap<String, String>>,
    /// `sha256:…` of the whole plain content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Where this frame starts in the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Where the file's last frame ends in the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_offset: Option<u64>,
    /// Plain length of this frame, in files of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_size: Option<u64>,
    /// Where this frame starts in the plain content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_offset: Option<u64>,
    /// `sha256:…` of this frame's plain bytes, in files of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_digest: Option<String>,
}

/// A digest as the table of contents writes it.
pub fn digest_text(digest: Digest) -> String {
    format!("sha256:{digest}")
}

/// Reads what [`digest_text`] wrote.
pub fn parse_digest(text: &str) -> Option<Digest> {
    Digest::from_hex(text.strip_prefix("sha256:")?.as_bytes())
}

/// One line of tar-split (vbatts/tar-split `tar/storage/entry.go`): what to put together to get the tar back.
#[derive(Debug, Serialize)]
pub struct TarSplitLine<'a> {
    /// 1: content of the named file. 2: the bytes in `payload`.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The file.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: &'a str,
    /// Its length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Base64 of raw tar bytes, or of the content's CRC-64 (ISO, big-endian).
    pub payload: String,
    /// Number of the line.
    pub position: usize,
}

/// The last 72 bytes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Where the compressed table of contents starts.
    pub toc_offset: u64,
    /// Its compressed length.
    pub toc_stored: u64,
    /// Its plain length.
    pub toc_size: u64,
    /// Where the compressed tar-split starts.
    pub tarsplit_offset: u64,
    /// Its compressed length.
    pub tarsplit_stored: u64,
    /// Its plain length.
    pub tarsplit_size: u64,
}

impl Footer {
    /// Length of the payload: eight little-endian numbers.
    pub const PAYLOAD: usize = 64;
    /// Length with the header of the skippable frame.
    pub const LEN: usize = Self::PAYLOAD + 8;
    const MAGIC: [u8; 8] = *b"GNUlInUx";

    /// The payload of the last skippable frame.
    pub fn encode(&self) -> Vec<u8> {
        [
            self.toc_offset,
            self.toc_stored,
            self.toc_size,
            1,
            self.tarsplit_offset,
            self.tarsplit_stored,
            self.tarsplit_size,
            u64::from_le_bytes(Self::MAGIC),
        ]
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect()
    }

    /// Reads the last [`Footer::LEN`] bytes of a layer.
    ///
    /// # Errors
    /// When they are no zstd:chunked footer.
    pub fn decode(bytes: &[u8]) -> io::Result<Self> {
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "no zstd:chunked footer");
        let payload = bytes
            .strip_prefix(&[0x50, 0x2a, 0x4d, 0x18, Self::PAYLOAD as u8, 0, 0, 0])
            .filter(|payload| payload.len() == Self::PAYLOAD)
            .ok_or_else(bad)?;
        let mut numbers = [0; 8];
        for (number, bytes) in numbers.iter_mut().zip(payload.chunks_exact(8)) {
            *number = u64::from_le_bytes(bytes.try_into().map_err(|_| bad())?);
        }
        let [
            toc_offset,
            toc_stored,
            toc_size,
            1,
            tarsplit_offset,
            tarsplit_stored,
            tarsplit_size,
            magic,
        ] = numbers
        else {
            return Err(bad());
        };
        if magic != u64::from_le_bytes(Self::MAGIC) {
            return Err(bad());
        }
        Ok(Self {
            toc_offset,
            toc_stored,
            toc_size,
            tarsplit_offset,
            tarsplit_stored,
            tarsplit_size,
        })
    }
}
