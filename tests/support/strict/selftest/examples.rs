//! The signatures of whole requests that AWS publishes.
//!
//! From the S3 API documentation, "Authenticating Requests (AWS Signature Version 4)".

use bytes::Bytes;

use crate::support::strict::clock::parse_amz_date;
use crate::support::strict::http::RequestHead;
use crate::support::strict::sigv4::{Rules, Verified, verify};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const DATE: &str = "20130524T000000Z";

/// What the examples are signed with.
pub fn rules() -> Rules {
    Rules {
        access_key: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
        session_token: None,
        region: "us-east-1".into(),
        service: "s3".into(),
        now: parse_amz_date(DATE).expect("a date"),
        default_port: 80,
        also_signable: ["range", "date", "content-encoding", "content-length"].map(str::to_owned).to_vec(),
    }
}

/// A head with the given headers, all of them signed.
pub fn head(request_line: &str, headers: &[&str], signature: &str) -> RequestHead {
    let mut names: Vec<String> = headers.iter().map(|line| line[..line.find(':').unwrap_or(0)].into()).collect();
    names.push("x-amz-date".into());
    names.sort();
    let raw = format!(
        "{request_line} HTTP/1.1\r\n{}\r\nx-amz-date: {DATE}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders={}, Signature={signature}",
        headers.join("\r\n"),
        names.join(";"),
    );
    RequestHead::parse(raw.as_bytes()).expect("a head")
}

/// The verified request; the examples' signatures are right.
pub fn verified(head: &RequestHead, body: impl Into<Bytes>) -> Verified {
    verify(head, &body.into(), &rules()).expect("AWS's own signature")
}

#[test]
fn signed_in_the_header() {
    let host = "host: examplebucket.s3.amazonaws.com";
    let empty = format!("x-amz-content-sha256: {EMPTY}");
    let get = head(
        "GET /test.txt",
        &[host, "range: bytes=0-9", &empty],
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    verified(&get, "");
    let put = head(
        "PUT /test%24file.text",
        &[
            "date: Fri, 24 May 2013 00:00:00 GMT",
            host,
            "x-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            "x-amz-storage-class: REDUCED_REDUNDANCY",
            "content-length: 21",
        ],
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    // The published request leaves its Content-Length unsigned.
    let put = unsigned(put, "content-length");
    assert_eq!(verified(&put, "Welcome to Amazon S3.").payload, "Welcome to Amazon S3.");
    let lifecycle = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
    verified(&head("GET /?lifecycle", &[host, &empty], lifecycle), "");
    verified(&head("GET /?lifecycle=", &[host, &empty], lifecycle), "");
    let list = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
    verified(&head("GET /?max-keys=2&prefix=J", &[host, &empty], list), "");
    verified(&head("GET /?prefix=J&max-keys=2", &[host, &empty], list), "");
}

fn unsigned(mut head: RequestHead, name: &str) -> RequestHead {
    let (_, value) = head.headers.last_mut().expect("Authorization comes last");
    *value = String::from_utf8_lossy(value).replace(&format!("{name};"), "").into_bytes();
    head
}

#[test]
fn presigned() {
    let raw = "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524\
               %2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=\
               host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404 HTTP/1.1\r\n\
               Host: examplebucket.s3.amazonaws.com";
    let head = RequestHead::parse(raw.as_bytes()).expect("a head");
    let at = |now| verify(&head, &Bytes::new(), &Rules { now, ..rules() });
    let signed = rules().now;
    assert!(at(signed).is_ok());
    assert!(at(signed + 86_400).is_ok());
    assert_eq!(at(signed + 86_401).expect_err("expired").code, "AccessDenied");
    assert!(at(signed - 900).is_ok());
    assert_eq!(at(signed - 901).expect_err("not yet valid").code, "AccessDenied");
}
