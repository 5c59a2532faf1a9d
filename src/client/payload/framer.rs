//! A body in signed chunks (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`).

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use crate::sign::{CHUNK_SIZE, ChunkSigner, PayloadHash};

/// Pieces below this are put together: a chunk may come byte by byte.
const SMALL: usize = 4 << 10;

/// Puts a body into signed chunks of `CHUNK_SIZE`, as its announced length on the wire counts on. The bytes are hashed as they
/// come and never copied: what leaves is heads and bytes in turn.
pub(in crate::client) struct Framer {
    signer: ChunkSigner,
    hash: Sha256,
    gathered: u64,
    chunk: Vec<Bytes>,
    framed: VecDeque<Bytes>,
}

impl Framer {
    pub fn new(signer: ChunkSigner) -> Self {
        let (hash, gathered, chunk, framed) = Default::default();
        Self { signer, hash, gathered, chunk, framed }
    }

    pub fn take(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let room = usize::try_from(CHUNK_SIZE - self.gathered).unwrap_or(usize::MAX);
            let piece = bytes.split_to(room.min(bytes.len()));
            self.hash.update(&piece);
            self.gathered += piece.len() as u64;
            self.gather(piece);
            if self.gathered == CHUNK_SIZE {
                self.close_chunk();
            }
        }
    }

    /// Keeps a piece, or what small ones make together.
    fn gather(&mut self, piece: Bytes) {
        match self.chunk.last_mut() {
            Some(last) if piece.len() < SMALL && last.len() < SMALL => {
                let mut joined = BytesMut::from(std::mem::take(last));
                joined.extend_from_slice(&piece);
                *last = joined.freeze();
            }
            _ => self.chunk.push(piece),
        }
    }

    /// The source has ended: the rest, and the closing chunk.
    pub fn end(&mut self) {
        if self.gathered > 0 {
            self.close_chunk();
        }
        self.framed.push_back(self.signer.end().into());
    }

    /// The next piece to send.
    pub fn next(&mut self) -> Option<Bytes> {
        self.framed.pop_front()
    }

    /// True if there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.framed.is_empty()
    }

    fn close_chunk(&mut self) {
        let hash = PayloadHash::Sha256(self.hash.finalize_reset().into());
        let head = self.signer.head_of(std::mem::take(&mut self.gathered), &hash);
        self.framed.push_back(head.into());
        self.framed.extend(self.chunk.drain(..));
        self.framed.push_back(Bytes::from_static(b"\r\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;
    use crate::region::Region;
    use crate::sign::{PayloadHash, Signer, SigningTime, encoded_length};
    use crate::target::{Scheme, Target};

    fn framer() -> Framer {
        let credentials = Credentials::new("access", "secret").expect("valid");
        let region = Region::new("us-east-1").expect("a region");
        let signer = Signer::new(&credentials, &region, "s3").expect("a service");
        let time = SigningTime::from_unix_seconds(0).expect("in range");
        let target = Target::new(Scheme::Http, "localhost", "/b/k", []).expect("a target");
        let signed = signer.sign(time, "PUT", &target, &http::HeaderMap::new(), &PayloadHash::Streaming);
        Framer::new(signer.chunk_signer(time, &signed))
    }

    /// A chunk byte by byte is few pieces, and the same chunk as in one, or in pieces that end elsewhere than it does.
    #[test]
    fn drops_are_put_together() {
        let (mut drops, mut pieces, mut whole) = (framer(), framer(), framer());
        let bytes = Bytes::from(vec![b'x'; CHUNK_SIZE as usize + 10_000]);
        for at in 0..bytes.len() {
            drops.take(bytes.slice(at..=at));
            assert!(drops.chunk.len() <= CHUNK_SIZE as usize / SMALL, "{at}");
        }
        bytes.chunks(10_007).for_each(|piece| pieces.take(Bytes::copy_from_slice(piece)));
        whole.take(bytes);
        drops.end();
        pieces.end();
        whole.end();
        let sent = |framer: &mut Framer| std::iter::from_fn(|| framer.next()).collect::<Vec<_>>().concat();
        let whole = sent(&mut whole);
        assert_eq!((sent(&mut drops), sent(&mut pieces)), (whole.clone(), whole));
    }

    /// Copying costs more than it saves, except for drops.
    #[test]
    fn only_drops_are_copied() {
        for (lengths, pieces) in [
            (&[SMALL, SMALL][..], 2),
            (&[SMALL, 1], 2),
            (&[1, SMALL], 2),
            (&[SMALL - 1, 1], 1),
            (&[1, SMALL - 1, 1], 2),
            (&[SMALL - 1, SMALL - 1, 1], 2),
        ] {
            let mut framer = framer();
            lengths.iter().for_each(|length| framer.take(Bytes::from(vec![b'x'; *length])));
            assert_eq!(framer.chunk.len(), pieces, "{lengths:?}");
        }
    }

    /// Also where the last chunk is a full one, and where there is none but the closing one.
    #[test]
    fn what_is_framed_is_as_long_as_announced() {
        let size = CHUNK_SIZE as usize;
        for length in [0, 1, size - 1, size, size + 1, 2 * size] {
            let mut framer = framer();
            framer.take(Bytes::from(vec![b'x'; length]));
            framer.end();
            let framed: usize = std::iter::from_fn(|| framer.next()).map(|piece| piece.len()).sum();
            assert_eq!(Some(framed as u64), encoded_length(length as u64, CHUNK_SIZE), "{length}");
        }
    }
}
