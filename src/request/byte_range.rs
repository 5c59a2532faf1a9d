//! Which bytes of an object are asked for.

use http::HeaderValue;

use crate::error::{Error, Result};

/// Which bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From a byte to the end.
    From(u64),
    /// From a byte up to another, which is not included.
    Part {
        /// The first byte.
        start: u64,
        /// The byte after the last one.
        end: u64,
    },
    /// The last bytes.
    Last(u64),
}

impl ByteRange {
    /// Returns true if no object has a byte in it.
    pub fn is_empty(self) -> bool {
        matches!(self, Self::Last(0)) || matches!(self, Self::Part { start, end } if start == end)
    }

    /// The value of the Range header (RFC 9110 section 14.2), whose last byte is inclusive.
    pub(crate) fn header(self) -> Result<HeaderValue> {
        let text = match self {
            Self::From(start) => format!("bytes={start}-"),
            Self::Part { start, end } if start < end => format!("bytes={start}-{}", end - 1),
            Self::Last(count) if count > 0 => format!("bytes=-{count}"),
            Self::Last(_) => return Err(Error::bad_input("the range is empty, and HTTP cannot ask for no bytes")),
            Self::Part { start, end } => {
                let problem = format!("the range {start}..{end} does not have its start before its end");
                return Err(Error::bad_input(problem));
            }
        };
        Ok(HeaderValue::try_from(text).expect("invariant: printable ASCII is a value"))
    }
}
