//! T44, T46: what was signed before is replaced, and a presigned URL covers what it says.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use s3lite::{Credentials, KeyCache, PayloadHash, Signer, SigningTime};

use crate::support::plain::send;
use crate::support::strict::{StrictConfig, StrictServer};
use crate::{MINUTE, NOW, assert_refused, credentials, region, target, time};

const TOKEN: &str = "x-amz-security-token";
const HASH: &str = "x-amz-content-sha256";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

#[test]
fn t44_a_map_that_was_signed_before_is_signed_anew() {
    let (region, target) = (region(), target("/k", &[]));
    let (old, new) = (credentials().with_session_token("stale").expect("a token"), credentials());
    let later = SigningTime::from_unix_seconds(NOW + 3600).expect("a time");
    let fresh = |credentials: &Credentials| {
        let mut map = headers(&[("x-amz-meta-a", "1"), ("content-type", "a/b")]);
        let signer = Signer::new(credentials, &region, "s3").expect("a signer");
        signer.sign_in_place(later, "PUT", &target, &mut map, &PayloadHash::of(b"body"));
        map
    };
    for (before, after) in [(&old, &new), (&old, &old), (&new, &new), (&new, &old)] {
        let mut map = headers(&[("x-amz-meta-a", "1"), ("content-type", "a/b")]);
        let signer = Signer::new(before, &region, "s3").expect("a signer");
        signer.sign_in_place(time(), "PUT", &target, &mut map, &PayloadHash::EMPTY);
        assert_eq!(map.contains_key(TOKEN), before.session_token().is_some());
        let signer = Signer::new(after, &region, "s3").expect("a signer");
        signer.sign_in_place(later, "PUT", &target, &mut map, &PayloadHash::of(b"body"));
        assert_eq!(map, fresh(after));
        for name in ["authorization", "x-amz-date", HASH, TOKEN] {
            assert!(map.get_all(name).iter().count() <= 1, "{name}");
        }
    }
}

/// Doubled headers of somebody's own are replaced by one, too.
#[test]
fn t44_doubled_headers_become_one() {
    let (credentials, region, target) = (credentials(), region(), target("/k", &[]));
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    let mut map = HeaderMap::new();
    signer.sign_in_place(time(), "GET", &target, &mut map, &PayloadHash::EMPTY);
    let expected = map.clone();
    for name in ["authorization", "x-amz-date", HASH, TOKEN] {
        let name = HeaderName::from_static(name);
        map.append(&name, HeaderValue::from_static("old"));
        map.append(&name, HeaderValue::from_static("older"));
    }
    signer.sign_in_place(time(), "GET", &target, &mut map, &PayloadHash::EMPTY);
    assert_eq!(map, expected);
}

/// Instructions take the place of what is there, so that is not signed.
#[test]
fn t44_instructions_do_not_count_what_they_replace() {
    let (credentials, region, target) = (credentials(), region(), target("/k", &[]));
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    let sign = |map: &HeaderMap| signer.sign(time(), "GET", &target, map, &PayloadHash::EMPTY);
    let fresh = sign(&headers(&[("x-amz-meta-a", "1")]));
    let old = [("x-amz-meta-a", "1"), ("x-amz-date", "20000101T000000Z"), (HASH, "old"), ("host", "other")];
    let again = sign(&headers(&[&old[..], &[("authorization", "AWS4-HMAC-SHA256 old")]].concat()));
    assert_eq!(again.headers(), fresh.headers());
}

/// The strict server computes a presigned signature from what arrives. Any `x-amz-*` parameter may be a part of the URL.
#[tokio::test]
async fn t46_presigned_parameters_are_signed() {
    let server = StrictServer::start(StrictConfig::default()).await;
    let host = server.address().to_string();
    let (credentials, region) = (credentials(), region());
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    let now = SigningTime::from_system_time(std::time::SystemTime::now()).expect("a time");
    for query in [
        &[("x-amz-acl", "public-read")][..],
        &[("X-Amz-Acl", "private"), ("x-amz-meta-a", "b c")],
        &[("x-amz-tagging", "a=b"), ("A", "1"), ("z", "2"), ("x-id", "PutObject")],
        &[("X-Amz-Bucket", "1"), ("X-Amz-Signed", "2"), ("X-Amz-T", "3"), ("X-Amz-A", "0")],
    ] {
        let pairs = query.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let target = s3lite::Target::new(s3lite::Scheme::Http, host.clone(), "/bucket/k", pairs).expect("a target");
        let url = signer.presign(now, "PUT", &target, &HeaderMap::new(), MINUTE).expect("a URL");
        let answer = send("PUT", url.as_str(), &[], b"mail", None).await;
        // What it does not offer it refuses after the signature.
        assert!(matches!(answer.status, 200 | 501), "{query:?}: {}", String::from_utf8_lossy(&answer.body));
        let changed = url.as_str().replacen("&X-Amz-Signature", "&zz=1&X-Amz-Signature", 1);
        assert_eq!(send("PUT", &changed, &[], b"mail", None).await.status, 403, "{query:?}");
    }
}

