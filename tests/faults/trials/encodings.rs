//! T14b, T19: bytes that are not those that were stored. A proxy that compresses whatever passes is asked not to, and named
//! where it does; a server that keeps the framing of signed chunks is named, too. What was stored encoded is read as it is.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, GetObject, HeadObject, ListObjectsV2, PutObject, Raw, Store};

use super::{MARK, TAG};
use crate::covers;
use crate::rig::{Rig, config, content, everywhere, parrot, read};
use crate::support::strict::{Act, Filter};

/// What a compressing proxy makes of an object of 1,000 bytes.
const ZIPPED: [u8; 41] = [0x1f; 41];

fn seeded() -> (Rig, Store) {
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(1000));
    let store = rig.store();
    (rig, store)
}

/// Asked for on every reading request, and not signed: proxies rewrite it.
#[apply(everywhere)]
async fn t14b_nobody_is_asked_to_compress() {
    covers(&["T14b"]);
    let (rig, store) = seeded();
    read(&store, "k").await.expect("it is there");
    read(&store, GetObject::new("k").range(1..5)).await.expect("it is there");
    store.head(HeadObject::new("k")).await.expect("it is there");
    store.list(ListObjectsV2::new()).next().await.expect("a page");
    store.send(Raw::get("k")).await.expect("it is there");
    rig.server.next_for("GET", Act::CutBody { after: 10 });
    read(&store, "k").await.expect("it goes on");
    for seen in rig.requests() {
        let what = format!("{} {}", seen.method, seen.target_text());
        assert_eq!(seen.header("accept-encoding").as_deref(), Some("identity"), "{what}");
        assert_eq!(seen.header_count("accept-encoding"), 1, "{what}");
        let signed = seen.header("authorization").expect("a signature").to_ascii_lowercase();
        assert!(!signed.contains("accept-encoding"), "{what}: {signed}");
    }
    rig.assert_manners();
}

/// Compresses what GETs get, HEADs left alone; the tag becomes what the proxy makes of it.
fn compressing(rig: &Rig, encoding: &'static str, tag: &'static str) {
    let act = Act::mutate(move |answer| {
        answer.body = ZIPPED.to_vec();
        answer.set_header("Content-Encoding", encoding);
        let own = answer.header("ETag").unwrap_or_default().to_owned();
        let tag = match tag {
            "weak" => format!("W/{own}"),
            "suffix" => format!("{}-gzip\"", own.trim_end_matches('"')),
            _ => own,
        };
        answer.set_header("ETag", tag);
    });
    rig.server.script().always(Filter::Method("GET"), act);
}

fn assert_is_named(error: &Error, encoding: &str, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Protocol, "{what}: {error}");
    assert!(error.to_string().contains(encoding), "{what}: {error}");
}

/// nginx makes the tag weak, Apache adds to it, others leave it: each time HEAD knows of no encoding.
#[tokio::test(start_paused = true)]
async fn t14b_an_object_that_was_compressed_on_the_way_is_refused() {
    covers(&["T14b"]);
    for encoding in ["gzip", "br", "deflate", "zstd"] {
        for tag in ["weak", "suffix", "own"] {
            let (rig, store) = seeded();
            compressing(&rig, encoding, tag);
            let what = format!("{encoding}, {tag}");
            assert_is_named(&read(&store, "k").await.expect_err(&what), encoding, &what);
            if tag == "weak" {
                assert_is_named(&store.send(Raw::get("k")).await.expect_err(&what), encoding, &what);
            }
            let mut sink = Vec::new();
            let copied = match store.get("k").await {
                Ok(object) => object.copy_to(&mut sink).await,
                Err(error) => Err(error),
            };
            assert_is_named(&copied.expect_err(&what), encoding, &what);
            assert!(sink.is_empty(), "{what}: not a byte of it is handed out");
            rig.assert_sound(store).await;
        }
    }
}

/// A weak tag beside an encoding is a proxy's, whatever HEAD says through the same proxy.
#[apply(everywhere)]
async fn t14b_an_encoding_with_a_weak_tag_is_refused() {
    covers(&["T14b"]);
    for status in ["200 OK", "206 Partial Content\r\nContent-Range: bytes 0-4/5"] {
        let head =
            format!("HTTP/1.1 {status}\r\n{MARK}ETag: W/\"e\"\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n");
        let (store, _) = parrot(head + "hello");
        let error = read(&store, "k").await.expect_err("compressed");
        assert_is_named(&error, "gzip", status);
    }
}

