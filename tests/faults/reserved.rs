//! I13: headers that a caller may not give as text, because the client acts on them: it must know the conditions and ranges
//! that it sends, and it alone frames a body.

use macro_rules_attribute::apply;
use s3lite::{DeleteObject, Error, ErrorKind, GetObject, HeadObject, PutObject, Raw, Store};

use crate::covers;
use crate::rig::{Rig, everywhere};

/// What each operation says of a header.
async fn refusals(store: &Store, name: &str, value: &str) -> [(&'static str, Option<Error>); 4] {
    [
        ("PutObject", store.put(PutObject::new("k").header(name, value), "x").await.err()),
        ("GetObject", store.get(GetObject::new("k").header(name, value)).await.err()),
        ("HeadObject", store.head(HeadObject::new("k").header(name, value)).await.err()),
        ("DeleteObject", store.delete(DeleteObject::new("k").header(name, value)).await.err()),
    ]
}

/// Given as a header, a condition would be sent but not known: a lost answer would be settled wrongly, a download would go on
/// at the wrong byte.
#[apply(everywhere)]
async fn conditions_and_ranges_have_methods_of_their_own() {
    covers(&["I12", "I13"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    for (name, value, method) in [
        ("if-match", "\"e\"", "if_match"),
        ("If-Match", "\"e\"", "if_match"),
        ("If-None-Match", "*", "if_none_match"),
        ("if-none-match", "\"e\"", "if_none_match"),
        ("range", "bytes=0-1", "range"),
        ("Range", "bytes=0-1", "range"),
    ] {
        for (operation, refusal) in refusals(&store, name, value).await {
            let error = refusal.unwrap_or_else(|| panic!("{operation} takes {name}"));
            assert_eq!(error.kind(), ErrorKind::BadInput, "{operation}, {name}: {error}");
            let text = error.to_string();
            // A deletion has no methods for these, so its refusal may only name the header.
            let text = if operation == "DeleteObject" { text.to_lowercase().replace('-', "_") } else { text };
            assert!(text.contains(method), "{operation}, {name}: {text}");
        }
    }
    assert_eq!(rig.network.dialed(), 0, "nothing is sent");
}

/// The methods themselves are no less than before.
#[apply(everywhere)]
async fn the_methods_send_what_they_say() {
    covers(&["I13"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    let tag = store.head("k").await.expect("it is there").etag().expect("a tag");
    store.get(GetObject::new("k").range(0..2).if_match(tag.clone())).await.expect("its beginning");
    store.put(PutObject::new("k").if_match(tag), "x").await.expect("the tag holds");
    let seen = rig.requests();
    assert!(seen[1].header("range").is_some() && seen[1].header("if-match").is_some(), "{:?}", seen[1]);
    assert_eq!(seen[2].header_count("if-match"), 1);
    // A raw call has no methods for them, and is not gone on with or settled: there they are headers like any other.
    let part = store.send(Raw::get("k").header("range", "bytes=0-0").header("if-none-match", "\"other\"")).await;
    assert_eq!(part.expect("a part").status.as_u16(), 206);
    rig.assert_manners();
}

/// `aws-chunked` says that the body is framed; over a plain body it would be stored as bytes that no reader can unframe.
#[apply(everywhere)]
async fn the_framing_of_a_body_is_not_the_callers_to_announce() {
    covers(&["I13", "X28"]);
    let rig = Rig::new();
    let store = rig.store();
    for coding in ["aws-chunked", "AWS-Chunked", "aws-chunked, gzip", "gzip,aws-chunked"] {
        let refused = [
            store.put(PutObject::new("k").content_encoding(coding), "x").await.err(),
            store.put(PutObject::new("k").header("content-encoding", coding), "x").await.err(),
            store.put(PutObject::new("k").header("Content-Encoding", coding), "x").await.err(),
            store.send(Raw::put("k").header("Content-Encoding", coding).body("x")).await.err(),
        ];
        for (number, error) in refused.into_iter().enumerate() {
            let error = error.unwrap_or_else(|| panic!("{number}: {coding} is taken"));
            assert_eq!(error.kind(), ErrorKind::BadInput, "{number}, {coding}: {error}");
            assert!(error.to_string().contains("aws-chunked"), "{number}, {coding}: {error}");
        }
    }
    assert_eq!(rig.network.dialed(), 0, "nothing is sent");
    store.put(PutObject::new("k").content_encoding("gzip"), "x").await.expect("any other coding is the object's own");
    assert_eq!(rig.requests()[0].header("content-encoding").as_deref(), Some("gzip"));
}
