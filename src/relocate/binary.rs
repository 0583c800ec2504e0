//! Paths in binaries: within strings that end in a NUL, whose file keeps its length, as conda does it.

use super::paths::Map;

/// What the installer left free.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    /// The path that took the place of the package's placeholder.
    pub(super) token: &'a [u8],
    /// The length of the placeholder: every string has NULs behind it for that many bytes in place of each token.
    pub(super) longest: usize,
}

/// A changed binary.
pub(super) struct Changed {
    pub(super) bytes: Vec<u8>,
    /// Some string grew into NULs of which nobody knows that they are padding.
    pub(super) grew_unproven: bool,
}

/// Whether a binary is made of strings that end in a NUL: programs, libraries (ELF) and archives of them. Anything else is
/// data, of which nobody here knows how long its parts are, and what sums are made over them.
pub(super) fn holds_strings(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"!<arch>\n")
}

/// Exchanges the paths in a binary; nothing where one does not fit.
pub(super) fn change(map: &Map, bytes: &[u8], room: Option<Room<'_>>) -> Option<Changed> {
    let mut out = bytes.to_vec();
    let mut grew_unproven = false;
    let mut found = map.find(bytes).into_iter().peekable();
    while let Some(first) = found.next() {
        let end = memchr::memchr(0, &bytes[first.end..]).map_or(bytes.len(), |at| first.end + at);
        let start = first.start;
        let mut string = first.becomes.to_vec();
        let mut free = free_in(room, &bytes[first.start..first.end]);
        let mut done = first.end;
        while let Some(next) = found.next_if(|next| next.start < end) {
            string.extend_from_slice(&bytes[done..next.start]);
            string.extend_from_slice(next.becomes);
            free += free_in(room, &bytes[next.start..next.end]);
            done = next.end;
        }
        string.extend_from_slice(&bytes[done..end]);
        let old = end - start;
        if string.len() < old && end == bytes.len() {
            return None;
        }
        if string.len() > old {
            let growth = string.len() - old;
            let nuls = bytes[end..].iter().take_while(|byte| **byte == 0).count();
            if nuls <= growth {
                return None;
            }
            grew_unproven |= growth > free;
        }
        let filled = old.max(string.len());
        string.resize(filled, 0);
        out[start..start + filled].copy_from_slice(&string);
    }
    Some(Changed {
        bytes: out,
        grew_unproven,
    })
}

fn free_in(room: Option<Room<'_>>, token: &[u8]) -> usize {
    room.filter(|room| room.token == token)
        .map_or(0, |room| room.longest.saturating_sub(token.len()))
}