/// A hash among the headers binds the body: another one is refused.
#[tokio::test]
async fn t46_a_presigned_hash_binds_the_body() {
    let server = StrictServer::start(StrictConfig::default()).await;
    let host = server.address().to_string();
    let (credentials, region) = (credentials(), region());
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    let now = SigningTime::from_system_time(std::time::SystemTime::now()).expect("a time");
    let target = s3lite::Target::new(s3lite::Scheme::Http, host, "/bucket/k", []).expect("a target");
    let hash = crate::support::strict::digest::sha256_hex(b"mail");
    let given = headers(&[(HASH, &hash)]);
    let url = signer.presign(now, "PUT", &target, &given, MINUTE).expect("a URL");
    assert_eq!(url.headers(), [(HeaderName::from_static(HASH), given[HASH].clone())]);
    let sent = [(HASH, hash.as_str())];
    assert_eq!(send("PUT", url.as_str(), &sent, b"mail", None).await.status, 200);
    assert_ne!(send("PUT", url.as_str(), &sent, b"fake", None).await.status, 200);
    assert_ne!(send("PUT", url.as_str(), &[], b"fake", None).await.status, 200);
    assert_eq!(server.bucket().content("k").as_deref(), Some(&b"mail"[..]));
    let explained = signer.explain_presign(now, "PUT", &target, &given, MINUTE).expect("the texts");
    assert!(explained.canonical_request.ends_with(&hash), "{}", explained.canonical_request);
}

#[test]
fn t46_a_presigned_url_counts_whole_seconds() {
    let (credentials, region, target) = (credentials(), region(), target("/k", &[]));
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    let presign = |expires| signer.presign(time(), "GET", &target, &HeaderMap::new(), expires);
    for millis in [0, 1, 999, 1_001, 1_900, 604_800_001] {
        assert_refused(presign(Duration::from_millis(millis)), &format!("{millis} ms"));
    }
    for seconds in [1, 60, 604_800] {
        let url = presign(Duration::from_secs(seconds)).expect("a URL");
        assert!(url.as_str().contains(&format!("X-Amz-Expires={seconds}&")), "{}", url.as_str());
    }
}

/// The six parameters that a signature itself adds, and the signature.
#[test]
fn t46_the_signatures_own_parameters_are_refused() {
    let (credentials, region) = (credentials(), region());
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    for name in ["Algorithm", "Credential", "Date", "Expires", "Security-Token", "SignedHeaders", "Signature"] {
        for name in [format!("X-Amz-{name}"), format!("x-amz-{}", name.to_lowercase())] {
            let target = target("/k", &[("a", "1"), (&name, "2")]);
            let error = assert_refused(signer.presign(time(), "GET", &target, &HeaderMap::new(), MINUTE), &name);
            assert!(error.to_string().to_lowercase().contains(&name.to_lowercase()), "{error}");
        }
    }
}

/// Every client sends Host by itself, so it is no header to add.
#[test]
fn t46_host_is_signed_and_not_handed_back() {
    let (credentials, region, target) = (credentials(), region(), target("/k", &[]));
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    let presign = |given: &HeaderMap| signer.presign(time(), "GET", &target, given, MINUTE).expect("a URL");
    let given = presign(&headers(&[("host", "evil.example"), ("x-amz-meta-a", "1")]));
    assert_eq!(given, presign(&headers(&[("x-amz-meta-a", "1")])));
    assert_eq!(given.headers().len(), 1);
    assert!(given.as_str().contains("X-Amz-SignedHeaders=host%3Bx-amz-meta-a"), "{}", given.as_str());
}

/// What presigning refuses, its explanation refuses too; and both texts of a signature are those that were hashed.
#[test]
fn explanations_refuse_and_sign_the_same() {
    let (credentials, region, target) = (credentials(), region(), target("/k", &[]));
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    let none = HeaderMap::new();
    assert_refused(signer.explain_presign(time(), "GET", &target, &none, Duration::ZERO), "no time at all");
    let explained = signer.explain_presign(time(), "GET", &target, &none, MINUTE).expect("a minute");
    assert!(explained.canonical_request.contains("X-Amz-Expires=60"), "{}", explained.canonical_request);
    let signed = signer.sign(time(), "GET", &target, &none, &PayloadHash::EMPTY);
    assert_eq!(signed.headers().to_vec(), signed.clone().into_headers());
}

/// Temporary credentials have one token, in the headers as in a URL; and a URL that is shown shows no signature.
#[test]
fn a_token_is_sent_once() {
    let (credentials, region, target) =
        (credentials().with_session_token("a/b").expect("a token"), region(), target("/k", &[]));
    let cache = KeyCache::default();
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer").with_cache(&cache);
    let signed = signer.sign(time(), "GET", &target, &HeaderMap::new(), &PayloadHash::EMPTY);
    assert_eq!(signed.headers().iter().filter(|(name, _)| name.as_str() == TOKEN).count(), 1);
    let url = signer.presign(time(), "GET", &target, &HeaderMap::new(), MINUTE).expect("a URL");
    assert_eq!(url.as_str().matches("X-Amz-Security-Token=a%2Fb").count(), 1, "{}", url.as_str());
    assert_eq!(url.as_str().matches("X-Amz-Security-Token").count(), 1, "{}", url.as_str());
    assert_eq!(url.to_string(), "https://h.example/k?***");
}

/// A value of blanks alone is empty where it is signed (SigV4, "canonical headers": trimmed).
#[test]
fn blanks_alone_are_nothing() {
    let (credentials, region, target) = (credentials(), region(), target("/k", &[]));
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    for (value, canonical) in [("  ", ""), (" a   b ", "a b"), ("ab", "ab"), ("", "")] {
        let map = HeaderMap::from_iter([(HeaderName::from_static("x-amz-a"), HeaderValue::from_static(value))]);
        let explained = signer.explain(time(), "GET", &target, &map, &PayloadHash::EMPTY);
        let text = explained.canonical_request;
        assert!(text.contains(&format!("\nx-amz-a:{canonical}\n")), "{value:?}: {text}");
    }
}
