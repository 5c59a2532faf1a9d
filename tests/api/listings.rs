//! A listing, page by page: what a client of one's own asks next, and what ends it.

use s3lite::{Error, ErrorKind, KeyPrefix, ListObjectsV2, ListingCursor, ListingPage, Operation};

use crate::{head, read};

/// Reads `<Contents>` of keys and `<CommonPrefixes>` of names that end in a slash; the page goes on where a token is given.
fn page(names: &[&str], token: &str) -> ListingPage {
    let mut xml = format!("<ListBucketResult><IsTruncated>{}</IsTruncated>", !token.is_empty());
    if !token.is_empty() {
        xml += &format!("<NextContinuationToken>{token}</NextContinuationToken>");
    }
    for name in names {
        xml += &match name.ends_with('/') {
            true => format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
            false => format!("<Contents><Key>{name}</Key><Size>1</Size></Contents>"),
        };
    }
    listed(format!("{xml}</ListBucketResult>").as_bytes()).expect("a page")
}

fn listed(body: &[u8]) -> Result<ListingPage, Error> {
    read(&ListObjectsV2::new(), head(200, &[]), body)
}

/// Which of the pages a listing ends with an error at, counted from 1; 0 if it takes all.
fn ends_at(pages: &[&[&str]]) -> usize {
    let mut cursor = ListingCursor::new(ListObjectsV2::new());
    for (index, names) in pages.iter().enumerate() {
        if let Err(error) = cursor.advance(&page(names, &format!("t{index}"))) {
            assert!(error.kind() == ErrorKind::Protocol && cursor.next_page().is_none(), "{error}");
            return index + 1;
        }
        assert!(cursor.next_page().is_some());
    }
    0
}

#[test]
fn a_listing_that_begins_again_ends() {
    for (pages, at) in [
        (&[&["a", "b"][..], &["c"], &["d"]][..], 0),
        (&[&["a", "b"], &["b", "c"]], 2),
        (&[&["a", "b"], &["a", "b"]], 2),
        (&[&["b"], &["a"]], 2),
        (&[&["a", "a"]], 1),
        (&[&["a/"], &["b/"], &["b/"]], 3),
        (&[&["a/", "a/"]], 1),
        (&[&["b", "a/"], &["c", "b/"]], 0),
        // A page out of order shows that the service keeps none; then only what comes again is told.
        (&[&["b", "a"], &["d", "c"], &["a0"]], 0),
        (&[&["b", "a"], &["a", "c"]], 2),
        (&[&["b", "a"], &["d", "c"], &["b", "a"]], 3),
        (&[&["b/", "a/"], &["d/", "c/"], &["b/", "a/"]], 3),
        (&[&["c", "b"], &["a"], &["d", "b0"], &["a"]], 4),
        (&[&["b", "a", "x/"], &["b", "a", "y/"]], 0),
        // Pages without entries are no entries that come again.
        (&[&["b", "a"], &[], &[], &["c"]], 0),
        (&[&[], &[]], 0),
    ] {
        assert_eq!(ends_at(pages), at, "{pages:?}");
    }
}

#[test]
fn the_next_page_is_asked_for_by_its_token() {
    let mut cursor = ListingCursor::new(ListObjectsV2::new().prefix("a"));
    cursor.advance(&page(&["a1"], "one")).expect("a page");
    let next = cursor.next_page().expect("it goes on").request(&KeyPrefix::default()).expect("a request");
    let pairs = [("prefix", "a"), ("continuation-token", "one")];
    assert!(
        pairs
            .iter()
            .all(|(name, value)| next.query().iter().any(|(given, text)| (&**given, text.as_str()) == (*name, *value))),
        "{next:?}"
    );
    let again = cursor.advance(&page(&["a2"], "one")).expect_err("the same token");
    assert!(again.to_string().contains("in circles"), "{again}");
    let mut cursor = ListingCursor::new(ListObjectsV2::new());
    cursor.advance(&page(&["a1"], "")).expect("the last page");
    assert!(cursor.next_page().is_none());
}

/// A thousand pages without an entry are followed, and no more.
#[test]
fn empty_pages_have_a_limit() {
    let mut cursor = ListingCursor::new(ListObjectsV2::new());
    let empty = |cursor: &mut ListingCursor, number: usize| cursor.advance(&page(&[], &format!("t{number}")));
    assert!((0..1000).all(|number| empty(&mut cursor, number).is_ok()));
    cursor.advance(&page(&["a"], "full")).expect("an entry begins the count again");
    assert!((1000..2000).all(|number| empty(&mut cursor, number).is_ok()));
    assert!(empty(&mut cursor, 2000).is_err());
}

/// What a page says twice it says in one way, or it contradicts itself.
#[test]
fn a_page_says_one_thing() {
    let read_with = |more: &str| {
        listed(format!("<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>{more}</ListBucketResult>").as_bytes())
    };
    assert!(read_with("<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>").is_ok());
    assert!(read_with("<NextContinuationToken/>").is_ok());
    assert!(read_with("<IsTruncated>false</IsTruncated>").is_err());
    assert!(read_with("<NextContinuationToken>b</NextContinuationToken>").is_err());
}

/// Keys that are no text are named apart, byte for byte, and the rest is read.
#[test]
fn keys_that_are_no_text_are_named() {
    let listing = |encoding: &str, keys: &[&[u8]]| {
        let mut xml = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{encoding}").into_bytes();
        for key in keys {
            xml.extend([b"<Contents><Key>", *key, b"</Key><Size>1</Size></Contents>"].concat());
        }
        xml.extend(b"</ListBucketResult>");
        listed(&xml).expect("a page")
    };
    let url = "<EncodingType>url</EncodingType>";
    for (encoding, keys, readable, unreadable) in [
        ("", &[&b"a"[..], b"\xffb\x80"][..], &["a"][..], &["\\xffb\\x80"][..]),
        (url, &[b"a%20b", b"b%ffc"], &["a b"], &["b\\xffc"]),
        (url, &[b"%c3%bc"], &["ü"], &[]),
        ("", &["\u{f700}".as_bytes()], &["\u{f700}"], &[]),
    ] {
        let page = listing(encoding, keys);
        let found: Vec<_> = page.contents.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(
            (found.as_slice(), page.unreadable),
            (readable, unreadable.iter().map(ToString::to_string).collect())
        );
    }
}