/// Where there is one connection, the object has it, and the HEAD that it needs does not wait for that.
#[apply(everywhere)]
async fn t14b_an_encoded_object_is_read_over_a_single_connection() {
    covers(&["T14b"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-connections", 1));
    store.put(PutObject::new("k").content_encoding("gzip"), "not really").await.expect("it is stored");
    assert_eq!(read(&store, "k").await.expect("it is encoded by its own"), b"not really");
    rig.assert_sound(store).await;
}

/// A listing that was compressed is told as that, by its header or by its first bytes.
#[apply(everywhere)]
async fn t14b_a_compressed_listing_is_told() {
    covers(&["T14b"]);
    for encoding in [Some("gzip"), Some("br"), Some("zstd"), None] {
        let (rig, store) = seeded();
        rig.server.always(Act::mutate(move |answer| {
            answer.body = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xb4; 100]].concat();
            if let Some(encoding) = encoding {
                answer.set_header("Content-Encoding", encoding);
            }
        }));
        let error = store.list(ListObjectsV2::new()).next().await.expect_err("compressed");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        let text = error.to_string();
        assert!(text.contains("compress") || text.contains(encoding.unwrap_or("gzip")), "{text}");
        rig.assert_sound(store).await;
    }
}

/// What somebody stored encoded has a strong tag, and HEAD says the same of it: its bytes are handed out as they are.
#[tokio::test(start_paused = true)]
async fn t14b_an_object_that_was_stored_encoded_is_read() {
    covers(&["T14b"]);
    for encoding in ["gzip", "br", "zstd", "gzip,br", "identity", "utf-8", "x-own"] {
        let rig = Rig::new();
        let store = rig.store();
        store.put(PutObject::new("k").content_encoding(encoding), ZIPPED.to_vec()).await.expect("stored");
        assert_eq!(read(&store, "k").await.expect(encoding), ZIPPED);
        assert_eq!(store.send(Raw::get("k")).await.expect(encoding).body.to_vec(), ZIPPED);
        assert_eq!(read(&store, GetObject::new("k").range(1..4)).await.expect(encoding), ZIPPED[1..4]);
        let meta = store.head("k").await.expect("it is there");
        assert_eq!(meta.headers().get("content-encoding").and_then(|value| value.to_str().ok()), Some(encoding));
        rig.server.next_for("GET", Act::CutBody { after: 10 });
        assert_eq!(read(&store, "k").await.expect("it goes on"), ZIPPED);
        rig.assert_manners();
        rig.assert_sound(store).await;
    }
}

/// Looking at an encoded object asks for what the GET asked for, with what gave access to it; nothing else is looked at.
#[apply(everywhere)]
async fn t14b_looking_repeats_what_gives_access() {
    covers(&["T14b"]);
    let rig = Rig::new();
    rig.server.bucket().versioned = true;
    let store = rig.store();
    store.put(PutObject::new("k").content_encoding("gzip"), "hello").await.expect("stored");
    store.put("plain", "hello").await.expect("stored");
    let customer = "x-amz-server-side-encryption-customer-key";
    let get =
        GetObject::new("k").version_id("version.1").header(customer, "a2V5").header("x-amz-request-payer", "requester");
    assert_eq!(read(&store, get).await.expect("as it was stored"), b"hello");
    let heads: Vec<_> = rig.requests().into_iter().filter(|seen| seen.method == "HEAD").collect();
    for head in &heads {
        assert!(head.target_text().ends_with("?versionId=version.1"), "{}", head.target_text());
        assert_eq!(head.header(customer).as_deref(), Some("a2V5"));
        assert_eq!(head.header("x-amz-request-payer").as_deref(), Some("requester"));
    }
    let before = rig.requests().len();
    read(&store, "plain").await.expect("as it was stored");
    read(&store, GetObject::new("plain").range(0..2)).await.expect("as it was stored");
    assert_eq!(rig.requests().len(), before + 2, "each in one request");
    rig.assert_manners();
}

