//! Buffers that are used again once hyper has sent what was in them.
//!
//! Memory that is freed and asked for again goes to the kernel and comes back page by page, or does not, as the heap happens
//! to lie: for a stream that is up to half of its cost.

use std::collections::VecDeque;

use bytes::Bytes;

/// hyper holds about 400 KiB unsent, and a signed chunk is held until it is whole.
const MOST: usize = 10;

/// The buffers of one body, the one that was lent first in front.
#[derive(Default)]
pub(in crate::client) struct Buffers(VecDeque<Bytes>);

impl Buffers {
    /// Returns a buffer of a length with anything in it.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        let is_free = self.0.front().is_some_and(Bytes::is_unique);
        let oldest = if is_free { self.0.pop_front() } else { None };
        let mut buffer = oldest.map(Vec::from).unwrap_or_default();
        buffer.resize(length, 0);
        buffer
    }

    /// Gives away what is in a buffer, and keeps the buffer for later.
    pub fn lend(&mut self, buffer: Vec<u8>) -> Bytes {
        let bytes = Bytes::from(buffer);
        if self.0.len() < MOST {
            self.0.push_back(bytes.clone());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_once_it_is_free() {
        let mut buffers = Buffers::default();
        let (first, second) = (buffers.take(100), buffers.take(100));
        let place = first.as_ptr();
        let first = buffers.lend(first);
        let second = buffers.lend(second);
        assert_ne!(second.as_ptr(), place);
        let third = buffers.take(100);
        assert_ne!(third.as_ptr(), place, "the first is still lent");
        drop(first);
        let again = buffers.take(50);
        assert_eq!((again.as_ptr(), again.len()), (place, 50));
    }
}
