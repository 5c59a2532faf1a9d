//! One page of a listing: XML in, keys and where the next page begins out.

use std::borrow::Cow;
use std::fmt::Write;

use super::{ListedObject, ListingPage};
use crate::encode;
use crate::error::{Error, Result};
use crate::request::KeyPrefix;
use crate::response::{ETag, digits, http_date, iso_date};
use crate::xml::{Document, Field};

/// Stands for a byte that is no UTF-8 while the document is read: one of 256 characters that nobody uses (plane 15, private use).
const ODD_BYTE: u32 = 0xf_0000;

/// A page as it is written: keys still encoded, because `EncodingType` may follow them.
#[derive(Default)]
pub(super) struct PageReader {
    page: ListingPage,
    url_encoded: bool,
    truncated: Option<bool>,
    /// Bytes that are no UTF-8 were read.
    has_odd_bytes: bool,
}

/// Reads a page. Some services put a key into it that is no UTF-8; the rest is read all the same.
pub(super) fn read(body: &[u8]) -> Result<PageReader> {
    let text = with_odd_bytes(body);
    let has_odd_bytes = matches!(text, Cow::Owned(_));
    let read = PageReader { has_odd_bytes, ..PageReader::default() }.read(text.as_bytes());
    read.map_err(|error| if has_odd_bytes { not_utf8(error) } else { error })
}

fn not_utf8(error: Error) -> Error {
    Error::passing_protocol("the answer is not the XML that S3 gives: it is not UTF-8").with_source(error)
}

fn with_odd_bytes(body: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(body.len() + 16);
    for part in body.utf8_chunks() {
        text.push_str(part.valid());
        text.extend(part.invalid().iter().filter_map(|byte| char::from_u32(ODD_BYTE + u32::from(*byte))));
    }
    Cow::Owned(text)
}

impl PageReader {
    fn read(mut self, body: &[u8]) -> Result<Self> {
        let mut document = Document::open_as(body, "ListBucketResult")?;
        while let Some(child) = document.child()? {
            match child.name() {
                "Contents" => self.page.contents.push(read_object(&mut document)?),
                "CommonPrefixes" => read_prefixes(&mut document, &mut self.page.common_prefixes)?,
                "EncodingType" => self.url_encoded = document.text()?.eq_ignore_ascii_case("url"),
                "IsTruncated" => set_once(&mut self.truncated, read_bool(&document.text()?)?)?,
                "NextContinuationToken" => {
                    let token = document.text()?.into_owned();
                    if !token.is_empty() {
                        set_once(&mut self.page.next_continuation_token, token)?;
                    }
                }
                _ => document.skip()?,
            }
        }
        document.finish()?;
        Ok(self)
    }

    pub fn finish(self, store: &KeyPrefix, prefix: &str) -> Result<ListingPage> {
        let Self { mut page, url_encoded, truncated, has_odd_bytes } = self;
        match (truncated, &page.next_continuation_token) {
            (None, _) => return Err(Error::protocol("the listing does not say whether it is complete (IsTruncated)")),
            (Some(true), None) => {
                return Err(Error::protocol("the listing goes on, but the service does not say where"));
            }
            (Some(false), _) => page.next_continuation_token = None,
            (Some(true), Some(_)) => {}
        }
        let ListingPage { contents, common_prefixes, unreadable, .. } = &mut page;
        let mut meaning = Meaning { url_encoded, has_odd_bytes, store, prefix, unreadable, problem: None };
        contents.retain_mut(|object| meaning.is_readable(&mut object.key));
        common_prefixes.retain_mut(|name| meaning.is_readable(name));
        match meaning.problem {
            Some(problem) => Err(Error::protocol(problem)),
            None => Ok(page),
        }
    }
}

/// What the keys of a page mean.
struct Meaning<'a> {
    url_encoded: bool,
    has_odd_bytes: bool,
    store: &'a KeyPrefix,
    prefix: &'a str,
    unreadable: &'a mut Vec<String>,
    problem: Option<&'static str>,
}

impl Meaning<'_> {
    /// Decodes a key and takes the store's prefix off it. False for one that is no text.
    fn is_readable(&mut self, key: &mut String) -> bool {
        if self.url_encoded {
            match String::from_utf8(encode::decode_form(std::mem::take(key))) {
                Ok(decoded) => *key = decoded,
                Err(odd) => {
                    self.unreadable.push(escaped(&odd.into_bytes()));
                    return false;
                }
            }
        }
        if self.has_odd_bytes && key.chars().any(|c| odd_byte(c).is_some()) {
            self.unreadable.push(key.chars().map(|c| odd_byte(c).map_or(c.to_string(), escaped_byte)).collect());
            return false;
        }
        if key.is_empty() {
            self.problem = Some("the listing has an empty key, which no object has");
        }
        match self.store.strip(key).filter(|stripped| stripped.starts_with(self.prefix)) {
            Some(stripped) => drop(key.drain(..key.len() - stripped.len())),
            None => self.problem = Some("the listing has keys outside the prefix that was asked for"),
        }
        true
    }
}

fn odd_byte(character: char) -> Option<u8> {
    u8::try_from(u32::from(character).checked_sub(ODD_BYTE)?).ok()
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for part in bytes.utf8_chunks() {
        text.push_str(part.valid());
        text.extend(part.invalid().iter().map(|byte| escaped_byte(*byte)));
    }
    text
}

fn escaped_byte(byte: u8) -> String {
    let mut text = String::new();
    write!(text, "\\x{byte:02x}").expect("a String takes every text");
    text
}

/// Takes a value that a page says once. Two that differ contradict each other.
fn set_once<T: PartialEq>(place: &mut Option<T>, value: T) -> Result<()> {
    if place.as_ref().is_some_and(|before| *before != value) {
        return Err(Error::protocol("the listing says two things at once of whether or where it goes on"));
    }
    *place = Some(value);
    Ok(())
}

fn read_object(document: &mut Document<'_>) -> Result<ListedObject> {
    let mut object = ListedObject::default();
    let mut keys = 0;
    while let Some(Field { name, text }) = document.field()? {
        match &*name {
            "Key" => {
                object.key = text.into_owned();
                keys += 1;
            }
            "Size" => {
                let text = text.trim();
                object.size = digits(text);
                if object.size.is_none() && !text.is_empty() {
                    return Err(Error::protocol("the listing has a size that is no number"));
                }
            }
            "ETag" => object.etag = Some(ETag::new(text)).filter(|etag| !etag.is_empty()),
            "LastModified" => object.last_modified = iso_date(&text).or_else(|| http_date(&text)),
            "StorageClass" => object.storage_class = Some(text.into_owned()),
            _ => {}
        }
    }
    match keys {
        0 => Err(Error::protocol("the listing has an object without a key")),
        1 => Ok(object),
        _ => Err(Error::protocol("the listing has an object with two keys")),
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
