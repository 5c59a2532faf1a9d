//! T13, T13b, T26c: what is an object, and what a document that S3 wrote about one. An ETag says that the body is an object,
//! whatever is in it; without one, S3's own documents are none, and the length of all else must be the one that HEAD tells.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, Raw, Store};

use super::{MARK, TAG, assert_refused, chunk};
use crate::covers;
use crate::rig::{Rig, answer, content, everywhere, parrot, read, reply};
use crate::support::strict::{Act, Filter, Framing, RawResponse};

/// What S3 answers with, and no object's bytes where no ETag says so.
const DOCUMENTS: [&str; 12] = [
    "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code></Error>",
    "\u{feff}<?xml version='1.0'?> <Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Code>X</Code></Error>",
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>false</IsTruncated></ListBucketResult>",
    "\n  <ListBucketResult><Name>bucket</Name></ListBucketResult>",
    "<?xml version=\"1.0\"?>\n<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>",
    "<ListVersionsResult><Name>bucket</Name></ListVersionsResult>",
    "<ListMultipartUploadsResult/>",
    "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>",
    "<AccessControlPolicy><Owner/></AccessControlPolicy>",
    "<!-- busy --><Error><Code>ServiceUnavailable</Code></Error>",
];

async fn read_to_end(store: &Store) -> Result<Vec<u8>, s3lite::Error> {
    let (mut object, mut all) = (store.get("k").await?, Vec::new());
    while let Some(bytes) = object.chunk().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// The mark of S3 makes it no object: it is what S3 answers to something else, or how it says that it failed.
#[apply(everywhere)]
async fn t13_a_document_without_a_tag_is_no_object() {
    covers(&["T13"]);
    for document in DOCUMENTS {
        for headers in [MARK.to_owned(), format!("{MARK}ETag: \r\n"), format!("{MARK}Content-Type: text/plain\r\n")] {
            let (store, _) = parrot(answer("200 OK", &headers, document));
            assert!(read(&store, "k").await.is_err(), "{headers}{document}");
            assert!(read_to_end(&store).await.is_err(), "{headers}{document}");
            assert!(store.send(Raw::get("k")).await.is_err(), "{headers}{document}");
        }
    }
}

/// In chunks, in pieces, far larger than what is looked at: no consumer comes to a clean end.
#[apply(everywhere)]
async fn t13_a_large_document_without_a_tag_is_no_object() {
    covers(&["T13"]);
    let keys: String = (0..10_000).map(|n| format!("<Contents><Key>{n}</Key><Size>1</Size></Contents>")).collect();
    let page = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>");
    let chunks: Vec<u8> = page.as_bytes()[..7].chunks(1).chain([&page.as_bytes()[7..]]).flat_map(framed).collect();
    let head = format!("HTTP/1.1 200 OK\r\n{MARK}Transfer-Encoding: chunked\r\n\r\n");
    for answer in [answer("200 OK", MARK, &page), [head.as_bytes(), &chunks, b"0\r\n\r\n"].concat()] {
        let (store, _) = parrot(answer);
        assert!(read(&store, "k").await.is_err());
        assert!(read_to_end(&store).await.is_err());
        let object = store.get("k").await;
        let mut sink = Vec::new();
        let copied = match object {
            Ok(object) => object.copy_to(&mut sink).await.map(drop),
            Err(error) => Err(error),
        };
        assert!(copied.is_err(), "{} bytes", sink.len());
    }
}

fn framed(piece: &[u8]) -> Vec<u8> {
    let coded = chunk(piece);
    coded[..coded.len() - 5].to_vec()
}

/// With its tag each of them is an object that somebody stored.
#[apply(everywhere)]
async fn t13_a_document_with_a_tag_is_an_object() {
    covers(&["T13", "T26c"]);
    for document in DOCUMENTS {
        for headers in [TAG.to_owned(), format!("{MARK}{TAG}Content-Type: application/xml\r\n")] {
            let (store, network) = parrot(answer("200 OK", &headers, document));
            assert_eq!(read(&store, "k").await.expect("an object"), document.as_bytes());
            assert_eq!(read_to_end(&store).await.expect("an object"), document.as_bytes());
            assert_eq!(store.send(Raw::get("k")).await.expect("an object").body, document);
            assert_eq!(network.dialed(), 1, "{document}");
        }
    }
}

fn without_tag(answer: &mut RawResponse) {
    answer.remove_header("ETag");
}

/// A service that tells no tags at all is honest where GET and HEAD agree; XML of other kinds is an object like any.
#[apply(everywhere)]
async fn t13_an_object_without_a_tag_is_read_where_head_agrees() {
    covers(&["T13"]);
    let rig = Rig::new();
    rig.server.always(Act::mutate(without_tag));
    let store = rig.store();
    let large = content(300_000);
    for body in
        [&b""[..], b"hello", b"<note>Error</note>", b"<Errors/>", b"<!DOCTYPE html><html/>", b"Error: <Error>", &large]
    {
        rig.server.bucket().seed("k", body.to_vec());
        assert!(read(&store, "k").await.expect("GET and HEAD agree") == body);
        assert_eq!(store.head("k").await.expect("a length is enough").etag(), None);
    }
    assert_eq!(read(&store, GetObject::new("k").range(1..4)).await.expect("a range of it"), large[1..4]);
    assert_eq!(store.send(Raw::get("k")).await.expect("GET and HEAD agree").body, large);
    rig.assert_manners();
    rig.assert_sound(store).await;
}

/// Where HEAD tells of another length, or of no object, what came is something else.
#[apply(everywhere)]
async fn t13_an_answer_that_head_contradicts_is_no_object() {
    covers(&["T13"]);
    for (key, body) in [("k", "busy, try again"), ("absent", "busy, try again"), ("k", ""), ("k", "busy")] {
        for framing in [Framing::Length, Framing::Chunked] {
            let rig = Rig::new();
            rig.server.bucket().seed("k", "hello");
            let page = Act::mutate(move |answer| {
                without_tag(answer);
                (answer.status, answer.body, answer.framing) = (200, body.as_bytes().to_vec(), framing);
            });
            rig.server.script().always(Filter::Method("GET"), page);
            rig.server.script().always(Filter::Method("HEAD"), Act::mutate(without_tag));
            let store = rig.store();
            assert!(read(&store, key).await.is_err(), "{key} {body:?} {framing:?}");
            let mut all = Vec::new();
            let copied = match store.get(key).await {
                Ok(object) => object.copy_to(&mut all).await.map(drop),
                Err(error) => Err(error),
            };
            assert!(copied.is_err(), "{key} {body:?} {framing:?}");
            rig.assert_sound(store).await;
        }
    }
}

/// A part is an answer to whoever asks for one, and then all of that part.
#[apply(everywhere)]
async fn t13b_a_raw_get_is_not_answered_with_a_part() {
    covers(&["T13b", "T11"]);
    let part = |range: &str, framing: &str, body: &[u8]| {
        super::answer("206 Partial Content", &format!("Content-Range: bytes {range}\r\n{framing}"), body)
    };
    let (length, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    let hello = chunk(b"hello");
    let asked = || Raw::get("k").header("Range", "bytes=0-9");
    for (raw, answer, is_taken) in [
        (Raw::get("k"), part("0-4/10", length, b"hello"), false),
        (Raw::get("k"), part("0-4/10", chunked, &hello), false),
        (Raw::get("k"), part("0-4/*", length, b"hello"), false),
        (asked(), part("0-4/5", length, b"hello"), true),
        (asked(), part("0-4/5", chunked, &hello), true),
        (asked(), part("0-9/100", length, b"hello"), false),
        (asked(), part("0-9/100", chunked, &hello), false),
        (Raw::get("k").query("partNumber", "1"), part("0-4/10", length, b"hello"), true),
    ] {
        let (store, _) = parrot(answer.clone());
        let found = store.send(raw.clone()).await.map(|answer| answer.body);
        assert_eq!(found.is_ok(), is_taken, "{raw:?} {}: {found:?}", answer.escape_ascii());
    }
}

/// A raw GET is held to what GetObject is held to: cut, it is no answer.
#[apply(everywhere)]
async fn t13b_a_raw_get_is_never_cut() {
    covers(&["T13b"]);
    for (framing, body) in [
        ("", "hello"),
        ("", ""),
        ("Connection: close\r\n", "hello"),
        ("Connection: close\r\n", ""),
        ("Content-Length: 10\r\n", "hello"),
        ("Content-Length: 10\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked\r\n", ""),
    ] {
        let (store, _) = super::closing(super::answer("200 OK", framing, body.as_bytes()));
        let part = Raw::get("k").header("Range", "bytes=0-9");
        for raw in [Raw::get("k"), part, Raw::get("k").query("tagging", "")] {
            assert_refused(store.send(raw.clone()).await.map(|answer| answer.body), &format!("{raw:?} {framing}"));
        }
        assert_refused(read(&store, "k").await, framing);
    }
    for (version, framing, body) in [
        ("1.1", "Content-Length: 5\r\n", "hello"),
        ("1.0", "Content-Length: 5\r\n", "hello"),
        ("1.1", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let (store, _) = super::closing(format!("HTTP/{version} 200 OK\r\n{MARK}{TAG}{framing}\r\n{body}"));
        assert_eq!(store.send(Raw::get("k")).await.expect(framing).body, "hello");
    }
}

/// The CRC-32 of "hello", and what is announced as one.
fn checked(status: &str, range: &str, checksum: &str, body: &str) -> Vec<u8> {
    answer(status, &format!("{MARK}{TAG}{range}x-amz-checksum-crc32: {checksum}\r\n"), body)
}

/// However the whole object comes, its stored checksum is compared; a part is none of it.
#[apply(everywhere)]
async fn t13b_a_whole_object_is_compared_with_its_checksum() {
    covers(&["T13b"]);
    let whole = || GetObject::new("k");
    let (part, range) = ("206 Partial Content", "Content-Range: bytes 0-4/5\r\n");
    for (get, status, range) in [
        (whole(), part, range),
        (whole(), "200 OK", range),
        (whole().range(0..), part, range),
        (whole().range(0..), "200 OK", ""),
        (whole().range(0..5), part, range),
        (whole().range(0..100), part, range),
        (whole().last(5), part, range),
        (whole().last(100), part, range),
    ] {
        let what = format!("{:?} {status} {range}", get.byte_range());
        let (store, _) = parrot(checked(status, range, "NhCmhg==", "hellp"));
        let error = read(&store, get.clone()).await.expect_err(&what);
        assert_eq!(error.kind(), ErrorKind::Integrity, "{what}: {error}");
        let (store, _) = parrot(checked(status, range, "NhCmhg==", "hello"));
        assert_eq!(read(&store, get).await.unwrap_or_else(|error| panic!("{what}: {error}")), b"hello");
    }
    for (get, range, checksum) in [
        (whole().range(0..5), "Content-Range: bytes 0-4/9\r\n", "AAAAAA=="),
        (whole().range(2..7), "Content-Range: bytes 2-6/9\r\n", "AAAAAA=="),
        (whole(), range, "AAAAAA==-3"),
    ] {
        let (store, _) = parrot(checked(part, range, checksum, "hello"));
        assert_eq!(read(&store, get).await.expect("not verified"), b"hello", "{range}");
    }
}

const FAILED: &str = "<Error><Code>InternalError</Code><Message>m</Message></Error>";

/// Parameters with which a GET still asks for an object's bytes.
const OF_BYTES: [(&str, &str); 5] = [
    ("versionId", "v"),
    ("partNumber", "1"),
    ("response-content-type", "text/plain"),
    ("response-cache-control", "no-cache"),
    ("x-id", "GetObject"),
];

#[apply(everywhere)]
async fn t26c_an_object_is_not_read_as_a_failure() {
    covers(&["T26c"]);
    for (name, value) in OF_BYTES {
        let rig = Rig::new();
        let store = rig.store();
        rig.server.next(reply("200 OK", &format!("{MARK}{TAG}"), FAILED));
        let answer = store.send(Raw::get("k").query(name, value)).await.expect("an object");
        assert_eq!((answer.body, rig.requests().len()), (FAILED.into(), 1), "{name}");
        rig.server.always(reply("200 OK", MARK, FAILED));
        let error = store.send(Raw::get("k").query(name, value)).await.expect_err("no tag, no object");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Server, Some("InternalError")), "{name}: {error}");
        rig.assert_sound(store).await;
    }
    let (store, _) = parrot(answer("200 OK", &format!("{MARK}{TAG}x-amz-version-id: v\r\n"), FAILED));
    assert_eq!(read(&store, GetObject::new("k").version_id("v")).await.expect("an object"), FAILED.as_bytes());
}

/// What is about an object, or about the bucket, has no bytes of its own: an error document is an error there, tag or none.
#[apply(everywhere)]
async fn t26c_a_failure_is_not_read_as_a_sub_resource() {
    covers(&["T26c"]);
    for headers in [MARK.to_owned(), format!("{MARK}{TAG}")] {
        let (store, _) = parrot(answer("200 OK", &headers, FAILED));
        for raw in [
            Raw::get("k").query("tagging", ""),
            Raw::get("k").query("acl", "").query("versionId", "v"),
            Raw::get("k").query("attributes", ""),
            Raw::get("k").query("uploadId", "u"),
            Raw::get("k").query("retention", ""),
            Raw::bucket(s3lite::Method::GET).query("location", ""),
            Raw::put("k").header("x-amz-copy-source", "/bucket/other"),
            Raw::post("k").query("uploadId", "u").body("<CompleteMultipartUpload/>"),
        ] {
            let error = store.send(raw.clone()).await.expect_err("a failure");
            assert_eq!(error.code(), Some("InternalError"), "{raw:?} {headers}: {error}");
        }
    }
}
