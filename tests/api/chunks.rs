//! T41, T47: a body in chunks ends where its caller ends it, and has the trailing header that was signed.

use http::HeaderMap;
use s3lite::{ChunkSigner, PayloadHash, Signer, encoded_length, unsigned_chunk_head, unsigned_end};

use crate::{assert_refused, credentials, region, target, time};

fn signer() -> ChunkSigner {
    let (credentials, region) = (credentials(), region());
    let signer = Signer::new(&credentials, &region, "s3").expect("a signer");
    let signed = signer.sign(time(), "PUT", &target("/k", &[]), &HeaderMap::new(), &PayloadHash::Streaming);
    signer.chunk_signer(time(), &signed)
}

/// The frames of a body. Each chunk is followed by its bytes and CRLF, an empty one by nothing at all.
fn body(chunks: &[&[u8]]) -> String {
    let mut signer = signer();
    let mut body = String::new();
    for chunk in chunks {
        let head = signer.head(chunk);
        if !chunk.is_empty() {
            body += &format!("{head}{}\r\n", String::from_utf8_lossy(chunk));
        } else {
            assert_eq!(head, "", "nothing follows it, so nothing precedes it");
        }
    }
    body + &signer.end()
}

#[test]
fn t41_an_empty_chunk_ends_no_body() {
    let whole = body(&[b"one", b"two"]);
    for chunks in [
        &[&b"one"[..], b"", b"two"][..],
        &[b"", b"one", b"two"],
        &[b"one", b"two", b""],
        &[b"", b"", b"one", b"", b"", b"two", b""],
    ] {
        assert_eq!(body(chunks), whole, "{chunks:?}");
    }
    assert_eq!(whole.matches("\r\n0;").count(), 1, "it ends once");
    assert_eq!(body(&[b""]), body(&[]));
}

#[test]
fn t41_an_empty_chunk_that_was_hashed_before_ends_none_either() {
    let (mut with, mut without) = (signer(), signer());
    assert_eq!(with.head_of(0, &PayloadHash::EMPTY), "");
    assert_eq!(with.head_of(3, &PayloadHash::of(b"one")), without.head(b"one"));
    assert_eq!(with.end(), without.end());
    assert_eq!(unsigned_chunk_head(b""), "");
    assert_eq!(unsigned_chunk_head(&[0; 255]), "ff\r\n");
}

/// Names and values that would be another header, another body, or none that was signed.
const ODD: [(&str, &str); 22] = [
    ("", "a"),
    (" ", "a"),
    ("x\r\ny", "a"),
    ("x: y", "a"),
    ("x\n", "a"),
    ("x y", "a"),
    ("x:", "a"),
    ("ü", "a"),
    ("x\0", "a"),
    ("x", ""),
    ("x", " "),
    ("x", " a"),
    ("x", "a "),
    ("x", "a\r\nevil: 1"),
    ("x", "a\r\n\r\n"),
    ("x", "a\n"),
    ("x", "\ra"),
    ("x", "a\0"),
    ("x", "ü"),
    ("x", "a\x7f"),
    ("x", "a\tb"),
    ("(x)", "a"),
];

#[test]
fn t47_a_trailer_is_one_header() {
    for (name, value) in ODD {
        let mut signer = signer();
        let before = signer.clone().end();
        assert_refused(signer.end_with_trailer(name, value), &format!("{name:?} {value:?}"));
        assert_eq!(signer.end(), before, "what was refused has signed nothing");
        assert_refused(unsigned_end(name, value), &format!("{name:?} {value:?}"));
    }
}

#[test]
fn t47_a_trailers_name_has_no_capitals() {
    let lower = signer().end_with_trailer("x-amz-checksum-crc32c", "sOO8/Q==").expect("a trailer");
    let mixed = signer().end_with_trailer("X-Amz-Checksum-CRC32C", "sOO8/Q==").expect("a trailer");
    assert_eq!(mixed, lower);
    assert!(lower.contains("\r\nx-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"), "{lower}");
    assert!(lower.starts_with("0;chunk-signature=") && lower.ends_with("\r\n\r\n"), "{lower}");
    assert_eq!(
        unsigned_end("X-Amz-Checksum-CRC32C", "a b").expect("a trailer"),
        "0\r\nx-amz-checksum-crc32c:a b\r\n\r\n"
    );
}

/// A chunk is its size in hexadecimal, `;chunk-signature=`, 64 digits, two line ends, and its bytes.
#[test]
fn a_body_in_chunks_is_as_long_as_its_frames() {
    const FRAME: u64 = 17 + 64 + 4;
    for (decoded, chunk, length) in [
        (0, 1, Some(FRAME + 1)),
        (1, 1, Some(2 * FRAME + 2 + 1)),
        (16, 16, Some(2 * FRAME + 3 + 16)),
        (17, 16, Some(3 * FRAME + 4 + 17)),
        // The example of the S3 API reference, "Signature calculations: transferring payload in multiple chunks".
        (65 << 10, 64 << 10, Some(66_824)),
        (15, 16, Some(2 * FRAME + 2 + 15)),
        (255, u64::MAX, Some(2 * FRAME + 3 + 255)),
        (1, 0, None),
        (u64::MAX, 1, None),
        (u64::MAX, u64::MAX, None),
        (u64::MAX - 1, u64::MAX, None),
    ] {
        assert_eq!(encoded_length(decoded, chunk), length, "{decoded} by {chunk}");
    }
}
