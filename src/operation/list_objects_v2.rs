//! ListObjectsV2: the keys of a bucket, page by page.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::SystemTime;

use http::Method;

use super::{Answer, Operation, read_xml};
use crate::encode;
use crate::error::{Error, Result};
use crate::request::{KeyPrefix, Request};
use crate::response::{ETag, digits, iso_date};
use crate::xml::{Document, Field};

/// How many pages without an entry are followed before the listing counts as broken.
const MAX_EMPTY_PAGES: u32 = 1000;

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
}

/// An object in a listing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListedObject {
    /// The key, without the store's prefix.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
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
        read_xml(&answer, |body| PageReader::default().read(body))?.finish(answer.prefix, &self.prefix)
    }
}

/// A page as it is written: keys still encoded, because `EncodingType` may follow them.
#[derive(Default)]
struct PageReader {
    page: ListingPage,
    url_encoded: bool,
    truncated: Option<bool>,
}

impl PageReader {
    fn read(mut self, body: &[u8]) -> Result<Self> {
        let mut document = Document::open_as(body, "ListBucketResult")?;
        while let Some(child) = document.child()? {
            match child.name() {
                "Contents" => self.page.contents.push(read_object(&mut document)?),
                "CommonPrefixes" => read_prefixes(&mut document, &mut self.page.common_prefixes)?,
                "EncodingType" => self.url_encoded = document.text()?.eq_ignore_ascii_case("url"),
                "IsTruncated" => self.truncated = Some(read_bool(&document.text()?)?),
                "NextContinuationToken" => {
                    self.page.next_continuation_token =
                        Some(document.text()?.into_owned()).filter(|token| !token.is_empty());
                }
                _ => document.skip()?,
            }
        }
        document.finish()?;
        Ok(self)
    }

    fn finish(self, store: &KeyPrefix, prefix: &str) -> Result<ListingPage> {
        let Self { mut page, url_encoded, truncated } = self;
        match (truncated, &page.next_continuation_token) {
            (None, _) => return Err(Error::protocol("the listing does not say whether it is complete (IsTruncated)")),
            (Some(true), None) => {
                return Err(Error::protocol("the listing goes on, but the service does not say where"));
            }
            (Some(false), _) => page.next_continuation_token = None,
            (Some(true), Some(_)) => {}
        }
        let keys = page.contents.iter_mut().map(|object| &mut object.key);
        for key in keys.chain(&mut page.common_prefixes) {
            if url_encoded {
                *key = String::from_utf8(encode::decode_form(std::mem::take(key)))
                    .map_err(|_| Error::protocol("a key of the listing is not UTF-8"))?;
            }
            let Some(stripped) = store.strip(key).filter(|stripped| stripped.starts_with(prefix)) else {
                return Err(Error::protocol("the listing has keys outside the prefix that was asked for"));
            };
            key.drain(..key.len() - stripped.len());
        }
        Ok(page)
    }
}

fn read_object(document: &mut Document<'_>) -> Result<ListedObject> {
    let mut object = ListedObject::default();
    let (mut has_key, mut has_size) = (false, false);
    while let Some(Field { name, text }) = document.field()? {
        match &*name {
            "Key" => {
                object.key = text.into_owned();
                has_key = true;
            }
            "Size" => {
                object.size =
                    digits(text.trim()).ok_or_else(|| Error::protocol("the listing has a size that is no number"))?;
                has_size = true;
            }
            "ETag" => object.etag = Some(ETag::new(text)).filter(|etag| !etag.as_str().is_empty()),
            "LastModified" => object.last_modified = iso_date(&text),
            "StorageClass" => object.storage_class = Some(text.into_owned()),
            _ => {}
        }
    }
    match (has_key, has_size) {
        (true, true) => Ok(object),
        (false, _) => Err(Error::protocol("the listing has an object without a key")),
        (true, false) => Err(Error::protocol("the listing has an object without a size")),
    }
}

fn read_prefixes(document: &mut Document<'_>, prefixes: &mut Vec<String>) -> Result<()> {
    while let Some(field) = document.field()? {
        if field.name == "Prefix" {
            prefixes.push(field.text.into_owned());
        }
    }
    Ok(())
}

/// Some servers write `True`.
fn read_bool(text: &str) -> Result<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Error::protocol("the listing does not say whether it is complete (IsTruncated)")),
    }
}

/// Goes from page to page, and stops with an error where a service would keep it going for ever.
#[derive(Clone, Debug)]
pub struct ListingCursor {
    next: Option<ListObjectsV2>,
    /// Hashes of the tokens that were followed: a listing of a billion keys has a million of them.
    followed: HashSet<u64>,
    empty_pages: u32,
}

impl ListingCursor {
    /// Starts with this listing.
    pub fn new(first: ListObjectsV2) -> Self {
        Self { next: Some(first), followed: HashSet::new(), empty_pages: 0 }
    }

    /// Returns the page to ask for; `None` after the last.
    pub fn next_page(&self) -> Option<&ListObjectsV2> {
        self.next.as_ref()
    }

    /// Takes note of a page that was read.
    ///
    /// # Errors
    ///
    /// A token that came before, or too many empty pages in a row. There is no next page then.
    pub fn advance(&mut self, page: &ListingPage) -> Result<()> {
        let asked = self.next.take();
        let Some(token) = &page.next_continuation_token else { return Ok(()) };
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        if !self.followed.insert(hasher.finish()) {
            return Err(Error::protocol("the listing goes in circles: the service gave the same token twice"));
        }
        let is_empty = page.contents.is_empty() && page.common_prefixes.is_empty();
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(Error::protocol(format!("the listing has {MAX_EMPTY_PAGES} empty pages in a row")));
        }
        self.next = asked.map(|list| list.continuation_token(token));
        Ok(())
    }
}
