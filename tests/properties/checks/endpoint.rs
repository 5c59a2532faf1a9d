//! Where requests go: any endpoint, region, bucket and key.

use s3lite::{
    AddressingStyle, Endpoint, EndpointParameters, EndpointUrl, GetObject, KeyPrefix, ListObjectsV2, Operation, Region,
    StoreConfig,
};

use super::address;
use super::input::Input;
use super::percent;

/// What is accepted has a Host and a path that are nothing more than that, and the key is the path's end.
///
/// The input is an endpoint, a region, a bucket, two letters for the options, then a key.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (url, region, bucket, options) = (input.line(), input.line(), input.line(), input.line_bytes());
    let key = String::from_utf8_lossy(input.rest());
    let Ok(region) = Region::new(region.clone()) else { return };
    let Some(bucket) = checked(&bucket) else { return };
    let url = EndpointUrl::parse(&url).ok();
    for addressing in [AddressingStyle::Auto, AddressingStyle::Path, AddressingStyle::Virtual] {
        let has = |letter: &u8| options.contains(letter);
        let parameters = EndpointParameters {
            region: &region,
            bucket: Some(&bucket).filter(|_| !has(&b'n')).map(String::as_str),
            url: url.as_ref().filter(|_| !has(&b'r')),
            addressing,
            use_dualstack: has(&b'd'),
            use_fips: has(&b'f'),
            use_accelerate: has(&b'a'),
        };
        if let Ok(endpoint) = Endpoint::resolve(&parameters) {
            check_endpoint(&endpoint, &key);
        }
    }
}

/// A configuration takes no other buckets than those with a sound name.
fn checked(bucket: &str) -> Option<String> {
    let config =
        StoreConfig::builder().set("bucket", bucket).set("region", "x").set("endpoint", "https://host").build();
    config.ok().map(|config| config.bucket().to_owned())
}

fn check_endpoint(endpoint: &Endpoint, key: &str) {
    let whole = ListObjectsV2::new().request(&KeyPrefix::default()).expect("a listing can always be asked for");
    address::assert_sound(&endpoint.target(&whole));
    let Ok(request) = GetObject::new(key).request(&KeyPrefix::default()) else { return };
    let target = endpoint.target(&request);
    address::assert_sound(&target);
    assert_eq!(target.to_string(), format!("{}://{}{}", target.scheme().as_str(), target.host(), target.path()));
    let path = percent::decode(target.path(), '+');
    assert!(path.ends_with(&[b"/", key.as_bytes()].concat()), "{key:?} became {}", target.path());
}
