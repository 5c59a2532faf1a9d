//! ListObjectsV2 with everything that has tripped clients: opaque tokens, encoded keys, prefixes
//! between objects.

use super::bucket::{Bucket, Call};
use super::canonical::lossy;
use super::clock::xml_date;
use super::error::S3Error;
use super::object::StoredObject;
use super::response::RawResponse;
use super::xml::element;

const LONGEST_PAGE: usize = 1000;

/// Continuation tokens begin with this: every character of it breaks a client that does not encode,
/// or encodes twice.
const TOKEN_START: &str = "a+b/c='$ {}";

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// After this key.
    Key(Vec<u8>),
    /// After all keys that begin so.
    Prefix(Vec<u8>),
}

impl Marker {
    fn is_before(&self, key: &[u8]) -> bool {
        match self {
            Self::Key(last) => last.as_slice() < key,
            Self::Prefix(prefix) => prefix.as_slice() < key && !key.starts_with(prefix),
        }
    }
}

/// The parameters of a listing.
struct Listing {
    prefix: Vec<u8>,
    delimiter: Option<Vec<u8>>,
    start_after: Option<Vec<u8>>,
    token: Option<String>,
    max_keys: usize,
    url_encoded: bool,
    with_owner: bool,
}

enum Entry<'a> {
    Object(&'a [u8], &'a StoredObject),
    CommonPrefix(&'a [u8]),
}

impl Entry<'_> {
    fn marker(&self) -> Marker {
        match self {
            Self::Object(key, _) => Marker::Key(key.to_vec()),
            Self::CommonPrefix(prefix) => Marker::Prefix(prefix.to_vec()),
        }
    }
}

/// One page of the bucket's listing.
pub fn answer(bucket: &mut Bucket, call: &Call<'_>) -> Result<RawResponse, S3Error> {
    let listing = Listing::read(call)?;
    let marker = listing.marker(bucket)?;
    let mut page = listing.entries(bucket, marker);
    let truncated = listing.max_keys > 0 && page.len() > listing.max_keys;
    page.truncate(listing.max_keys);
    let next = page.last().filter(|_| truncated).map(Entry::marker);
    if !bucket.interleaved {
        page.sort_by_key(|entry| matches!(entry, Entry::CommonPrefix(_)));
    }
    let entries: String = page.iter().map(|entry| listing.entry(entry)).collect();
    let mut inner = listing.echo(&bucket.name);
    inner += &element("KeyCount", &page.len().to_string());
    inner += &element("IsTruncated", if truncated { "true" } else { "false" });
    if let Some(marker) = next {
        let token = format!("{TOKEN_START}{}", bucket.tokens.len());
        inner += &element("NextContinuationToken", &token);
        bucket.tokens.insert(token, marker);
    }
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}{entries}</ListBucketResult>"
    );
    Ok(RawResponse::new(200).with("Content-Type", "application/xml").with_body(document))
}

impl Listing {
    fn read(call: &Call<'_>) -> Result<Self, S3Error> {
        let invalid = |message: String| S3Error::new(400, "InvalidArgument", message);
        let max_keys = match call.query_text("max-keys") {
            None => LONGEST_PAGE,
            Some(text) => text.parse().map_err(|_| invalid(format!("max-keys is not a number: {text}")))?,
        };
        let url_encoded = match call.query_bytes("encoding-type") {
            None => false,
            Some(b"url") => true,
            Some(other) => {
                return Err(invalid(format!("encoding-type is {}, not url", lossy(other))));
            }
        };
        let given = |name: &str| call.query_bytes(name).filter(|value| !value.is_empty()).map(<[u8]>::to_vec);
        Ok(Self {
            prefix: given("prefix").unwrap_or_default(),
            delimiter: given("delimiter"),
            start_after: given("start-after"),
            token: call.query_text("continuation-token"),
            max_keys: max_keys.min(LONGEST_PAGE),
            url_encoded,
            with_owner: call.query_bytes("fetch-owner") == Some(b"true"),
        })
    }

    /// A token outweighs `start-after`, which clients repeat on every page.
    fn marker(&self, bucket: &Bucket) -> Result<Option<Marker>, S3Error> {
        let Some(token) = &self.token else {
            return Ok(self.start_after.clone().map(Marker::Key));
        };
        let marker = bucket.tokens.get(token).cloned();
        let unknown = || {
            let message = format!("The continuation token provided is incorrect: {token}");
            S3Error::new(400, "InvalidArgument", message)
        };
        marker.map(Some).ok_or_else(unknown)
    }

    /// The page's entries in key order and one more, which tells that the page is cut.
    fn entries<'a>(&self, bucket: &'a Bucket, mut marker: Option<Marker>) -> Vec<Entry<'a>> {
        let mut entries = Vec::new();
        for (key, object) in &bucket.objects {
            let due = marker.as_ref().is_none_or(|marker| marker.is_before(key));
            if !due || !key.starts_with(&self.prefix) {
                continue;
            }
            let entry = match self.common_prefix(key) {
                Some(prefix) => Entry::CommonPrefix(prefix),
                None => Entry::Object(key, object),
            };
            marker = Some(entry.marker());
            entries.push(entry);
            if entries.len() > self.max_keys {
                break;
            }
        }
        entries
    }

    /// The key up to and with the first delimiter after the prefix.
    fn common_prefix<'a>(&self, key: &'a [u8]) -> Option<&'a [u8]> {
        let delimiter = self.delimiter.as_ref()?;
        let at = super::http::find(&key[self.prefix.len()..], delimiter)?;
        Some(&key[..self.prefix.len() + at + delimiter.len()])
    }

    /// The parameters, as the answer repeats them.
    fn echo(&self, bucket_name: &str) -> String {
        let mut inner = element("Name", bucket_name);
        inner += &element("Prefix", &self.encoded(&self.prefix));
        if let Some(delimiter) = &self.delimiter {
            inner += &element("Delimiter", &self.encoded(delimiter));
        }
        if let Some(start_after) = &self.start_after {
            inner += &element("StartAfter", &self.encoded(start_after));
        }
        if let Some(token) = &self.token {
            inner += &element("ContinuationToken", token);
        }
        if self.url_encoded {
            inner += &element("EncodingType", "url");
        }
        inner + &element("MaxKeys", &self.max_keys.to_string())
    }

    fn entry(&self, entry: &Entry<'_>) -> String {
        match entry {
            Entry::CommonPrefix(prefix) => {
                format!("<CommonPrefixes>{}</CommonPrefixes>", element("Prefix", &self.encoded(prefix)))
            }
            Entry::Object(key, object) => {
                format!("<Contents>{}</Contents>", self.object(key, object))
            }
        }
    }

    fn object(&self, key: &[u8], object: &StoredObject) -> String {
        let mut inner = element("Key", &self.encoded(key));
        inner += &element("LastModified", &xml_date(object.last_modified));
        inner += &element("ETag", &object.etag);
        inner += &element("Size", &object.content.len().to_string());
        if self.with_owner {
            inner += "<Owner><ID>owner</ID></Owner>";
        }
        inner + &element("StorageClass", object.header("x-amz-storage-class").unwrap_or("STANDARD"))
    }

    fn encoded(&self, bytes: &[u8]) -> String {
        if self.url_encoded { form_encode(bytes) } else { lossy(bytes) }
    }
}

/// The encoding of AWS's listings is that of web forms: a space is a plus sign, `*` stays, `~` does
/// not.
fn form_encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte {
            b' ' => text.push('+'),
            b'-' | b'_' | b'.' | b'*' | b'/' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
