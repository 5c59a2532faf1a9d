//! What is shown of every public type that a secret can get into.

use std::fmt::Debug;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use s3lite::{
    Answer, CredentialSource, Credentials, DeleteObject, GetObject, HeadObject, KeyCache, KeyPrefix, ListObjectsV2,
    Operation, Payload, PayloadHash, PutObject, Raw, Region, ResponseHead, Resume, Scheme, Signer, SigningTime, Store,
    StoreConfig, Target, Value, headers_to_sign, read_answer,
};

use crate::{ACCOUNT, CUSTOMER_KEY, CUSTOMER_KEY_HEADER, SECRET, TOKEN, assert_silent};

/// Both forms of `Debug`.
pub fn debug(value: &impl Debug) -> String {
    format!("{value:?}\n{value:#?}")
}

/// Demands of each value that neither form shows a secret.
macro_rules! assert_shown_silent {
    ($($value:expr),+ $(,)?) => {
        $(assert_silent(stringify!($value), &debug(&$value));)+
    };
}

fn credentials() -> Credentials {
    Credentials::new(ACCOUNT, SECRET).and_then(|pair| pair.with_session_token(TOKEN)).expect("valid")
}

#[test]
fn credentials_and_configurations_are_silent() {
    let builder = || {
        let base = StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1");
        base.set("access-key", ACCOUNT).set("secret-key", SECRET).set("security-token", TOKEN)
    };
    let config = builder().build().expect("a valid configuration");
    assert!(debug(&config).contains(ACCOUNT), "an operator wants to know whose credentials these are");
    let given = CredentialSource::Given(credentials());
    let store = Store::new(builder().set("endpoint", "http://127.0.0.1:1").build().expect("valid")).expect("a store");
    assert_shown_silent!(
        credentials(),
        given,
        builder(),
        config,
        store,
        Value::from(SECRET),
        store.list(ListObjectsV2::new())
    );
    assert_shown_silent!(
        config.endpoint(),
        config.timeouts(),
        config.tls(),
        config.retry_policy(),
        config.key_prefix()
    );
    assert_shown_silent!(Payload::bytes(SECRET), Region::new("x").expect("valid"));
}

#[test]
fn signatures_are_silent() {
    let (credentials, cache) = (credentials(), KeyCache::default());
    let region = Region::new("eu-central-1").expect("a region");
    let signer = Signer::new(&credentials, &region, "s3").expect("a service").with_cache(&cache);
    let target =
        Target::new(Scheme::Https, "host", "/k", [(&b"X-Amz-Signature"[..], &b"CANARY"[..])]).expect("a target");
    let time = SigningTime::from_unix_seconds(1_700_000_000).expect("in range");
    let put = PutObject::new("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY);
    let request = put.request(&KeyPrefix::default()).expect("a request");
    let signed = signer.sign(time, "PUT", &target, headers_to_sign(request.headers()), &PayloadHash::EMPTY);
    let open = Target::new(Scheme::Https, "host", "/k", [(&b"secret"[..], &b"CANARY"[..])]).expect("a target");
    let url = signer.presign(time, "PUT", &open, request.headers(), Duration::from_secs(60)).expect("a URL");
    assert!(signer.presign(time, "PUT", &target, [], Duration::from_secs(60)).is_err(), "it has a signature already");
    let chunks = signer.chunk_signer(time, &signed);
    assert!(url.as_str().contains("CANARY") && url.as_str().contains("X-Amz-Credential"), "there is a secret to show");
    assert_shown_silent!(signer, signed, signed.headers(), signed.signature(), chunks, cache, target, url, time);
    assert_silent("a URL", &url.to_string());
    assert_silent("a target", &target.to_string());
    // Its hash is of the request, so the whole is no signature; but it must not hold the request itself.
    let explanation = signer.explain(time, "PUT", &target, headers_to_sign(request.headers()), &PayloadHash::EMPTY);
    assert!(explanation.canonical_request.contains(CUSTOMER_KEY) && !debug(&explanation).contains("CANARY"));
}

/// The key of a customer goes with every call about an object, and calls are what applications log.
#[test]
fn operations_keep_the_keys_of_customers() {
    let get = GetObject::new("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY);
    let head = HeadObject::new("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY);
    let delete = DeleteObject::new("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY);
    let put = PutObject::new("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY);
    let raw = Raw::put("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY);
    let mut headers = HeaderMap::new();
    headers.insert("etag", "\"a\"".parse().expect("a header"));
    headers.insert("content-length", 5.into());
    let resume = Resume::new(&get, &ResponseHead { status: StatusCode::OK, headers }).expect("enough to go on by");
    let request = put.request(&KeyPrefix::default()).expect("a request");
    assert_eq!(request.header(CUSTOMER_KEY_HEADER).expect("it was given"), CUSTOMER_KEY);
    assert_shown_silent!(get, head, delete, put, raw, resume, request);
}

/// What was stored is the caller's, and a log is no place for it: of a body only its length is shown.
#[test]
fn bodies_are_silent() {
    let body = "CANARY".repeat(101);
    assert_eq!(body.len(), 606);
    let raw = Raw::put("k").query("acl", "").body(body.clone());
    let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
    let prefix = KeyPrefix::default();
    let answer = || Answer { head: head.clone(), body: body.as_bytes(), prefix: &prefix, signed_for: "x" };
    let read = read_answer(&Raw::get("k"), answer()).expect("an object's bytes");
    let answer = answer();
    assert_eq!(read.body, body);
    let request = raw.request(&prefix).expect("a request");
    assert_eq!(request.body(), &body);
    assert_shown_silent!(raw, answer, read, request);
    for (name, shown) in [("Raw", debug(&raw)), ("Answer", debug(&answer)), ("RawAnswer", debug(&read))] {
        assert_eq!(shown.matches("606").count(), 2, "{name} tells the length in both forms: {shown}");
    }
}
