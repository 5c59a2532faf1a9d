//! H39: a checksum behind a chunked body. It comes when all bytes have been handed out, so that only the end can say that they
//! were damaged; a clean end says that they were not.

use bytes::Bytes;
use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, Store};

use crate::covers;
use crate::rig::{Rig, everywhere, parrot, read};
use crate::support::strict::Act;

const CRC32: &str = "x-amz-checksum-crc32";
const SHA256: &str = "x-amz-checksum-sha256";

/// The checksums of "hello", as S3 writes them.
const OF_HELLO: [(&str, &str); 2] = [(CRC32, "NhCmhg=="), (SHA256, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")];

/// An answer in chunks, with this behind it.
fn chunked(chunks: &[&str], name: &str, value: &str) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nx-amz-trailer: {name}\r\nTrailer: {name}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for chunk in chunks {
        answer += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
    }
    (answer + &format!("0\r\n{name}: {value}\r\n\r\n")).into_bytes()
}

/// Reads an object piece by piece; only its end tells.
async fn read_chunks(store: &Store) -> Result<Vec<Bytes>, Error> {
    let (mut object, mut chunks) = (store.get("k").await?, Vec::new());
    while let Some(bytes) = object.chunk().await? {
        chunks.push(bytes);
    }
    Ok(chunks)
}

#[apply(everywhere)]
async fn a_checksum_behind_the_body_is_verified() {
    covers(&["H39"]);
    for (name, value) in OF_HELLO {
        for chunks in [&["hello"][..], &["he", "l", "lo"]] {
            let (store, _) = parrot(chunked(chunks, name, value));
            assert_eq!(read(&store, "k").await.expect("verified"), b"hello", "{name}");
            assert_eq!(read_chunks(&store).await.expect("verified").concat(), b"hello", "{name}");
        }
    }
}

#[apply(everywhere)]
async fn damage_before_a_checksum_is_never_a_clean_end() {
    covers(&["H39", "S24"]);
    for (name, value) in OF_HELLO {
        for chunks in [&["hellp"][..], &["he", "l", "lp"], &["hello", "!"], &["hell"], &[]] {
            let (store, _) = parrot(chunked(chunks, name, value));
            let error = read_chunks(&store).await.expect_err("damaged");
            assert_eq!(error.kind(), ErrorKind::Integrity, "{name} {chunks:?}: {error}");
            let error = read(&store, "k").await.expect_err("damaged");
            assert_eq!(error.kind(), ErrorKind::Integrity, "{name} {chunks:?}: {error}");
            let mut sink = Vec::new();
            let error = store.get("k").await.expect("the head").copy_to(&mut sink).await.expect_err("damaged");
            assert_eq!(error.kind(), ErrorKind::Integrity, "{name} {chunks:?}: {error}");
        }
    }
}

/// What nobody can verify counts as not verified, as in a header.
#[apply(everywhere)]
async fn a_checksum_that_cannot_be_read_is_passed_over() {
    covers(&["H39", "S26"]);
    for (name, value) in [(CRC32, "{}"), (CRC32, "AAAAAA==-3"), (SHA256, "short"), ("x-amz-checksum-new", "AAAA")] {
        let (store, _) = parrot(chunked(&["hello"], name, value));
        assert_eq!(read(&store, "k").await.expect("not verified"), b"hello", "{name}: {value}");
    }
}

/// The connection is as good as before once the trailers have been read.
#[apply(everywhere)]
async fn a_connection_is_used_again_behind_a_checksum() {
    covers(&["H39"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    for (name, value) in OF_HELLO {
        rig.server.next(Act::Reply(chunked(&["he", "llo"], name, value)));
        assert_eq!(read(&store, "k").await.expect("verified"), b"hello");
        assert_eq!(read(&store, "k").await.expect("the next"), b"hello");
    }
    assert_eq!(rig.server.connections(), 1);
    rig.assert_sound(store).await;
}
