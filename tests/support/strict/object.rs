//! A stored object: its bytes and what S3 keeps with them.

use bytes::Bytes;

use super::clock::http_date;
use super::digest::sha256_hex;
use super::error::S3Error;
use super::http::RequestHead;
use super::response::RawResponse;

/// Headers of a PUT that are kept with the object, besides `x-amz-meta-*`.
const KEPT_HEADERS: [&str; 7] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-storage-class",
];

/// A stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its bytes.
    pub content: Bytes,
    /// ETag with its quotes. It is no MD5, as with many S3 servers.
    pub etag: String,
    /// Seconds since 1970.
    pub last_modified: i64,
    /// Headers stored with it, names in lower case: content-type and its like, `x-amz-meta-*`.
    pub headers: Vec<(String, String)>,
    /// Version, when the bucket gives versions.
    pub version_id: Option<String>,
    /// Checksums by header name.
    pub checksums: Vec<(String, String)>,
}

impl StoredObject {
    /// An object without headers or version.
    pub fn new(content: impl Into<Bytes>, last_modified: i64) -> Self {
        let content = content.into();
        let etag = format!("\"{}\"", &sha256_hex(&content)[..32]);
        Self { content, etag, last_modified, headers: Vec::new(), version_id: None, checksums: Vec::new() }
    }

    /// The first value of a stored header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(stored, _)| stored == name).map(|(_, value)| value.as_str())
    }

    /// Adds the headers that GET and HEAD answer with.
    pub fn described(&self, mut answer: RawResponse) -> RawResponse {
        answer = answer.with("ETag", &self.etag).with("Last-Modified", http_date(self.last_modified));
        if let Some(version) = &self.version_id {
            answer = answer.with("x-amz-version-id", version);
        }
        answer.headers.extend(self.headers.iter().cloned());
        if answer.header("content-type").is_none() {
            answer = answer.with("Content-Type", "binary/octet-stream");
        }
        answer
    }
}

/// The headers of a PUT that belong to the object; `aws-chunked` is framing and not part of its
/// content coding.
pub fn stored_headers(head: &RequestHead) -> Result<Vec<(String, String)>, S3Error> {
    let mut stored = Vec::new();
    for (name, value) in &head.headers {
        let name = name.to_ascii_lowercase();
        if !KEPT_HEADERS.contains(&name.as_str()) && !name.starts_with("x-amz-meta-") {
            continue;
        }
        let text = std::str::from_utf8(value)
            .map_err(|_| S3Error::new(400, "InvalidArgument", format!("{name} is not UTF-8")))?;
        let text = if name == "content-encoding" { without_framing(text) } else { text.to_owned() };
        if name != "content-encoding" || !text.is_empty() {
            stored.push((name, text));
        }
    }
    Ok(stored)
}

fn without_framing(codings: &str) -> String {
    let kept: Vec<&str> = codings.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect();
    kept.join(",")
}
