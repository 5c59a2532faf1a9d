//! One bucket in memory, with the semantics of AWS for the operations on single objects.
//!
//! Keys are bytes, so every key has a place of its own: `//`, `..`, a leading slash, bytes that are
//! no text.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::canonical::{Pairs, lossy};
use super::conditions;
use super::error::S3Error;
use super::http::RequestHead;
use super::listing::{self, Marker};
use super::object::{StoredObject, stored_headers};
use super::response::RawResponse;

/// Sub-resources of the bucket and of objects that are stored as sent and returned as stored.
const RAW_SUB_RESOURCES: [&str; 6] = ["tagging", "acl", "policy", "cors", "lifecycle", "website"];

/// Query names that change the answer to GET, HEAD, PUT or DELETE of an object only in ways
/// modelled here.
const KNOWN_NAMES: [&str; 3] = ["versionId", "x-id", "list-type"];

/// What a verified request asks of the bucket.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The request's head.
    pub head: &'a RequestHead,
    /// Key; empty for the bucket itself.
    pub key: Vec<u8>,
    /// Decoded query pairs without those of a presigned signature.
    pub query: Pairs,
    /// Decoded payload.
    pub payload: Bytes,
    /// Checksums that came with the payload and fit it, by header name.
    pub checksums: Vec<(String, String)>,
    /// The server's clock.
    pub now: i64,
}

impl Call<'_> {
    /// The value of a query pair as text.
    pub fn query_text(&self, name: &str) -> Option<String> {
        self.query_bytes(name).map(lossy)
    }

    /// The value of a query pair.
    pub fn query_bytes(&self, name: &str) -> Option<&[u8]> {
        self.query.iter().find(|(sent, _)| sent == name.as_bytes()).map(|(_, value)| value.as_slice())
    }
}

/// One bucket.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region, as `?location` and HeadBucket tell it.
    pub region: String,
    /// Its objects.
    pub objects: BTreeMap<Vec<u8>, StoredObject>,
    /// Raw sub-resources by key (empty for the bucket) and name.
    pub sub_resources: BTreeMap<(Vec<u8>, String), Bytes>,
    /// Whether new objects get a version id. Older versions are not kept.
    pub versioned: bool,
    /// Whether a listing writes common prefixes between the objects, in key order, or after them.
    pub interleaved: bool,
    /// Continuation tokens handed out, and where each goes on.
    pub tokens: BTreeMap<String, Marker>,
    versions: u64,
}

impl Bucket {
    /// An empty bucket.
    pub fn new(name: &str, region: &str) -> Self {
        Self { name: name.into(), region: region.into(), interleaved: true, ..Self::default() }
    }

    /// Stores an object as it stands.
    pub fn seed(&mut self, key: impl AsRef<[u8]>, content: impl Into<Bytes>) {
        let object = StoredObject::new(content, super::clock::system_seconds());
        self.objects.insert(key.as_ref().to_vec(), object);
    }

    /// The content of an object.
    pub fn content(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        self.objects.get(key.as_ref()).map(|object| object.content.clone())
    }

    /// Carries out a call.
    pub fn answer(&mut self, call: &Call<'_>) -> Result<RawResponse, S3Error> {
        let method = call.head.method.as_str();
        if let Some(name) = RAW_SUB_RESOURCES.iter().find(|name| call.query_bytes(name).is_some()) {
            return self.sub_resource(call, name);
        }
        match (method, call.key.is_empty()) {
            ("GET", true) if call.query_bytes("location").is_some() => Ok(self.location()),
            ("GET", true) if call.query_bytes("list-type") == Some(b"2") => listing::answer(self, call),
            ("HEAD", true) if call.query.is_empty() => {
                Ok(RawResponse::new(200).with("x-amz-bucket-region", &self.region))
            }
            (_, false) if !only_known_names(call) => Err(not_modelled(call)),
            ("GET" | "HEAD", false) => self.get(call),
            ("PUT", false) => self.put(call),
            ("DELETE", false) => self.delete(call),
            _ => Err(not_modelled(call)),
        }
    }

