//! ListObjectsV2: the keys of a bucket, page by page.

mod cursor;
mod page;

use std::time::SystemTime;

use http::Method;

pub use self::cursor::ListingCursor;
use super::{Answer, Operation, SelfContained, read_xml};
use crate::error::Result;
use crate::request::{KeyPrefix, Request};
use crate::response::ETag;

/// ListObjectsV2: lists keys, in the order of their UTF-8 bytes.
///
/// ```
/// use s3lite::ListObjectsV2;
///
/// let folder = ListObjectsV2::new().prefix("mail/").delimiter("/");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ListObjectsV2 {
    prefix: String,
    delimiter: Option<String>,
    start_after: Option<String>,
    max_keys: Option<u32>,
    continuation_token: Option<String>,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListingPage {
    /// The objects, their keys without the store's prefix.
    pub contents: Vec<ListedObject>,
    /// What the delimiter rolled up: `mail/` for all keys that start so.
    pub common_prefixes: Vec<String>,
    /// Where the next page goes on; `None` on the last.
    pub next_continuation_token: Option<String>,
    /// Keys and prefixes that are no UTF-8, as file systems have them, with their odd bytes written as `\\xff`. No call can name
    /// them.
    pub unreadable: Vec<String>,
}

/// An object in a listing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListedObject {
    /// The key, without the store's prefix.
    pub key: String,
    /// The size in bytes; `None` if the service lists none, as some do for the entries of folders.
    pub size: Option<u64>,
    /// The entity tag; some services list none.
    pub etag: Option<ETag>,
    /// The time of the last change.
    pub last_modified: Option<SystemTime>,
    /// The storage class; some services list none.
    pub storage_class: Option<String>,
}

impl ListObjectsV2 {
    /// Lists every key of the store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lists keys that start with this text only.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Rolls up keys that share the text up to this one after the prefix, most often `/`.
    pub fn delimiter(self, delimiter: impl Into<String>) -> Self {
        Self { delimiter: Some(delimiter.into()), ..self }
    }

    /// Lists keys after this one only.
    pub fn start_after(self, key: impl Into<String>) -> Self {
        Self { start_after: Some(key.into()), ..self }
    }

    /// Asks for at most this many entries a page; S3 gives 1,000 at most.
    pub fn max_keys(self, count: u32) -> Self {
        Self { max_keys: Some(count), ..self }
    }

    /// Goes on where an earlier page ended. The token is opaque.
    pub fn continuation_token(self, token: impl Into<String>) -> Self {
        Self { continuation_token: Some(token.into()), ..self }
    }
}

impl SelfContained for ListObjectsV2 {}

impl Operation for ListObjectsV2 {
    type Output = ListingPage;
    const NAME: &'static str = "ListObjectsV2";

    fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
        let mut request = Request::bucket(Self::NAME, Method::GET);
        request.push_query("list-type", "2");
        // Keys may hold characters that XML cannot carry.
        request.push_query("encoding-type", "url");
        let prefixed = prefix.join(&self.prefix);
        if !prefixed.is_empty() {
            request.push_query("prefix", prefixed);
        }
        if let Some(delimiter) = &self.delimiter {
            request.push_query("delimiter", delimiter);
        }
        if let Some(key) = &self.start_after {
            request.push_query("start-after", prefix.join(key));
        }
        if let Some(count) = self.max_keys {
            request.push_query("max-keys", count.to_string());
        }
        if let Some(token) = &self.continuation_token {
            request.push_query("continuation-token", token);
        }
        Ok(request)
    }

    fn read(&self, answer: Answer<'_>) -> Result<ListingPage> {
        read_xml(&answer, page::read)?.finish(answer.prefix, &self.prefix)
    }
}
