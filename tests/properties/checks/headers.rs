//! Headers and metadata of an upload: any names and values.

use s3lite::{KeyPrefix, Operation, PutObject, headers_to_sign};

use super::input::Input;

/// What a caller's header would break: framing, address, signature.
const RESERVED: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "transfer-encoding",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
];

/// What is accepted stays on its line, says what was given and takes no name that is the client's own.
///
/// The input is a key, a content type, then `name: value` lines: metadata where the name starts with a dot.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut put = PutObject::new(input.line()).content_type(input.line());
    let mut count = 1;
    while let Some((name, value)) = input.pair() {
        count += 1;
        put = match name.strip_prefix('.') {
            Some(name) => put.metadata(name, value),
            None => put.header(name, value),
        };
    }
    let Ok(request) = put.request(&KeyPrefix::default()) else { return };
    assert_eq!(request.headers().len(), count, "a header was dropped");
    for (name, value) in request.headers() {
        assert!(!RESERVED.contains(&name.as_str()), "{name} is reserved");
        assert_one_line(value.as_bytes());
    }
    let unsigned = |name: &&http::HeaderName| !name.as_str().starts_with("x-amz-") && *name != "content-md5";
    assert!(!headers_to_sign(request.headers()).any(|(name, _)| unsigned(&name)));
}

/// Printable, trimmed and with single blanks: servers that do not normalise see what was signed.
fn assert_one_line(value: &[u8]) {
    assert!(value.iter().all(|byte| (b' '..=b'~').contains(byte)), "{value:?}");
    assert_eq!(value.trim_ascii(), value);
    assert!(!value.windows(2).any(|pair| pair == b"  "), "{value:?}");
}
