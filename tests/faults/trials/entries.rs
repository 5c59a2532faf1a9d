//! T21, T22: entries and heads that lack something or write it oddly. One entry's oddity is not the listing's end, and what is
//! empty is not there.

use macro_rules_attribute::apply;
use std::time::{Duration, SystemTime};

use s3lite::{ErrorKind, ListObjectsV2, ListingPage, PutObject, Store};

use super::MARK;
use crate::covers;
use crate::rig::{Rig, config, everywhere, read, reply};
use crate::support::strict::Act;

fn page(entries: &[u8]) -> Act {
    let start = b"<ListBucketResult><IsTruncated>false</IsTruncated>";
    let body = [start, entries, b"</ListBucketResult>"].concat();
    let head = format!("HTTP/1.1 200 OK\r\n{MARK}Content-Length: {}\r\n\r\n", body.len());
    Act::Reply([head.as_bytes(), &body].concat())
}

async fn listed(entries: &str) -> Result<ListingPage, s3lite::Error> {
    let rig = Rig::new();
    rig.server.always(page(entries.as_bytes()));
    Ok(rig.open(config().set("max-retries", 0)).list(ListObjectsV2::new()).next().await?.expect("the first page"))
}

/// Folder entries of several servers have no size. They are keys like any.
#[apply(everywhere)]
async fn t21_an_entry_without_a_size_is_listed() {
    covers(&["T21"]);
    for odd in [
        "<Contents><Key>dir/</Key></Contents>",
        "<Contents><Key>dir/</Key><Size></Size></Contents>",
        "<Contents><Key>dir/</Key><Size/></Contents>",
        "<Contents><Size/><Key>dir/</Key><ETag>\"e\"</ETag></Contents>",
        "<Contents><Key>dir/</Key><LastModified/><ETag/><StorageClass/></Contents>",
    ] {
        let entries = format!(
            "<Contents><Key>a</Key><Size>1</Size></Contents>{odd}<Contents><Key>z</Key><Size>0</Size></Contents>"
        );
        let page = listed(&entries).await.unwrap_or_else(|error| panic!("{odd}: {error}"));
        let keys: Vec<_> = page.contents.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["a", "dir/", "z"], "{odd}");
    }
}

/// A size that is one and cannot be read is not unknown but wrong.
#[apply(everywhere)]
async fn t21_a_size_that_is_no_number_is_an_error() {
    covers(&["T21"]);
    for size in ["abc", "1.5", "0x10", "99999999999999999999999", "1 2", "unknown"] {
        let error = listed(&format!("<Contents><Key>a</Key><Size>{size}</Size></Contents>")).await.expect_err(size);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{size}: {error}");
    }
    for size in ["0", " 7 ", "007", "18446744073709551615"] {
        listed(&format!("<Contents><Key>a</Key><Size>{size}</Size></Contents>")).await.expect(size);
    }
}

/// Everything a listing gives, page by page and by its errors, until it ends; that is soon.
async fn everything(store: &Store) -> (Vec<String>, String) {
    let (mut pages, mut keys, mut told) = (store.list(ListObjectsV2::new()), Vec::new(), String::new());
    for _ in 0..20 {
        match pages.next().await {
            Ok(Some(page)) => {
                told += &format!("{page:?} ");
                keys.extend(page.contents.into_iter().map(|object| object.key));
            }
            Ok(None) => return (keys, told),
            Err(error) => told += &format!("{error} "),
        }
    }
    (keys, told)
}

/// A name of another encoding, as file systems have them: encoded by those who encode keys, as it is by those who do not. It is
/// told, escaped; all others are read, before it and behind it, on its page and on the next.
#[apply(everywhere)]
async fn t21_a_key_that_is_no_text_is_named_and_the_rest_is_read() {
    covers(&["T21"]);
    let entry = |key: &[u8]| [b"<Contents><Key>", key, b"</Key><Size>1</Size></Contents>"].concat();
    let encoding = b"<EncodingType>url</EncodingType>".to_vec();
    let prefix = |name: &[u8]| [b"<CommonPrefixes><Prefix>", name, b"</Prefix></CommonPrefixes>"].concat();
    for (encoding, odd, named) in [
        (encoding.clone(), entry(b"b%FFc"), ["%ff", "\\xff"]),
        (encoding.clone(), entry(b"b%C3%28"), ["%c3", "\\xc3"]),
        (encoding.clone(), entry(b"b%ED%A0%80"), ["%ed", "\\xed"]),
        (encoding, prefix(b"b%FF/"), ["%ff", "\\xff"]),
        (Vec::new(), entry(b"b\xffc"), ["%ff", "\\xff"]),
        (Vec::new(), entry(b"b\xe9t\xe9"), ["%e9", "\\xe9"]),
        (Vec::new(), prefix(b"b\xff/"), ["%ff", "\\xff"]),
    ] {
        let what = String::from_utf8_lossy(&odd).into_owned();
        let rig = Rig::new();
        let more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
        let first = [&more[..], &encoding, &entry(b"a"), &odd, &entry(b"c")].concat();
        let body = [b"<ListBucketResult>", &first[..], b"</ListBucketResult>"].concat();
        let head = format!("HTTP/1.1 200 OK\r\n{MARK}Content-Length: {}\r\n\r\n", body.len());
        let first = Act::Reply([head.as_bytes(), &body].concat());
        let next = crate::support::strict::Filter::Where(std::sync::Arc::new(|head| {
            String::from_utf8_lossy(head.query()).contains("continuation-token=t")
        }));
        rig.server.script().always(next, page(&entry(b"d")));
        rig.server.always(first);
        let (keys, told) = everything(&rig.store()).await;
        for key in ["a", "c", "d"] {
            assert!(keys.iter().any(|listed| listed == key), "{what}: {key} is missing in {keys:?}: {told}");
        }
        let told = told.to_ascii_lowercase();
        assert!(named.iter().any(|name| told.contains(name)), "{what} is named nowhere: {told}");
        assert!(!told.contains(char::REPLACEMENT_CHARACTER), "{what}: {told}");
    }
}

