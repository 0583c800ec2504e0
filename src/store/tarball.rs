//! Headers of a layer's tar: POSIX ustar with pax records where ustar is too small (IEEE Std 1003.1, pax).

use std::io;

use tar::{Builder, EntryType, Header};

use crate::snapshot::entry::Xattr;

/// What a tar header says of one path.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Full name in the tar, `<root>/<path>`, without a trailing slash.
    pub name: &'a [u8],
    /// Permission bits.
    pub mode: u32,
    /// Nanoseconds since 1970.
    pub mtime: i64,
    /// Extended attributes, as `SCHILY.xattr.` records.
    pub xattrs: &'a [Xattr],
    /// What it is.
    pub kind: MemberKind<'a>,
}

/// The type of a [`Member`].
#[derive(Clone, Copy, Debug)]
pub enum MemberKind<'a> {
    /// A directory.
    Dir,
    /// A regular file of that many bytes.
    File(u64),
    /// A symbolic link.
    Symlink(&'a [u8]),
    /// The same file as an earlier member.
    Link(&'a [u8]),
}

impl Member<'_> {
    /// The header blocks, pax records included.
    ///
    /// # Errors
    /// Never for members built from entries; the tar crate's signature has one.
    pub fn header(&self) -> io::Result<Vec<u8>> {
        let mut pax: Vec<(String, Vec<u8>)> = Vec::new();
        let mut header = Header::new_ustar();
        let (entry_type, size, link) = match self.kind {
            MemberKind::Dir => (EntryType::Directory, 0, &b""[..]),
            MemberKind::File(size) => (EntryType::Regular, size, &b""[..]),
            MemberKind::Symlink(target) => (EntryType::Symlink, 0, target),
            MemberKind::Link(target) => (EntryType::Link, 0, target),
        };
        header.set_entry_type(entry_type);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mode(if matches!(self.kind, MemberKind::Symlink(_)) {
            0o777
        } else {
            self.mode
        });
        const USTAR_SIZE: u64 = 0o77_777_777_777;
        header.set_size(size.min(USTAR_SIZE));
        if size > USTAR_SIZE {
            pax.push(("size".to_owned(), size.to_string().into_bytes()));
        }
        let seconds = self.mtime.div_euclid(1_000_000_000);
        let nanoseconds = self.mtime.rem_euclid(1_000_000_000);
        header.set_mtime(u64::try_from(seconds).unwrap_or(0).min(USTAR_SIZE));
        if nanoseconds != 0 || seconds < 0 {
            pax.push(("mtime".to_owned(), pax_time(seconds, nanoseconds).into_bytes()));
        }
        let mut name = self.name.to_vec();
        if matches!(self.kind, MemberKind::Dir) {
            name.push(b'/');
        }
        let fields = header
            .as_ustar_mut()
            .ok_or_else(|| io::Error::other("the header is no ustar header"))?;
        if !fit(&mut fields.name, &name) {
            pax.push(("path".to_owned(), name));
        }
        if !fit(&mut fields.linkname, link) {
            pax.push(("linkpath".to_owned(), link.to_vec()));
        }
        for xattr in self.xattrs {
            // A pax key is text without '='; what is neither stays in the inventory alone.
            if let Ok(key) = std::str::from_utf8(&xattr.name)
                && !key.contains('=')
            {
                pax.push((format!("SCHILY.xattr.{key}"), xattr.value.clone()));
            }
        }
        header.set_cksum();
        let mut builder = Builder::new(Vec::new());
        if !pax.is_empty() {
            builder.append_pax_extensions(pax.iter().map(|(key, value)| (key.as_str(), value.as_slice())))?;
        }
        builder.append(&header, io::empty())?;
        Ok(std::mem::take(builder.get_mut()))
    }
}

/// A time as pax writes it: −0.5 s is `-0.5`, not `-1.5`.
fn pax_time(seconds: i64, nanoseconds: i64) -> String {
    let (sign, seconds, nanoseconds) = if seconds < 0 && nanoseconds > 0 {
        ("-", -(seconds + 1), 1_000_000_000 - nanoseconds)
    } else if seconds < 0 {
        ("-", -seconds, 0)
    } else {
        ("", seconds, nanoseconds)
    };
    format!("{sign}{seconds}.{nanoseconds:09}")
}

/// Puts plain ASCII that fits into a header field; otherwise what fits of it, for readers without pax.
fn fit(field: &mut [u8; 100], value: &[u8]) -> bool {
    let len = value.len().min(field.len());
    field[..len].copy_from_slice(&value[..len]);
    value.len() <= field.len() && value.is_ascii()
}

/// Zeros that follow `size` bytes of content up to the next block.
pub fn padding(size: u64) -> usize {
    (512 - (size % 512) as usize) % 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_tar_crate_reads_every_field_back() {
        let long = b"r/"
            .iter()
            .copied()
            .chain(std::iter::repeat_n(b'x', 255))
            .collect::<Vec<u8>>();
        let names: [&[u8]; 4] = [b"r/a", &long, "r/重庆".as_bytes(), b"r/\xff"];
        for (name, mtime) in names
            .into_iter()
            .zip([0, 1_700_000_000_123_456_789, -1, -1_500_000_000])
        {
            let xattrs = [Xattr {
                name: b"user.k".to_vec(),
                value: b"\0\x01".to_vec(),
            }];
            let member = Member {
                name,
                mode: 0o4755,
                mtime,
                xattrs: &xattrs,
                kind: MemberKind::File(3),
            };
            let mut bytes = member.header().unwrap();
            bytes.extend_from_slice(b"abc");
            bytes.resize(bytes.len() + padding(3) + 1024, 0);
            let mut archive = tar::Archive::new(&bytes[..]);
            let mut entries = archive.entries().unwrap();
            let mut entry = entries.next().unwrap().unwrap();
            assert_eq!(&*entry.path_bytes(), name);
            assert_eq!(entry.header().mode().unwrap(), 0o4755);
            let records: Vec<_> = entry
                .pax_extensions()
                .unwrap()
                .unwrap()
                .map(|r| r.unwrap())
                .map(|r| (r.key().unwrap().to_owned(), r.value_bytes().to_vec()))
                .collect();
            assert!(records.contains(&("SCHILY.xattr.user.k".to_owned(), b"\0\x01".to_vec())));
            let time = records.iter().find(|(key, _)| key == "mtime").map(|(_, v)| v.clone());
            let expected: Option<&[u8]> = match mtime {
                0 => None,
                -1 => Some(b"-0.000000001"),
                -1_500_000_000 => Some(b"-1.500000000"),
                _ => Some(b"1700000000.123456789"),
            };
            assert_eq!(time.as_deref(), expected);
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            assert_eq!(content, "abc");
            assert!(entries.next().is_none());
        }
    }
}
