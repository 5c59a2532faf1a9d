//! Where the texts of the steps are written: into a hash, or into a buffer to be read.

use sha2::digest::Update;

/// What takes a text, part by part.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// As long as most canonical requests, which then need one update.
const ROOM: usize = 512;

/// A digest or MAC that takes text in blocks: an update costs more than the few bytes of a part.
pub(crate) struct Gathering<D> {
    pub digest: D,
    gathered: [u8; ROOM],
    length: usize,
}

impl<D: Update> Gathering<D> {
    pub fn new(digest: D) -> Self {
        Self { digest, gathered: [0; ROOM], length: 0 }
    }

    /// Lets the digest take what was written.
    pub fn hand_on(&mut self) {
        self.digest.update(&self.gathered[..self.length]);
        self.length = 0;
    }

    /// Makes room. What needs more than there is, is handed on itself.
    #[cold]
    fn take_beyond(&mut self, bytes: &[u8]) {
        self.hand_on();
        match self.gathered.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length = bytes.len();
            }
            None => self.digest.update(bytes),
        }
    }
}

impl<D: Update> Sink for Gathering<D> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        match self.gathered.get_mut(self.length..self.length + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.take_beyond(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn parts_of_every_length_are_hashed_whole() {
        for length in [0, 1, ROOM / 2, ROOM - 1, ROOM, ROOM + 1, 3 * ROOM] {
            let (mut gathering, mut text) = (Gathering::new(Sha256::new()), Vec::new());
            for part in ["a", &"b".repeat(length), "c", &"d".repeat(length), "e"] {
                gathering.put(part.as_bytes());
                text.put(part.as_bytes());
            }
            gathering.hand_on();
            assert_eq!(gathering.digest.finalize(), Sha256::digest(&text), "{length}");
        }
    }
}
