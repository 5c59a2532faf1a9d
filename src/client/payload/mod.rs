//! The body of an upload, before it is anybody's: whichever its source, it gives bytes, or fails.

pub(super) mod buffers;
pub(super) mod framer;
mod payload;
pub(super) mod source;

pub use self::payload::Payload;
pub(super) use self::payload::hash_bytes;
