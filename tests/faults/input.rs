//! I1 to I20, X10, X13, X20 to X28: what callers and configurations may say. What is refused is refused before a byte is sent.

use std::ops::{Bound, Range};
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, ListObjectsV2, PutObject, StoreConfig};

use crate::covers;
use crate::rig::{Rig, config, content, everywhere, read};

#[apply(everywhere)]
async fn keys_that_s3_cannot_hold_send_nothing() {
    covers(&["I1", "I2", "I3"]);
    let rig = Rig::new();
    let store = rig.store();
    for key in ["", "a\0b", &"k".repeat(1025), &"é".repeat(513)] {
        let errors = [
            store.put(key, "x").await.err(),
            store.get(key).await.err(),
            store.head(key).await.err(),
            store.delete(key).await.err(),
            store.presign(&GetObject::new(key), Duration::from_secs(60)).err(),
            store.presign(&PutObject::new(key), Duration::from_secs(60)).err(),
        ];
        for error in errors {
            assert_eq!(error.expect("refused").kind(), ErrorKind::BadInput, "{key:?}");
        }
    }
    assert_eq!(rig.network.dialed(), 0);
    for key in ["k".repeat(1024), "é".repeat(512)] {
        store.put(&key, "x").await.expect("the longest key");
        assert_eq!(read(&store, &key).await.expect("it is there"), b"x");
    }
    rig.assert_manners();
}

/// Sent byte for byte, each in a place of its own.
#[apply(everywhere)]
async fn odd_keys_are_sent_as_they_were_written() {
    covers(&["I3", "I4", "I5", "I7", "X13"]);
    let rig = Rig::new();
    let store = rig.store();
    let keys = [
        ".",
        "..",
        "a/../b",
        "//a",
        "a//b",
        "/a",
        "a/",
        "a?b",
        "a#b",
        "100%",
        "%2e",
        "+",
        "a b",
        "a&b=c",
        "it's",
        "😀",
        "e\u{301}",
        "é",
        "\r\nHost: evil",
        "\t",
        "\u{7f}",
        "\u{1}",
        "a\\b",
        "*~!()",
    ];
    for key in keys {
        store.put(key, key).await.unwrap_or_else(|error| panic!("{key:?}: {error}"));
    }
    for key in keys {
        assert_eq!(read(&store, key).await.expect(key), key.as_bytes());
        let list = ListObjectsV2::new().prefix(key).start_after("").delimiter(key);
        store.list(list).next().await.unwrap_or_else(|error| panic!("{key:?}: {error}"));
    }
    assert_eq!(rig.server.bucket().objects.len(), keys.len());
    assert_eq!(rig.requests().len(), 3 * keys.len(), "each is exactly one request");
    rig.assert_manners();
}

#[apply(everywhere)]
async fn headers_that_break_a_request_are_refused() {
    covers(&["I12", "I13", "X13", "X28"]);
    let rig = Rig::new();
    let store = rig.store();
    let long = "v".repeat(2048);
    for put in [
        PutObject::new("k").metadata("a", "b\r\nx: y"),
        PutObject::new("k").metadata("a", "b\0"),
        PutObject::new("k").metadata("a", "naïve"),
        PutObject::new("k").metadata("", "b"),
        PutObject::new("k").metadata("a b", "c"),
        PutObject::new("k").metadata("a", long),
        PutObject::new("k").content_type("a\nb"),
        PutObject::new("k").header("Host", "evil"),
        PutObject::new("k").header("authorization", "x"),
        PutObject::new("k").header("X-Amz-Date", "now"),
        PutObject::new("k").header("content-length", "1"),
        PutObject::new("k").header("transfer-encoding", "chunked"),
        PutObject::new("k").header("connection", "close"),
        PutObject::new("k").header("expect", "100-continue"),
    ] {
        let error = store.put(put.clone(), "x").await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::BadInput, "{put:?}: {error}");
    }
    assert_eq!(rig.network.dialed(), 0);
    store.put(PutObject::new("k").metadata("a", "v".repeat(2000)), content(2 << 20)).await.expect("within the limit");
    let reader = s3lite::Payload::reader(&b"hello"[..], 5);
    store.put(PutObject::new("r").content_encoding("gzip"), reader).await.expect("stored");
    for seen in rig.requests() {
        assert_eq!((seen.header_count("content-length"), seen.header_count("transfer-encoding")), (1, 0));
    }
    rig.assert_manners();
}

