//! One S3 call before it has an address, a date or a signature: method, key, query, headers, body.
//!
//! An [`Operation`](crate::Operation) makes it; [`Endpoint`](crate::Endpoint) gives it an address; the signer signs it.
//! What is checked here is what S3 or HTTP cannot carry; nothing is sent for a request that fails these checks.

mod byte_range;
mod extra;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::error::{Error, Result};

pub use self::byte_range::ByteRange;
pub(crate) use self::extra::{ExtraHeaders, METHODS};

/// The longest key S3 takes, in bytes of UTF-8 (S3 User Guide, "Naming Amazon S3 objects").
const MAX_KEY_BYTES: usize = 1024;

/// Headers that the client itself sets: a caller's own would break the framing or the signature.
const RESERVED: [&str; 18] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-security-token",
    "x-amz-trailer",
];

/// One S3 call: method, key, query pairs, headers and a small body; no address, date or signature yet.
#[derive(Clone)]
pub struct Request {
    operation: &'static str,
    method: Method,
    key: Option<String>,
    query: Vec<(Cow<'static, str>, String)>,
    /// A few: a list is looked through faster than a map is made.
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Request {
    /// Makes a request about the bucket itself.
    pub(crate) fn bucket(operation: &'static str, method: Method) -> Self {
        let (query, headers, body) = Default::default();
        Self { operation, method, key: None, query, headers, body }
    }

    /// Makes a request about one object.
    ///
    /// The empty key is refused: PUT or DELETE of it would be CreateBucket or DeleteBucket.
    pub(crate) fn object(operation: &'static str, method: Method, key: String) -> Result<Self> {
        check_key(&key)?;
        Ok(Self { key: Some(key), ..Self::bucket(operation, method) })
    }

    /// Adds a query pair, as decoded text; a parameter without a value has an empty one.
    pub(crate) fn push_query(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.query.push((name.into(), value.into()));
    }

    /// Sets a header that the operation itself knows.
    pub(crate) fn set_header(&mut self, name: HeaderName, value: &str) -> Result<()> {
        let value = header_value(name.as_str(), value)?;
        self.headers.retain(|(given, _)| *given != name);
        self.headers.push((name, value));
        Ok(())
    }

    /// Adds a header whose value no caller wrote.
    pub(crate) fn push_constant(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.push((name, value));
    }

    /// Adds a header the caller named.
    pub(crate) fn append_header(&mut self, name: &str, value: &str) -> Result<()> {
        let name: HeaderName =
            name.parse().map_err(|_| Error::bad_input(format!("{name:?} is no name for a header")))?;
        if RESERVED.contains(&name.as_str()) {
            return Err(Error::bad_input(format!("the header {name} is set by the client itself; leave it out")));
        }
        let mut value = header_value(name.as_str(), value)?;
        value.set_sensitive(name.as_str().contains("customer-key"));
        self.headers.push((name, value));
        Ok(())
    }

    pub(crate) fn set_body(&mut self, body: Bytes) {
        self.body = body;
    }

    /// Returns the operation's name in the S3 API.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Returns the HTTP method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the object's key with the store's `key-prefix`, or `None` for a request about the bucket.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the query pairs, decoded and in no particular order.
    pub fn query(&self) -> &[(Cow<'static, str>, String)] {
        &self.query
    }

    /// Returns the headers, without those that address, signature and framing add.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().map(|(name, value)| (name, value))
    }

    /// Returns a header's first value; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&HeaderValue> {
        self.headers().find(|(given, _)| given.as_str() == name).map(|(_, value)| value)
    }

    /// Returns the body of a request that carries its parameters in one.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns true if sending the request twice leaves the same as sending it once (RFC 9110 section 9.2.2). Under a
    /// condition the second answer may differ from the first all the same.
    pub fn is_idempotent(&self) -> bool {
        self.method.is_idempotent()
    }

    /// Returns true if the request only reads (RFC 9110 section 9.2.1).
    pub fn is_safe(&self) -> bool {
        self.method.is_safe()
    }

    /// Returns true for the methods whose requests have a body, even if it is empty.
    pub fn takes_payload(&self) -> bool {
        matches!(self.method, Method::PUT | Method::POST | Method::PATCH)
    }
}

/// A body may be anything, secrets among them: `Debug` shows its length.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("key", &self.key)
            .field("query", &self.query)
            .field("headers", &self.headers)
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// Chooses the headers to sign: `x-amz-*` and `content-md5`.
///
/// Proxies on the way rewrite the rest, and a signature over a rewritten header fails.
pub fn headers_to_sign<'h>(
    headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
) -> impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)> {
    headers.into_iter().filter(|(name, _)| name.as_str().starts_with("x-amz-") || *name == "content-md5")
}

/// What precedes every key of a store: `key-prefix`, verbatim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// Takes a prefix as it stands: a slash is a part of it like every other character.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self(prefix.into())
    }

    /// Returns the key with the prefix before it; no slash is added or taken away.
    pub fn join(&self, key: &str) -> String {
        [&self.0, key].concat()
    }

    /// Returns the key without the prefix, or `None` if it does not start with it.
    pub fn strip<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.0)
    }
}

