//! Presigned URLs: any key, content type, metadata and time.

use std::time::Duration;

use s3lite::{
    Credentials, GetObject, KeyPrefix, Operation, PresignedUrl, PutObject, Region, Request, Signer, SigningTime,
    StoreConfig,
};

use super::address;
use super::input::Input;
use super::percent;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The URL leads to the key that was asked for, says so in one query, and is not shown by accident.
///
/// The input is seconds, milliseconds, a key, a content type, then `name: value` lines of metadata.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let expires = Duration::from_secs(input.number()).saturating_add(Duration::from_millis(input.number()));
    let (key, content_type) = (input.line(), input.line());
    let mut put = PutObject::new(key.clone()).content_type(content_type.clone());
    while let Some((name, value)) = input.pair() {
        put = put.metadata(name, value);
    }
    let get = GetObject::new(key.clone()).response_content_type(content_type.clone());
    for endpoint in ["", "https://[::1]:9000/a b%2Fc/"] {
        if let Some((url, _)) = presigned(&put, endpoint, expires) {
            check_url(&url, &key, expires);
        }
        if let Some((url, request)) = presigned(&get, endpoint, expires) {
            check_url(&url, &key, expires);
            assert_eq!(value_of(&url, "response-content-type"), Some(content_type.as_bytes().to_vec()));
            assert_eq!(request.headers().len(), 0);
        }
    }
}

fn presigned(operation: &impl Operation, endpoint: &str, expires: Duration) -> Option<(PresignedUrl, Request)> {
    let config = StoreConfig::builder().set("bucket", "mail").set("region", "x").set("endpoint", endpoint);
    let endpoint = config.build().ok()?.endpoint().clone();
    let request = operation.request(&KeyPrefix::default()).ok()?;
    let target = endpoint.target(&request);
    address::assert_sound(&target);
    let time = SigningTime::from_unix_seconds(1_700_000_000).expect("in range");
    let credentials = Credentials::new("AKIA", SECRET).and_then(|pair| pair.with_session_token("to/ken+=="));
    let credentials = credentials.expect("valid");
    let region = Region::new("x").expect("a region");
    let signer = Signer::new(&credentials, &region, "s3").expect("a service");
    let url = signer.presign(time, request.method().as_str(), &target, request.headers(), expires).ok()?;
    Some((url, request))
}

fn check_url(url: &PresignedUrl, key: &str, expires: Duration) {
    let text = url.as_str();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    assert!(!text.contains('#') && text.matches('?').count() == 1, "{text}");
    let (address, query) = text.split_once('?').expect("a query");
    assert!(percent::decode(address, '+').ends_with(&[b"/", key.as_bytes()].concat()), "{address}");
    assert!(query.split(['&', '=']).all(percent::is_encoded), "{query}");
    for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Security-Token", "Signature"] {
        assert_eq!(query.matches(&format!("X-Amz-{name}=")).count(), 1, "{name}");
    }
    assert_eq!(value_of(url, "X-Amz-Expires"), Some(expires.as_secs().to_string().into_bytes()));
    assert!((1..=604_800).contains(&expires.as_secs()));
    assert!(!text.contains(SECRET));
    assert_eq!(
        format!("{url} {url:?} {url:#?}"),
        format!("{address}?*** PresignedUrl({address}?***) PresignedUrl({address}?***)")
    );
}

fn value_of(url: &PresignedUrl, name: &str) -> Option<Vec<u8>> {
    let (_, query) = url.as_str().split_once('?')?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| percent::decode(value, '+')).next()
}