#[apply(everywhere)]
async fn ranges_are_refused_clipped_or_exact() {
    covers(&["I14", "I15"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(100));
    rig.server.bucket().seed("empty", "");
    let store = rig.store();
    let inverted = |start, end| Range { start, end };
    for get in [GetObject::new("k").range(inverted(5, 4)), GetObject::new("k").range(inverted(u64::MAX, 1))] {
        assert_eq!(store.get(get).await.expect_err("inverted").kind(), ErrorKind::BadInput);
    }
    assert_eq!(rig.network.dialed(), 0);
    for get in
        [GetObject::new("k").range(100..), GetObject::new("k").range(u64::MAX..), GetObject::new("empty").range(1..)]
    {
        assert_eq!(store.get(get).await.expect_err("outside").kind(), ErrorKind::InvalidRange);
    }
    let after_last = (Bound::Excluded(u64::MAX), Bound::Unbounded);
    assert_eq!(
        store.get(GetObject::new("k").range(after_last)).await.expect_err("outside").kind(),
        ErrorKind::InvalidRange
    );
    for (get, bytes) in [
        (GetObject::new("k").range(..), 0..100),
        (GetObject::new("k").range(0..=u64::MAX), 0..100),
        (GetObject::new("k").range(90..u64::MAX), 90..100),
        (GetObject::new("k").range(5..5), 0..0),
        (GetObject::new("k").last(0), 0..0),
        (GetObject::new("k").last(7), 93..100),
        (GetObject::new("k").last(u64::MAX), 0..100),
        (GetObject::new("empty").range(0..), 0..0),
        (GetObject::new("empty").last(5), 0..0),
    ] {
        let read = read(&store, get.clone()).await.unwrap_or_else(|error| panic!("{get:?}: {error}"));
        assert!(read == content(100)[bytes.clone()], "{get:?}");
    }
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn presigned_urls_expire_within_a_week() {
    covers(&["I20"]);
    let rig = Rig::new();
    let store = rig.store();
    for seconds in [0, 604_801, u64::MAX] {
        let error = store.presign(&GetObject::new("k"), Duration::from_secs(seconds)).expect_err("out of bounds");
        assert_eq!(error.kind(), ErrorKind::BadInput, "{seconds}: {error}");
    }
    for seconds in [1, 604_800] {
        store.presign(&GetObject::new("k"), Duration::from_secs(seconds)).expect("within bounds");
    }
    assert_eq!(rig.network.dialed(), 0);
}

/// Each value of a key, refused with the key's name.
#[test]
fn configurations_are_checked() {
    covers(&["I8", "I9", "I10", "I11", "I16", "X8", "X10", "X24"]);
    let long = "b".repeat(256);
    let buckets =
        ["", "ab", &long, "a..b", "-ab", "ab-", "a.-b", "192.168.5.4", "a/b", "a?b", "a@b", "a b", "a\r\nb", "é"];
    let regions = ["", " ", "a/b", "us-east-1.evil.com", &long, "a\r\nb", "a@b"];
    let endpoints = [
        "ftp://h",
        "http://u:p@h",
        "http://h?x",
        "http://h#x",
        "http://h:0",
        "http://h:99999",
        "http://[fe80::1%25eth0]",
        "http://é",
        "http://h h",
        "http://",
        "http:///",
        "://h",
        "http://example.com",
        "http://10.0.0",
    ];
    let durations = ["0s", "0", "-1s", "1", "1.5s", "99999999999999999999s"];
    let others = [("payload-signing", "unsigned"), ("tls.roots", "none"), ("expect-continue", "-1")];
    let rows = buckets.map(|value| ("bucket", value)).into_iter();
    let rows = rows.chain(regions.map(|value| ("region", value))).chain(endpoints.map(|value| ("endpoint", value)));
    let rows = rows.chain(durations.map(|value| ("timeout", value))).chain(others);
    for (key, value) in rows {
        let error = config().set(key, value).build().expect_err(value);
        assert_eq!(error.kind(), ErrorKind::Config, "{key} = {value:?}: {error}");
        assert!(error.to_string().contains(key), "{key} = {value:?}: {error}");
    }
    let far =
        config().set("timeout", "1d").set("idle-timeout", "213503982334d").set("operation-timeout", "213503982334d");
    far.build().expect("long, but a time");
}

/// The longest times do not overflow where they are added to a clock.
#[apply(everywhere)]
async fn the_longest_times_are_waited_for() {
    covers(&["I16"]);
    let rig = Rig::new();
    let mut config = config();
    for key in ["timeout", "idle-timeout", "connect-timeout", "queue-timeout", "operation-timeout"] {
        config = config.set(key, "213503982334d");
    }
    let store = rig.open(config);
    store.put("k", "hello").await.expect("stored");
    assert_eq!(read(&store, "k").await.expect("read"), b"hello");
    rig.assert_sound(store).await;
}

/// What the API has no word for goes out as the caller wrote it, signed.
#[apply(everywhere)]
async fn the_owner_of_a_bucket_can_be_demanded() {
    covers(&["X25"]);
    let rig = Rig::new();
    let put = PutObject::new("k").header("x-amz-expected-bucket-owner", "123456789012");
    rig.store().put(put, "x").await.expect("stored");
    let seen = rig.requests().pop().expect("the request");
    assert_eq!(seen.header("x-amz-expected-bucket-owner").as_deref(), Some("123456789012"));
    assert!(seen.header("authorization").is_some_and(|text| text.contains("x-amz-expected-bucket-owner")));
    rig.assert_manners();
}

/// By default a plain body with few headers, signed by its hash: what every server takes.
#[apply(everywhere)]
async fn uploads_are_what_every_server_takes() {
    covers(&["S50", "X24"]);
    let rig = Rig::new();
    let store = rig.store();
    store.put("k", content(100_000)).await.expect("stored");
    let seen = rig.requests().pop().expect("the request");
    for header in ["x-amz-trailer", "x-amz-sdk-checksum-algorithm", "content-encoding", "x-amz-decoded-content-length"]
    {
        assert!(seen.header(header).is_none(), "{header}");
    }
    assert_eq!(seen.header("x-amz-content-sha256").map(|hash| hash.len()), Some(64));
    let https = StoreConfig::builder().set("region", "eu-central-1").set("bucket", "bucket").set("anonymous", true);
    https.set("payload-signing", "unsigned").build().expect("over TLS");
}

/// What would let a hostile answer stop the program is forbidden where it can be.
#[test]
fn the_library_has_no_unsafe_code() {
    covers(&["X27"]);
    assert!(include_str!("../../src/lib.rs").contains("#![forbid(unsafe_code)]"));
    assert!(include_str!("../../Cargo.toml").contains("unwrap_used = \"warn\""));
}