    fn get(&self, call: &Call<'_>) -> Result<RawResponse, S3Error> {
        let object = self.objects.get(&call.key).ok_or_else(|| no_such_key(&call.key))?;
        if let Some(version) = call.query_text("versionId").filter(|asked| Some(asked) != object.version_id.as_ref()) {
            return Err(S3Error::new(404, "NoSuchVersion", format!("no version {version}")));
        }
        if conditions::not_modified(call.head, object)? {
            return Ok(object.described(RawResponse::new(304)));
        }
        let answer = match conditions::range(call.head, object.content.len())? {
            None => RawResponse::new(200).with_body(object.content.clone()),
            Some((first, last)) => RawResponse::new(206)
                .with("Content-Range", format!("bytes {first}-{last}/{}", object.content.len()))
                .with_body(object.content.slice(first..=last)),
        };
        let mut answer = object.described(answer).with("Accept-Ranges", "bytes");
        if answer.status == 200 && call.head.has("x-amz-checksum-mode") {
            answer.headers.extend(object.checksums.iter().cloned());
        }
        override_headers(&mut answer, call);
        Ok(answer)
    }

    fn put(&mut self, call: &Call<'_>) -> Result<RawResponse, S3Error> {
        if call.head.has("x-amz-copy-source") {
            return Err(not_modelled(call));
        }
        conditions::may_write(call.head, self.objects.get(&call.key))?;
        let mut object = StoredObject::new(call.payload.clone(), call.now);
        object.headers = stored_headers(call.head)?;
        object.checksums = call.checksums.clone();
        if self.versioned {
            self.versions += 1;
            object.version_id = Some(format!("version.{}", self.versions));
        }
        let mut answer = RawResponse::new(200).with("ETag", &object.etag);
        answer.headers.extend(object.checksums.iter().cloned());
        if let Some(version) = &object.version_id {
            answer = answer.with("x-amz-version-id", version);
        }
        self.objects.insert(call.key.clone(), object);
        Ok(answer)
    }

    /// A key that is not there is deleted with success.
    fn delete(&mut self, call: &Call<'_>) -> Result<RawResponse, S3Error> {
        if call.head.has("if-match") {
            return Err(S3Error::not_implemented("If-Match on DELETE"));
        }
        self.objects.remove(&call.key);
        Ok(RawResponse::new(204))
    }

    /// us-east-1 is told by an empty element.
    fn location(&self) -> RawResponse {
        let region = if self.region == "us-east-1" { "" } else { &self.region };
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{region}</LocationConstraint>"
        );
        RawResponse::new(200).with("Content-Type", "application/xml").with_body(document)
    }

    fn sub_resource(&mut self, call: &Call<'_>, name: &str) -> Result<RawResponse, S3Error> {
        if !call.key.is_empty() && !self.objects.contains_key(&call.key) {
            return Err(no_such_key(&call.key));
        }
        let place = (call.key.clone(), name.to_owned());
        match call.head.method.as_str() {
            "PUT" => {
                self.sub_resources.insert(place, call.payload.clone());
                Ok(RawResponse::new(200))
            }
            "GET" => match self.sub_resources.get(&place) {
                Some(stored) => {
                    Ok(RawResponse::new(200).with("Content-Type", "application/xml").with_body(stored.clone()))
                }
                None => Err(S3Error::new(404, "NoSuchConfiguration", format!("no {name} is stored"))),
            },
            "DELETE" => {
                self.sub_resources.remove(&place);
                Ok(RawResponse::new(204))
            }
            _ => Err(not_modelled(call)),
        }
    }
}

/// The error for a key that is not there.
pub fn no_such_key(key: &[u8]) -> S3Error {
    S3Error::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", lossy(key))
}

fn not_modelled(call: &Call<'_>) -> S3Error {
    let target = lossy(&call.head.target);
    S3Error::not_implemented(format!("{} {target} is not modelled", call.head.method))
}

fn only_known_names(call: &Call<'_>) -> bool {
    call.query.iter().all(|(name, _)| {
        let name = lossy(name);
        KNOWN_NAMES.contains(&name.as_str()) || name.starts_with("response-")
    })
}

/// `response-content-type` and its like in the query replace headers of the answer.
fn override_headers(answer: &mut RawResponse, call: &Call<'_>) {
    for (name, value) in &call.query {
        if let Some(header) = lossy(name).strip_prefix("response-") {
            answer.set_header(header, lossy(value));
        }
    }
}
