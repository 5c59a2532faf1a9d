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
#[cfg(test)]
mod tests;

use std::fmt;

use crate::error::{Error, Result};
use crate::request::{KeyPrefix, Request};
use crate::response::{
    Marks, ResponseHead, compression, require_own, require_own_object, require_stored, service_error,
    service_error_document, service_error_of,
};

pub use self::delete_object::{DeleteObject, DeleteObjectOutput};
pub use self::get_object::GetObject;
pub use self::head_object::HeadObject;
pub use self::list_objects_v2::{ListObjectsV2, ListedObject, ListingCursor, ListingPage};
pub use self::put_object::{PutObject, PutObjectOutput};
pub use self::raw::{Raw, RawAnswer};

/// An S3 call: what to ask, how to read the answer.
///
/// A call that has no type here gets one of your own: [`Raw`] makes its request, and reads what every answer has in common.
///
/// ```
/// use s3lite::{Answer, Error, KeyPrefix, Operation, Raw, Request, Result};
///
/// struct GetTagging(String);
///
/// impl Operation for GetTagging {
///     type Output = String;
///     const NAME: &'static str = "GetObjectTagging";
///
///     fn key(&self) -> Option<&str> {
///         Some(&self.0)
///     }
///
///     fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
///         Raw::get(&self.0).query("tagging", "").request(prefix)
///     }
///
///     fn read(&self, answer: Answer<'_>) -> Result<String> {
///         let answer = Raw::get(&self.0).query("tagging", "").read(answer)?;
///         String::from_utf8(answer.body.to_vec()).map_err(|_| Error::protocol("the tags are not UTF-8"))
///     }
/// }
/// ```
pub trait Operation: Sync {
    /// What a success means.
    type Output: Send;

    /// The operation's name in the S3 API.
    const NAME: &'static str;

    /// True if the body of a success is the object itself, to be streamed, and not for [`read`](Self::read).
    const STREAMS: bool = false;

    /// What a success is recognised by.
    const ANSWER: AnswerKind = AnswerKind::Document;

    /// True if the body of a success is a document, which shows by itself whether it is complete.
    const IS_DOCUMENT: bool = true;

    /// Returns the key it is about, without the store's prefix, if it is about an object.
    fn key(&self) -> Option<&str> {
        None
    }

    /// Demands that a presigned URL can stand for it.
    ///
    /// # Errors
    ///
    /// A body: a URL carries none.
    fn check_presignable(&self) -> Result<()> {
        Ok(())
    }

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

    /// Checks what the head and the body of a success show together, where it came over a connection.
    ///
    /// # Errors
    ///
    /// A document where an object was asked for.
    fn accept(&self, answer: &Answer<'_>) -> Result<()> {
        let _ = answer;
        Ok(())
    }

    /// Reads a refusal that means success to this call; all others stay errors.
    ///
    /// # Errors
    ///
    /// The refusal itself.
    fn recover(&self, refusal: Error) -> Result<Self::Output> {
        Err(refusal)
    }
}

/// An operation that carries all it sends, and whose answer fits into memory: what [`Store::send`](crate::Store::send) takes.
///
/// PutObject is none, for its payload is not a part of it: sent without one it would empty the object. Its home is
/// [`Store::put`](crate::Store::put). Nor is GetObject, whose bytes stream: its home is [`Store::get`](crate::Store::get).
///
/// ```compile_fail
/// # async fn example(store: s3lite::Store) -> s3lite::Result<()> {
/// store.send(s3lite::PutObject::new("mail/1")).await?; // would empty the object
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail
/// # async fn example(store: s3lite::Store) -> s3lite::Result<()> {
/// store.send(s3lite::GetObject::new("mail/1")).await?; // would drop its bytes
/// # Ok(())
/// # }
/// ```
pub trait SelfContained: Operation {}

/// What a success is recognised by as the service's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerKind {
    /// The root of its document.
    Document,
    /// The head of an object.
    Object,
    /// The head of an object that was stored.
    Stored,
    /// A head alone: nothing but the service's mark tells it from somebody else's.
    Head,
    /// Anything: the mark, of a service that marks its answers.
    Any,
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

/// Reads a result in XML. What cannot be read may be an error that came with a 200, or compressed on the way; then that is what is
/// reported.
fn read_xml<T>(answer: &Answer<'_>, read: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    read(answer.body).map_err(|unreadable| match service_error_document(answer.body) {
        Some(_) => service_error(&answer.head, answer.body, answer.signed_for),
        None => compression(&answer.head, answer.body).unwrap_or(unreadable),
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
        require_success(operation, &answer, Marks::Unknown)?;
        return operation.read(answer);
    }
    operation.recover(service_error(&answer.head, answer.body, answer.signed_for))
}

/// As [`read_answer`], of an answer that came over a connection, and of a service that has shown so much of itself before.
pub(crate) fn read_answer_of<O: Operation>(operation: &O, answer: Answer<'_>, known: Marks) -> Result<O::Output> {
    let Answer { head, body, signed_for, .. } = &answer;
    if !head.status.is_success() {
        return operation.recover(service_error_of(head, body, signed_for, known));
    }
    require_success(operation, &answer, known)?;
    operation.accept(&answer)?;
    operation.read(answer)
}

fn require_success<O: Operation>(_: &O, answer: &Answer<'_>, known: Marks) -> Result<()> {
    let head = &answer.head;
    match O::ANSWER {
        AnswerKind::Document => {}
        AnswerKind::Object => require_own_object(head, known)?,
        AnswerKind::Stored => {
            refuse_error_document(answer)?;
            require_stored(head, known)?;
        }
        AnswerKind::Head => {
            refuse_error_document(answer)?;
            require_own(head, known)?;
        }
        AnswerKind::Any => require_own(head, known)?,
    }
    Ok(())
}