/// Encoded or not, what is UTF-8 is read, also by those who say that they encode and do not (s3s-fs).
#[apply(everywhere)]
async fn t21_text_is_read_however_it_is_written() {
    covers(&["T21"]);
    for (encoding, written, key) in [
        ("<EncodingType>url</EncodingType>", "b%C3%A9", "bé"),
        ("<EncodingType>url</EncodingType>", "bé", "bé"),
        ("<EncodingType>url</EncodingType>", "100%", "100%"),
        ("<EncodingType>url</EncodingType>", "a+b", "a b"),
        ("", "b%FF", "b%FF"),
        ("", "é&amp;😀", "é&😀"),
    ] {
        let page = listed(&format!("{encoding}<Contents><Key>{written}</Key><Size>1</Size></Contents>")).await;
        assert_eq!(page.unwrap_or_else(|error| panic!("{written}: {error}")).contents[0].key, key, "{written}");
    }
}

/// The forms in which servers write a time: S3's, without fractions, with more of them, and HTTP's.
#[apply(everywhere)]
async fn t21_a_time_is_read_in_each_form() {
    covers(&["T21"]);
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_532_000);
    for time in [
        "2026-03-03T10:00:00.000Z",
        "2026-03-03T10:00:00Z",
        "2026-03-03T10:00:00.000000Z",
        "2026-03-03T10:00:00.000000000Z",
        "Tue, 03 Mar 2026 10:00:00 GMT",
    ] {
        let entry = format!("<Contents><Key>a</Key><LastModified>{time}</LastModified><Size>1</Size></Contents>");
        assert_eq!(listed(&entry).await.expect(time).contents[0].last_modified, Some(expected), "{time}");
    }
    for nonsense in ["", "yesterday", "2026-13-45T99:00:00Z", "Xxx, 99 Mar 2026 10:00:00 GMT"] {
        let entry = format!("<Contents><Key>a</Key><LastModified>{nonsense}</LastModified><Size>1</Size></Contents>");
        assert_eq!(listed(&entry).await.expect(nonsense).contents[0].last_modified, None, "{nonsense}");
    }
}

/// An empty tag is no tag, as in listings.
#[apply(everywhere)]
async fn t22_an_empty_tag_is_none() {
    covers(&["T22"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    rig.server.always(Act::mutate(|answer| answer.set_header("ETag", "")));
    let store = rig.store();
    assert_eq!(store.head("k").await.expect("it is there").etag(), None);
    assert_eq!(store.get("k").await.expect("it is there").meta().etag(), None);
    assert_eq!(read(&store, "k").await.expect("it is there"), b"hello");
    assert!(rig.requests().iter().all(|seen| seen.header_count("if-match") == 0));
    rig.assert_sound(store).await;
}

/// A HEAD without a tag of any worth says nothing against what was put; its size still does.
#[apply(everywhere)]
async fn t22_an_empty_tag_changes_nothing() {
    covers(&["T22"]);
    for tag in [Some(""), Some("\"\""), None] {
        let rig = Rig::new();
        let store = rig.open(config().set("verify-after-write", true));
        let without = move |answer: &mut crate::support::strict::RawResponse| match tag {
            Some(tag) => answer.set_header("ETag", tag),
            None => answer.remove_header("ETag"),
        };
        for put in [PutObject::new("k"), PutObject::new("c").if_none_match("*")] {
            rig.server.next_for("HEAD", Act::mutate(without));
            store.put(put, "hello").await.unwrap_or_else(|error| panic!("{tag:?}: {error}"));
        }
        rig.server.next_for(
            "HEAD",
            Act::mutate(move |answer| {
                without(answer);
                answer.set_header("Content-Length", "4");
            }),
        );
        assert!(store.put("k", "hello").await.is_err(), "{tag:?}: another size");
        rig.server.next_for("HEAD", Act::mutate(|answer| answer.set_header("ETag", "\"other\"")));
        assert_eq!(store.put("k", "hello").await.expect_err("another").kind(), ErrorKind::Changed);
        rig.assert_sound(store).await;
    }
    let rig = Rig::new();
    rig.server.always(reply("200 OK", &format!("{MARK}ETag: \r\n"), ""));
    let error = rig.store().put("k", "x").await.expect_err("stored under which tag?");
    assert!(error.is_outcome_unknown(), "{error}");
}
