//! An object that is read: its bytes counted and gone on with, as chunks, as a reader, into a file.

pub(super) mod download;
pub(super) mod file;
mod object;
pub(super) mod reader;

pub use self::object::Object;
