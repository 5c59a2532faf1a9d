//! The chunk signatures that AWS publishes, and some that an AWS SDK recorded.
//!
//! From the S3 API documentation, "Signature Calculations for the Authorization Header: Transferring
//! Payload in Multiple Chunks"; the recordings are those of the crate `aws-sdk-s3` 1.157.0,
//! `tests/data/aws_chunked/` (Apache-2.0).

use bytes::Bytes;

use super::examples::{head, rules, verified};
use crate::support::strict::aws_chunked::{Framed, Seal, decode};
use crate::support::strict::checksum::compute;
use crate::support::strict::digest::hmac;
use crate::support::strict::http::RequestHead;
use crate::support::strict::sigv4::verify;

const CHUNKED: &str = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";

fn chunked_head(signature: &str) -> RequestHead {
    let headers = [
        "host: s3.amazonaws.com",
        "x-amz-storage-class: REDUCED_REDUNDANCY",
        "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding: aws-chunked",
        "x-amz-decoded-content-length: 66560",
        "content-length: 66824",
    ];
    head("PUT /examplebucket/chunkObject.txt", &headers, signature)
}

fn chunked_body() -> Vec<u8> {
    let mut body = Vec::new();
    for (size, signature) in [
        (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ] {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.resize(body.len() + size, b'a');
        body.extend_from_slice(b"\r\n");
    }
    body
}

#[test]
fn signed_chunk_by_chunk() {
    let body = chunked_body();
    assert_eq!(body.len(), 66_824);
    assert_eq!(verified(&chunked_head(CHUNKED), body.clone()).payload, vec![b'a'; 66_560]);
    for (at, code) in [(100, "SignatureDoesNotMatch"), (66_000, "SignatureDoesNotMatch"), (65_625, "InvalidRequest")] {
        let mut damaged = body.clone();
        damaged[at] ^= 1;
        let error = verify(&chunked_head(CHUNKED), &damaged.into(), &rules()).expect_err("damaged");
        assert_eq!(error.code, code, "byte {at}: {}", error.message);
    }
    for length in [0, 50, 65_626, 66_700, 66_822] {
        let cut = Bytes::from(body[..length].to_vec());
        let error = verify(&chunked_head(CHUNKED), &cut, &rules()).expect_err("cut");
        assert_eq!(error.code, "IncompleteBody", "{length} bytes: {}", error.message);
    }
}

#[test]
fn signed_chunks_with_trailer() {
    let headers = [
        "host: s3.amazonaws.com",
        "x-amz-storage-class: REDUCED_REDUNDANCY",
        "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "content-encoding: aws-chunked",
        "x-amz-decoded-content-length: 66560",
        "x-amz-trailer: x-amz-checksum-crc32c",
    ];
    let signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    let mut head = head("PUT /examplebucket/chunkObject.txt", &headers, signature);
    head.headers.push(("content-length".into(), b"0".to_vec()));
    let verified = verified(&head, trailer_body("sOO8/Q=="));
    assert_eq!(verified.trailers, [("x-amz-checksum-crc32c".to_owned(), "sOO8/Q==".to_owned())]);
    assert_eq!(compute("crc32c", &verified.payload).as_deref(), Some("sOO8/Q=="));
    let error = verify(&head, &trailer_body("sOO8/A==").into(), &rules()).expect_err("other trailer");
    assert_eq!(error.message, "wrong signature of the trailer");
}

fn trailer_body(checksum: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (size, signature) in [
        (65_536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
        (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
        (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
    ] {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.resize(body.len() + size, b'a');
        if size > 0 {
            body.extend_from_slice(b"\r\n");
        }
    }
    let trailer_signature = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
    let tail = format!("x-amz-checksum-crc32c:{checksum}\r\nx-amz-trailer-signature:{trailer_signature}\r\n\r\n");
    body.extend_from_slice(tail.as_bytes());
    body
}

fn recorded(payload_length: usize) -> RequestHead {
    let raw = format!(
        "PUT / HTTP/1.1\r\ncontent-encoding: aws-chunked\r\nx-amz-trailer: x-amz-checksum-crc32\r\n\
         x-amz-decoded-content-length: {payload_length}"
    );
    RequestHead::parse(raw.as_bytes()).expect("a head")
}

fn recorded_seal() -> Seal {
    let scope = "20090213/us-east-1/s3/aws4_request";
    let secret = b"AWS4notrealrnrELgWzOk3IfjzDKtFBhDby".to_vec();
    Seal {
        key: scope.split('/').fold(secret, |key, field| hmac(&key, field.as_bytes())),
        date: "20090213T233130Z".into(),
        scope: scope.into(),
        seed: "4d5247cc603cc816a7ab5272ed9e47cf173e45bc42bfa68e1181267dd0f0bf73".into(),
    }
}

#[test]
fn recorded_by_an_sdk() {
    let mut body = Vec::new();
    for (size, signature) in [
        (8192, "25851a3d29c435720498cdfd7540bb131ae653ea7371cb885f4fe1ba092d37f3"),
        (2048, "bf16b3638d50be9f090044f98d838e6643fa2d37db299cbdb884a92d2a659a03"),
    ] {
        body.extend_from_slice(format!("{size:X};chunk-signature={signature}\r\n").as_bytes());
        body.resize(body.len() + size, b'a');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(
        b"0;chunk-signature=7110bd9a94d4fa381c0ad159f6b14acb99e93ecec95cb3fd0fd61b414a692ae6\r\n\
          x-amz-checksum-crc32:X9RA0w==\r\n\
          x-amz-trailer-signature:a1764ee8bc0edc8b723a91b19c28bbcc7f8ac8a5932b0e7b7497dd6a8fee78f0\r\n\r\n",
    );
    let (payload, trailers) =
        decode(&recorded(10_240), &body, Framed::SignedWithTrailer, recorded_seal()).expect("the SDK's own");
    assert_eq!(compute("crc32", &payload).as_ref(), trailers.first().map(|(_, value)| value));
}

#[test]
fn unsigned_chunks_with_trailer() {
    let mut body = b"10400\r\n".to_vec();
    body.resize(body.len() + 66_560, b'a');
    body.extend_from_slice(b"\r\n0\r\nx-amz-checksum-crc32:sK4Y7A==\r\n\r\n");
    let whole = |head: &RequestHead| decode(head, &body, Framed::UnsignedWithTrailer, recorded_seal());
    let (payload, trailers) = whole(&recorded(66_560)).expect("the SDK's own");
    assert_eq!(compute("crc32", &payload).as_ref(), trailers.first().map(|(_, value)| value));
    assert_eq!(whole(&recorded(66_561)).expect_err("other length").code, "IncompleteBody");
    let mut unannounced = recorded(66_560);
    unannounced.headers.retain(|(name, _)| name != "x-amz-trailer");
    assert_eq!(whole(&unannounced).expect_err("not announced").code, "MalformedTrailerError");
}
