//! Every byte of a key arrives as it was written, on every operation, and comes back from a listing.

use macro_rules_attribute::apply;
use s3lite::{DeleteObject, GetObject, ListObjectsV2, Store};

use crate::support::runtimes::in_every_runtime;
use crate::{assert_manners, config, open, server, store};

/// Keys that other clients normalise, double-encode or lose.
const KEYS: [&str; 30] = [
    "//",
    "///a",
    "/lead",
    "trail/",
    "a//b",
    ".",
    "..",
    "./x",
    "../other-bucket/x",
    "a/../b",
    "a/./b",
    " ",
    " sp ",
    "%2F",
    "%",
    "100%25",
    "+",
    "a+b c",
    "?",
    "#",
    "a?b=c&d#e",
    "~",
    "*'()!",
    "\u{7f}",
    "\u{1}\u{1f}",
    "\r\n",
    "\t",
    "é/e\u{301}",
    "😀",
    "SlowDown",
];

async fn round_trip(store: &Store, key: &str) {
    store.put(key, key).await.unwrap_or_else(|error| panic!("{error}"));
    let read = store.get(key).await.unwrap_or_else(|error| panic!("{error}")).bytes().await.expect("its bytes");
    assert_eq!(read, key);
    assert_eq!(store.head(key).await.unwrap_or_else(|error| panic!("{error}")).size(), Some(key.len() as u64));
}

#[apply(in_every_runtime)]
async fn odd_keys_come_back() {
    let server = server().await;
    let store = store(&server);
    for key in KEYS {
        round_trip(&store, key).await;
        assert_eq!(server.bucket().content(key).as_deref(), Some(key.as_bytes()), "{key:?}");
    }
    let mut pages = store.list(ListObjectsV2::new().max_keys(7));
    let mut listed = Vec::new();
    while let Some(object) = pages.next_object().await.expect("a listing") {
        listed.push(object.key);
    }
    let mut expected = KEYS.map(str::to_owned);
    expected.sort();
    assert_eq!(listed, expected);
    for key in KEYS {
        store.delete(DeleteObject::new(key)).await.expect("it is deleted");
        assert!(store.get(GetObject::new(key)).await.expect_err("it is gone").is_not_found());
    }
    assert_manners(&server);
}

#[apply(in_every_runtime)]
async fn every_character_up_to_u_00ff_comes_back() {
    let server = server().await;
    let store = store(&server);
    for character in ('\u{1}'..='\u{ff}').chain(['\u{ffff}', '\u{10ffff}']) {
        round_trip(&store, &format!("x{character}y")).await;
    }
    let mut pages = store.list(ListObjectsV2::new());
    let mut count = 0;
    while let Some(object) = pages.next_object().await.expect("a listing") {
        let character = object.key.chars().nth(1).expect("a character");
        assert_eq!(object.key, format!("x{character}y"));
        count += 1;
    }
    assert_eq!(count, 257);
    assert_manners(&server);
}

/// The first thing on the wire of every operation is what the user wrote, encoded once.
#[apply(in_every_runtime)]
async fn nothing_is_sent_for_a_key_that_s3_cannot_hold() {
    let server = server().await;
    let store = store(&server);
    for key in ["", "a\0b", &"k".repeat(1025)] {
        assert!(store.put(key, "x").await.is_err());
        assert!(store.get(key).await.is_err());
        assert!(store.head(key).await.is_err());
        assert!(store.delete(key).await.is_err());
    }
    assert_eq!(server.connections(), 0);
}

#[apply(in_every_runtime)]
async fn a_prefix_is_joined_and_stripped_verbatim() {
    let server = server().await;
    let store = open(config(&server).set("key-prefix", "mail//"));
    round_trip(&store, "/x").await;
    assert_eq!(server.bucket().content("mail///x").as_deref(), Some(&b"/x"[..]));
    let mut pages = store.list(ListObjectsV2::new().prefix("/").delimiter("x"));
    let page = pages.next().await.expect("a page").expect("the first");
    assert_eq!(page.common_prefixes, ["/x"]);
    assert_manners(&server);
}
