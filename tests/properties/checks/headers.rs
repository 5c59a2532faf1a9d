//! Headers and metadata of an upload: any names and values.

use http::HeaderMap;
use s3lite::{
    Credentials, KeyPrefix, Operation, PayloadHash, PutObject, Region, Request, Scheme, Signer, SigningTime, Target,
    headers_to_sign,
};

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
    assert_signed_alike(&request);
    let unsigned = |name: &&http::HeaderName| !name.as_str().starts_with("x-amz-") && *name != "content-md5";
    assert!(!headers_to_sign(request.headers()).any(|(name, _)| unsigned(&name)));
}

/// A request whose headers are in a map gets those that it would be told to add.
fn assert_signed_alike(request: &Request) {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret").and_then(|keys| keys.with_session_token("token"));
    let credentials = credentials.expect("credentials");
    let region = Region::new("us-east-1").expect("a region");
    let signer = Signer::new(&credentials, &region, "s3").expect("a service");
    let target = Target::new(Scheme::Https, "mail.example.com", "/k", []).expect("a target");
    let time = SigningTime::from_unix_seconds(1_700_000_000).expect("a time");
    let add = signer.sign(time, "PUT", &target, headers_to_sign(request.headers()), &PayloadHash::EMPTY);
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        headers.append(name, value.clone());
    }
    let mut expected = headers.clone();
    expected.extend(add.headers().iter().cloned());
    let signature = signer.sign_in_place(time, "PUT", &target, &mut headers, &PayloadHash::EMPTY);
    assert_eq!((headers, &signature), (expected, add.signature()));
}

/// Printable and trimmed: HTTP drops the blanks around a value.
fn assert_one_line(value: &[u8]) {
    assert!(value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')), "{value:?}");
    assert_eq!(value.trim_ascii(), value);
}