/// A weak tag alone is no sign of anything: some servers make no others. Nor is an encoding that says that there is none.
#[apply(everywhere)]
async fn t14b_a_weak_tag_without_an_encoding_is_read() {
    covers(&["T14b"]);
    for encoding in ["", "Content-Encoding: identity\r\n", "Content-Encoding: \r\n"] {
        let head = format!("HTTP/1.1 200 OK\r\n{MARK}ETag: W/\"e\"\r\n{encoding}Content-Length: 5\r\n\r\n");
        let (store, _) = parrot(head + "hello");
        assert_eq!(read(&store, "k").await.expect(encoding), b"hello");
    }
}

/// "hello" as it was signed in chunks (177 bytes), and as it comes with a trailer.
fn framed() -> [String; 2] {
    let signature = "0".repeat(64);
    [
        format!("5;chunk-signature={signature}\r\nhello\r\n0;chunk-signature={signature}\r\n\r\n"),
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n".to_owned(),
    ]
}

/// An object whose encoding says that it is in chunks, and whose bytes are.
#[tokio::test(start_paused = true)]
async fn t19_framing_is_never_handed_out_as_an_object() {
    covers(&["T19"]);
    for body in framed() {
        for encoding in ["aws-chunked", "AWS-Chunked", "aws-chunked,gzip", "gzip, aws-chunked"] {
            let rig = Rig::new();
            rig.server.bucket().seed("k", body.clone());
            rig.server.always(Act::mutate(move |answer| answer.set_header("Content-Encoding", encoding)));
            let store = rig.store();
            for error in [read(&store, "k").await.err(), store.send(Raw::get("k")).await.err()] {
                let error = error.unwrap_or_else(|| panic!("{encoding}: framing was handed out"));
                assert!(error.to_string().contains("aws-chunked"), "{encoding}: {error}");
            }
            let mut sink = Vec::new();
            if let Ok(object) = store.get("k").await {
                object.copy_to(&mut sink).await.expect_err("framing");
            }
            assert!(sink.is_empty(), "{encoding}: {} bytes of it", sink.len());
            rig.assert_sound(store).await;
        }
    }
    assert_eq!(framed()[0].len(), 177);
}

/// versitygw 1.8.0 and radosgw 16.2 undo the framing and keep the word: such an object is what was put.
#[apply(everywhere)]
async fn t19_the_word_alone_is_no_framing() {
    covers(&["T19"]);
    for size in [0, 5, 100, 300_000] {
        let rig = Rig::new();
        rig.server.always(Act::mutate(|answer| answer.set_header("Content-Encoding", "aws-chunked")));
        let store = rig.open(config().set("payload-signing", "streaming").set("verify-after-write", true));
        store.put("k", content(size)).await.unwrap_or_else(|error| panic!("{size}: {error}"));
        assert!(read(&store, "k").await.unwrap_or_else(|error| panic!("{size}: {error}")) == content(size));
        assert!(store.send(Raw::get("k")).await.expect("as it was put").body == content(size));
        rig.assert_manners();
        rig.assert_sound(store).await;
    }
}

/// Without the word, bytes that look like framing are somebody's object.
#[apply(everywhere)]
async fn t19_bytes_alone_are_no_framing() {
    covers(&["T19"]);
    for body in framed() {
        let (store, _) = parrot(crate::rig::answer("200 OK", &format!("{MARK}{TAG}"), &body));
        assert_eq!(read(&store, "k").await.expect("an object"), body.as_bytes());
        assert_eq!(store.send(Raw::get("k")).await.expect("an object").body, body);
    }
}

/// What this client put and a server stored with its framing, or nothing but that word about it, `verify-after-write` notices.
#[apply(everywhere)]
async fn t19_framing_is_noticed_by_looking() {
    covers(&["T19"]);
    let rig = Rig::new();
    let framed = Act::mutate(|answer| {
        answer.set_header("Content-Length", "177");
        answer.set_header("Content-Encoding", "aws-chunked");
    });
    rig.server.script().always(Filter::Method("HEAD"), framed);
    let store = rig.open(config().set("payload-signing", "streaming").set("verify-after-write", true));
    let error = store.put("k", "hello").await.expect_err("177 bytes for 5");
    assert!(error.to_string().contains("aws-chunked"), "{error}");
    rig.assert_sound(store).await;
}
