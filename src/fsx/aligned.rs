//! Memory that begins at a block: what goes past the page cache need not be copied to such a place first.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

/// What a write past the page cache begins and ends at, in the file and in memory: the largest block of a disk that is in
/// use.
pub const BLOCK: usize = 4096;

/// Buffers are at least that long.
const LEAST: usize = 64 << 10;

/// So many bytes are kept for who comes next.
const MOST_IDLE: usize = 16 << 20;

/// Bytes that begin at a block. Their memory goes back to the pool that it came from.
pub struct Aligned {
    room: Room,
    length: usize,
    pool: Pool,
}

/// Memory with a place in it that begins at a block.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    start: usize,
}

/// Memory that was used and can be used again: to get it afresh costs as much as filling it.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<Idle>>);

#[derive(Default)]
struct Idle {
    rooms: Vec<Room>,
    bytes: usize,
}

impl Pool {
    /// A buffer of a length, with anything in it. It takes at most twice as much memory.
    pub fn take(&self, length: usize) -> Aligned {
        let size = length.next_power_of_two().max(LEAST) + BLOCK;
        let idle = self.0.lock().ok().and_then(|mut idle| idle.take(size));
        Aligned {
            room: idle.unwrap_or_else(|| Room::new(size)),
            length,
            pool: self.clone(),
        }
    }
}

impl Aligned {
    /// How much memory it takes.
    pub fn room(&self) -> usize {
        self.room.bytes.len()
    }
}

impl Idle {
    fn take(&mut self, size: usize) -> Option<Room> {
        let at = self.rooms.iter().rposition(|room| room.bytes.len() == size)?;
        self.bytes -= size;
        Some(self.rooms.swap_remove(at))
    }

    fn add(&mut self, room: Room) {
        if self.bytes + room.bytes.len() <= MOST_IDLE {
            self.bytes += room.bytes.len();
            self.rooms.push(room);
        }
    }
}

impl Room {
    fn new(size: usize) -> Self {
        let bytes = vec![0; size];
        let start = bytes.as_ptr().align_offset(BLOCK);
        Self { bytes, start }
    }
}

impl Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.room.bytes[self.room.start..][..self.length]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.room.bytes[self.room.start..][..self.length]
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        if let Ok(mut idle) = self.pool.0.lock() {
            idle.add(std::mem::take(&mut self.room));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_a_block_and_are_used_again() {
        let pool = Pool::default();
        for length in [0, 1, 4096, LEAST, LEAST + 1, 3 << 20, 4 << 20] {
            let mut first = pool.take(length);
            assert_eq!((first.len(), first.as_ptr().align_offset(BLOCK)), (length, 0));
            assert!(first.room.bytes.len() <= LEAST.max(2 * length) + BLOCK);
            first.fill(7);
            let place = first.as_ptr();
            let second = pool.take(length);
            assert!(length == 0 || second.as_ptr() != place, "the first is in use");
            drop(first);
            assert_eq!(pool.take(length).as_ptr(), place);
        }
    }

    #[test]
    fn no_more_than_a_bound_is_kept() {
        let pool = Pool::default();
        let used: Vec<Aligned> = (0..20).map(|_| pool.take(4 << 20)).collect();
        drop(used);
        let idle = pool.0.lock().unwrap();
        assert!(idle.bytes <= MOST_IDLE && idle.rooms.len() == 3, "{}", idle.rooms.len());
    }
}
