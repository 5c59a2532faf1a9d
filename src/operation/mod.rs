//! S3's calls as values: what to ask, and how to read the answer.
//!
//! Each operation is named as in the S3 API reference and holds its own options. [`Operation::request`] turns it into a
//! [`Request`]; [`Operation::read`] turns a success into its output. Everything else is common: address, signature, sending
//! and errors.

/// Makes the short form: where an operation is wanted, its key alone will do.
macro_rules! from_key {
    ($operation:ty) => {
        impl From<&str> for $operation {
            fn from(key: &str) -> Self {
                Self::new(key)
            }
        }

        impl From<&String> for $operation {
            fn from(key: &String) -> Self {
                Self::new(key)
            }
        }

        impl From<String> for $operation {
            fn from(key: String) -> Self {
                Self::new(key)
            }
        }
    };
}
use from_key;

mod delete_object;
mod get_object;
mod head_object;
mod list_objects_v2;
mod put_object;
mod raw;

use std::fmt;

use crate::error::{Error, Result};
use crate::request::{KeyPrefix, Request};
use crate::response::{ResponseHead, service_error, service_error_document};

pub use self::delete_object::{DeleteObject, DeleteObjectOutput};
pub use self::get_object::{ByteRange, GetObject};
pub use self::head_object::HeadObject;
pub use self::list_objects_v2::{ListObjectsV2, ListedObject, ListingCursor, ListingPage};
pub use self::put_object::{PutObject, PutObjectOutput};
pub use self::raw::{Raw, RawAnswer};

/// An S3 call: what to ask, how to read the answer.
pub trait Operation: Sync {
    /// What a success means.
    type Output: Send;

    /// The operation's name in the S3 API.
    const NAME: &'static str;

    /// True if the body of a success is the object itself, to be streamed, and not for [`read`](Self::read).
    const STREAMS: bool = false;

    /// Makes the request, with the store's prefix before every key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadInput`](crate::ErrorKind::BadInput) for what S3 or HTTP cannot carry.
    fn request(&self, prefix: &KeyPrefix) -> Result<Request>;

    /// Reads a success (2xx).
    ///
    /// # Errors
    ///
    /// An answer that is not one S3 gives to this call.
    fn read(&self, answer: Answer<'_>) -> Result<Self::Output>;

    /// Reads a refusal that means success to this call; all others stay errors.
    ///
    /// # Errors
    ///
    /// The refusal itself.
    fn recover(&self, refusal: Error) -> Result<Self::Output> {
        Err(refusal)
    }
}

/// A whole answer, as an operation reads it.
pub struct Answer<'a> {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body; empty for the operations that stream it.
    pub body: &'a [u8],
    /// The store's prefix, for keys in the body.
    pub prefix: &'a KeyPrefix,
    /// The region the request was signed for.
    pub signed_for: &'a str,
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, body_length) = (self.head.status, self.body.len());
        f.debug_struct("Answer").field("status", &status).field("body_length", &body_length).finish_non_exhaustive()
    }
}

/// Reads a result in XML. What cannot be read may be an error that came with a 200; then that is what is reported.
fn read_xml<T>(answer: &Answer<'_>, read: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    read(answer.body).map_err(|unreadable| match service_error_document(answer.body) {
        Some(_) => service_error(&answer.head, answer.body, answer.signed_for),
        None => unreadable,
    })
}

/// A success has no error document; a service that failed after its status was sent has only the body left to say so.
fn refuse_error_document(answer: &Answer<'_>) -> Result<()> {
    if answer.body.is_empty() {
        return Ok(());
    }
    match service_error_document(answer.body) {
        Some(_) => Err(service_error(&answer.head, answer.body, answer.signed_for)),
        None => Ok(()),
    }
}

/// Reads any answer to an operation: a success by [`Operation::read`], all else as an error.
///
/// # Errors
///
/// The service's refusal, or an answer that S3 does not give.
pub fn read_answer<O: Operation>(operation: &O, answer: Answer<'_>) -> Result<O::Output> {
    if answer.head.status.is_success() {
        return operation.read(answer);
    }
    operation.recover(service_error(&answer.head, answer.body, answer.signed_for))
}
