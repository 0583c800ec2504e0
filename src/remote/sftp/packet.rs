//! Packets of the SSH file transfer protocol, version 3
//! (<https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02>), with OpenSSH's additions
//! (<https://github.com/openssh/openssh-portable/blob/master/PROTOCOL>).

use std::io::{self, Read};

/// Kinds of packets.
pub(super) mod kind {
    pub(crate) const INIT: u8 = 1;
    pub(crate) const VERSION: u8 = 2;
    pub(crate) const OPEN: u8 = 3;
    pub(crate) const CLOSE: u8 = 4;
    pub(crate) const READ: u8 = 5;
    pub(crate) const WRITE: u8 = 6;
    pub(crate) const OPENDIR: u8 = 11;
    pub(crate) const READDIR: u8 = 12;
    pub(crate) const REMOVE: u8 = 13;
    pub(crate) const MKDIR: u8 = 14;
    pub(crate) const STAT: u8 = 17;
    pub(crate) const RENAME: u8 = 18;
    pub(crate) const STATUS: u8 = 101;
    pub(crate) const HANDLE: u8 = 102;
    pub(crate) const DATA: u8 = 103;
    pub(crate) const NAME: u8 = 104;
    pub(crate) const ATTRS: u8 = 105;
    pub(crate) const EXTENDED: u8 = 200;
}

/// How a file is opened.
pub(super) mod open {
    pub(crate) const READ: u32 = 1;
    pub(crate) const NEW: u32 = 0x02 | 0x08 | 0x20;
}

/// What a request came to.
pub(super) mod status {
    pub(crate) const OK: u32 = 0;
    pub(crate) const EOF: u32 = 1;
    pub(crate) const NO_SUCH_FILE: u32 = 2;
    pub(crate) const PERMISSION_DENIED: u32 = 3;
}

/// OpenSSH sends and takes none that are longer.
const LONGEST: usize = 256 * 1024;

/// A packet that is being put together, without its length.
pub(super) struct Request(Vec<u8>);

impl Request {
    pub(super) fn new(kind: u8, id: u32) -> Self {
        Self(vec![kind]).number(id)
    }

    pub(super) fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn long(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn string(self, bytes: &[u8]) -> Self {
        let mut request = self.number(bytes.len() as u32);
        request.0.extend(bytes);
        request
    }

    /// With its length in front.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = (self.0.len() as u32).to_be_bytes().to_vec();
        bytes.extend(self.0);
        bytes
    }
}

/// A packet that came: its kind, and what follows.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) kind: u8,
    bytes: Vec<u8>,
    at: usize,
}

impl Reply {
    pub(super) fn receive(from: &mut dyn Read) -> io::Result<Self> {
        let mut len = [0; 4];
        from.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        if len == 0 || len > LONGEST {
            return Err(nonsense());
        }
        let mut bytes = vec![0; len];
        from.read_exact(&mut bytes)?;
        let kind = bytes[0];
        Ok(Self { kind, bytes, at: 1 })
    }

    fn take(&mut self, n: usize) -> io::Result<&[u8]> {
        let end = self.at.checked_add(n).ok_or_else(nonsense)?;
        let part = self.bytes.get(self.at..end).ok_or_else(nonsense)?;
        self.at = end;
        Ok(part)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn number(&mut self) -> io::Result<u32> {
        let bytes = self.take(4)?.try_into().map_err(|_| nonsense())?;
        Ok(u32::from_be_bytes(bytes))
    }

    pub(super) fn long(&mut self) -> io::Result<u64> {
        let bytes = self.take(8)?.try_into().map_err(|_| nonsense())?;
        Ok(u64::from_be_bytes(bytes))
    }

    pub(super) fn string(&mut self) -> io::Result<Vec<u8>> {
        let len = self.number()? as usize;
        Ok(self.take(len)?.to_vec())
    }

    pub(super) fn attributes(&mut self) -> io::Result<Attributes> {
        let flags = self.number()?;
        let size = if flags & 1 != 0 { Some(self.long()?) } else { None };
        if flags & 2 != 0 {
            self.long()?;
        }
        let mode = if flags & 4 != 0 { Some(self.number()?) } else { None };
        if flags & 8 != 0 {
            self.long()?;
        }
        if flags & 0x8000_0000 != 0 {
            for _ in 0..self.number()? {
                self.string()?;
                self.string()?;
            }
        }
        Ok(Attributes { size, mode })
    }
}

/// What is known of a file there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) size: Option<u64>,
    mode: Option<u32>,
}

impl Attributes {
    fn is(&self, kind: u32) -> bool {
        self.mode.is_some_and(|mode| mode & 0o170_000 == kind)
    }

    pub(super) fn is_file(&self) -> bool {
        self.is(0o100_000)
    }

    pub(super) fn is_folder(&self) -> bool {
        self.is(0o040_000)
    }

    pub(super) fn is_link(&self) -> bool {
        self.is(0o120_000)
    }
}

/// The server does not keep to the protocol.
pub(super) fn nonsense() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the server's answer is no SFTP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_is_taken_apart() {
        let bytes = Request::new(kind::OPEN, 7)
            .string(b"/a")
            .long(1 << 40)
            .number(5)
            .finish();
        assert_eq!(bytes[..9], [0, 0, 0, 23, kind::OPEN, 0, 0, 0, 7]);
        let mut reply = Reply::receive(&mut &bytes[..]).unwrap();
        assert_eq!((reply.kind, reply.number().unwrap()), (kind::OPEN, 7));
        assert_eq!(reply.string().unwrap(), b"/a");
        assert_eq!((reply.long().unwrap(), reply.number().unwrap()), (1 << 40, 5));
        assert!(reply.is_empty());
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        for bytes in [&[0, 0, 0, 0][..], &[0xff; 8], &[0, 0, 0, 9, 1], &[0, 1]] {
            assert!(Reply::receive(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
        // A string longer than its packet, attributes that are cut, more attributes than there can be.
        for body in [
            &[0xff, 0xff, 0xff, 0xff, 1][..],
            &[0, 0, 0, 5, 1],
            &[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        ] {
            let mut bytes = ((body.len() + 1) as u32).to_be_bytes().to_vec();
            bytes.push(1);
            bytes.extend(body);
            let reply = || Reply::receive(&mut &bytes[..]).unwrap();
            assert!(reply().string().is_err(), "{body:?}");
            assert!(reply().attributes().is_err(), "{body:?}");
        }
    }
}
