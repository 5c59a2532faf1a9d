//! S40 and its like: listings that are well-formed and yet not what was asked for. Who deletes what is not listed, or what is,
//! must not be told of other keys or of sizes that nobody gave.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, ListObjectsV2, ListingPage};

use crate::covers;
use crate::rig::{Rig, config, everywhere, reply};

/// What a listing of a prefix makes of these entries; the store itself has a prefix or none.
async fn listed(store_prefix: &str, prefix: &str, entries: &str) -> Result<ListingPage, Error> {
    let rig = Rig::new();
    let page = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>");
    rig.server.always(reply("200 OK", "", &page));
    let store = rig.open(config().set("key-prefix", store_prefix).set("max-retries", 0));
    let page = store.list(ListObjectsV2::new().prefix(prefix)).next().await?;
    Ok(page.expect("the first page"))
}

fn entry(key: &str) -> String {
    format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>")
}

/// Some services list folders without a size; a size is never made up.
#[apply(everywhere)]
async fn a_size_that_is_not_listed_is_not_known() {
    covers(&["S39"]);
    for (entries, sizes) in [
        ("<Contents><Key>a</Key></Contents>".to_owned(), &[None][..]),
        ("<Contents><Key>a</Key><Size></Size></Contents>".to_owned(), &[None]),
        ("<Contents><Key>a</Key><Size/><ETag>\"e\"</ETag></Contents>".to_owned(), &[None]),
        (format!("{}<Contents><Key>b</Key></Contents>", entry("a")), &[Some(1), None]),
        ("<Contents><Key>a</Key><Size>0</Size></Contents>".to_owned(), &[Some(0)]),
    ] {
        let page = listed("", "", &entries).await.unwrap_or_else(|error| panic!("{entries}: {error}"));
        assert_eq!(page.contents.iter().map(|object| object.size).collect::<Vec<_>>(), sizes, "{entries}");
    }
}

#[apply(everywhere)]
async fn a_key_outside_what_was_asked_for_is_no_entry() {
    covers(&["S39"]);
    for (store_prefix, prefix, keys) in [
        ("", "a/", &["b"][..]),
        ("", "a/", &["a/1", "b"]),
        ("", "a/", &["a"]),
        ("", "a/", &["A/1"]),
        ("", "a/", &["x/a/1"]),
        ("s/", "a/", &["s/b"]),
        ("s/", "a/", &["a/1"]),
        ("s/", "a/", &["s/a/1", "s/b"]),
        ("s/", "", &["t/a"]),
    ] {
        let entries: String = keys.iter().map(|key| entry(key)).collect();
        let error = listed(store_prefix, prefix, &entries).await.expect_err("another key");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{store_prefix:?} {prefix:?} {keys:?}: {error}");
    }
}

#[apply(everywhere)]
async fn keys_within_what_was_asked_for_are_entries() {
    covers(&["S39", "S41"]);
    for (store_prefix, prefix, key, read) in [
        ("", "a/", "a/1", "a/1"),
        ("", "a/", "a/", "a/"),
        ("", "a", "ab", "ab"),
        ("s/", "a/", "s/a/1", "a/1"),
        ("s/", "", "s/a", "a"),
        ("", "", "b", "b"),
        ("", "a b", "a b", "a b"),
    ] {
        let page = listed(store_prefix, prefix, &entry(key)).await;
        let page = page.unwrap_or_else(|error| panic!("{store_prefix:?} {prefix:?} {key}: {error}"));
        assert_eq!(page.contents[0].key, read, "{store_prefix:?} {prefix:?}");
    }
    // Written with encoding, the prefix is compared as it was asked for.
    let encoded = format!("<EncodingType>url</EncodingType>{}", entry("a%2Bb/%2F"));
    assert_eq!(listed("", "a+b/", &encoded).await.expect("it fits").contents[0].key, "a+b//");
}