/// Demands a key without the segments that proxies, browsers and file systems change: `strict-keys`.
pub(crate) fn check_strict(key: &str) -> Result<()> {
    let odd = key.split('/').enumerate().find(|(index, segment)| {
        let is_folder = *index > 0 && *index == key.split('/').count() - 1;
        matches!(*segment, "." | "..") || (segment.is_empty() && !is_folder)
    });
    let Some((_, segment)) = odd else { return Ok(()) };
    let what = if segment.is_empty() { "an empty segment".to_owned() } else { format!("the segment {segment:?}") };
    Err(Error::bad_input(format!(
        "the key has {what}, which proxies and file systems change into another key; strict-keys = true refuses it"
    )))
}

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(Error::bad_input("the key is empty; an object needs a name"));
    }
    if key.len() > MAX_KEY_BYTES {
        let length = key.len();
        return Err(Error::bad_input(format!(
            "the key has {length} bytes of UTF-8, and S3 takes {MAX_KEY_BYTES} at most"
        )));
    }
    if key.contains('\0') {
        return Err(Error::bad_input("the key holds a NUL character, which S3 cannot store"));
    }
    Ok(())
}

/// Takes a header value verbatim: the signature alone sees inner runs of blanks as one (SigV4, "canonical headers").
fn header_value(name: &str, value: &str) -> Result<HeaderValue> {
    if let Some(c) = value.chars().find(|c| !matches!(c, ' '..='~' | '\t')) {
        let mend = "only printable ASCII goes into a header: encode it first, for example with percent signs";
        return Err(Error::bad_input(format!("the header {name} holds {c:?}; {mend}")));
    }
    if name == "content-encoding" && value.to_ascii_lowercase().contains("aws-chunked") {
        let mend = "aws-chunked is the framing of signed uploads, which s3lite adds itself; leave it out";
        return Err(Error::bad_input(format!("the header {name}: {mend}")));
    }
    if value.trim_matches([' ', '\t']).len() != value.len() {
        let mend = "HTTP drops blanks at the ends of a value: leave them out, or encode them, for example as %20";
        return Err(Error::bad_input(format!("the header {name} begins or ends with a blank; {mend}")));
    }
    Ok(HeaderValue::from_str(value).expect("invariant: printable ASCII is a value"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Operation, PutObject};

    fn refused(result: Result<impl Sized>) -> String {
        result.err().expect("must be refused").to_string()
    }

    #[test]
    fn keys_s3_cannot_hold_are_refused() {
        let object = |key: &str| Request::object("PutObject", Method::PUT, key.to_owned());
        assert!(refused(object("")).contains("empty"));
        assert!(refused(object(&"é".repeat(513))).contains("1026 bytes"));
        assert!(refused(object("a\0b")).contains("NUL"));
        for key in ["a", "..", "//", " ", "\r\n", &"é".repeat(512)] {
            assert!(object(key).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn strict_keys_have_no_segment_that_is_changed_on_the_way() {
        for key in ["a", "a/b", "a/", "a.b/..c/...", ".a"] {
            assert!(check_strict(key).is_ok(), "{key}");
        }
        for key in ["", ".", "..", "a/../b", "a/.", "//a", "a//b", "/a", "a//", "/"] {
            assert!(refused(check_strict(key)).contains("strict-keys"), "{key}");
        }
    }

    #[test]
    fn headers_are_normalised_or_refused() {
        let mut request = Request::bucket("Raw", Method::GET);
        request.append_header("x-amz-meta-a", "a \t  b").expect("inner blanks are fine");
        assert_eq!(request.header("x-amz-meta-a").expect("it was added"), "a \t  b", "as it was written");
        for (name, value, word) in [
            ("x-amz-meta-a", "a\r\nb: c", "holds '\\r'"),
            ("x-amz-meta-a", "naïve", "holds 'ï'"),
            ("x-amz-meta-a", " a", "begins or ends with a blank"),
            ("x-amz-meta-a", "a\t", "begins or ends with a blank"),
            ("x amz", "a", "no name"),
            ("", "a", "no name"),
            ("Host", "evil", "client itself"),
            ("Content-Length", "1", "client itself"),
            ("X-Amz-Date", "now", "client itself"),
            ("Content-Encoding", "gzip, AWS-chunked", "leave it out"),
        ] {
            let text = refused(request.append_header(name, value));
            assert!(text.contains(word), "{name}: {value}: {text}");
        }
    }

    #[test]
    fn a_method_sets_a_header_once_and_for_all() {
        let request = |put: PutObject| put.request(&KeyPrefix::default());
        let twice = request(PutObject::new("k").content_type("a/b").content_type("c/d")).expect("the last one counts");
        assert_eq!(twice.headers().map(|(_, value)| value.as_bytes()).collect::<Vec<_>>(), [b"c/d"]);
        let other = refused(request(PutObject::new("k").content_type("a/b").header("Content-Type", "c/d")));
        assert!(other.contains("Content-Type is given twice"), "{other}");
        assert!(request(PutObject::new("k").header("Content-Type", "c/d")).is_ok());
    }
}
