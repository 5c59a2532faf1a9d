//! T34 to T36: values of headers go up as they were written or are refused, no name of the metadata goes up twice, and what is
//! added of its own accord can be left out.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, GetObject, Method, PutObject, Raw, Store};

use crate::covers;
use crate::rig::{Rig, config, everywhere, read, reply};
use crate::support::strict::Seen;

const PUT_ID: &str = "x-amz-meta-s3lite-put-id";

/// Values that HTTP carries as they are.
const VERBATIM: [&str; 8] =
    ["a   b", "a\tb", "a \t  b", "a  b  c", "\"a   b\"", "attachment; filename=\"my  mail.eml\"", "a", "!  ~"];

/// Values of which HTTP would drop something.
const TRIMMED: [&str; 8] = [" a", "a ", "  a", "\ta", "a\t", " ", "\t", " a   b "];

fn last(rig: &Rig) -> Seen {
    rig.requests().pop().expect("it was sent")
}

/// Every way to give a header a value, and the header's name.
async fn put_each_way(store: &Store, value: &str) -> Vec<(&'static str, Result<(), Error>)> {
    let stored = |result: Result<s3lite::PutObjectOutput, Error>| result.map(drop);
    vec![
        ("x-amz-meta-k", stored(store.put(PutObject::new("k").metadata("k", value), "x").await)),
        ("content-disposition", stored(store.put(PutObject::new("k").content_disposition(value), "x").await)),
        ("cache-control", stored(store.put(PutObject::new("k").cache_control(value), "x").await)),
        ("x-amz-meta-h", stored(store.put(PutObject::new("k").header("x-amz-meta-h", value), "x").await)),
        ("x-amz-meta-r", store.send(Raw::put("k").header("x-amz-meta-r", value).body("x")).await.map(drop)),
        ("x-other", store.send(Raw::put("k").header("X-Other", value).body("x")).await.map(drop)),
    ]
}

/// The strict server computes the signature anew over what it received: blanks are one there, and as many as there are here.
#[apply(everywhere)]
async fn t34_blanks_go_up_as_they_were_written() {
    covers(&["T34"]);
    for value in VERBATIM {
        let rig = Rig::new();
        let sent = put_each_way(&rig.store(), value).await;
        let requests = rig.requests();
        assert_eq!(requests.len(), sent.len(), "{value:?}");
        for ((name, result), seen) in sent.iter().zip(requests) {
            result.as_ref().unwrap_or_else(|error| panic!("{name} {value:?}: {error}"));
            assert_eq!(seen.header(name).as_deref(), Some(value), "{name}");
            assert_eq!(seen.header_count(name), 1, "{name}");
        }
        rig.assert_manners();
    }
}

/// What was stored is what comes back.
#[apply(everywhere)]
async fn t34_metadata_comes_back_as_it_went() {
    covers(&["T34"]);
    let rig = Rig::new();
    let store = rig.store();
    for value in VERBATIM {
        store.put(PutObject::new("k").metadata("Kept", value), "x").await.expect("stored");
        assert_eq!(store.head("k").await.expect("it is there").metadata("kept"), Some(value));
        // A presigned URL's headers are those that its user must send.
        let put = PutObject::new("k").metadata("k", value);
        let url = store.presign(&put, std::time::Duration::from_secs(60)).expect("a URL");
        let signed = url.headers().iter().find(|(name, _)| name == "x-amz-meta-k").expect("it is signed");
        assert_eq!(signed.1.to_str().expect("text"), value);
    }
    rig.assert_manners();
}

#[apply(everywhere)]
async fn t34_blanks_at_the_ends_are_refused_before_anything_is_sent() {
    covers(&["T34"]);
    let rig = Rig::new();
    let store = rig.store();
    for value in TRIMMED {
        for (name, result) in put_each_way(&store, value).await {
            let error = result.expect_err(name);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::BadInput, 0), "{name} {value:?}: {error}");
            let text = error.to_string().to_ascii_lowercase();
            assert!(text.contains(name) && text.contains("blank"), "{name} {value:?}: {text}");
        }
        let get = GetObject::new("k").header("x-amz-expected-bucket-owner", value);
        assert_eq!(store.get(get).await.expect_err(value).kind(), ErrorKind::BadInput);
    }
    assert!(rig.requests().is_empty());
}

/// An entry's name has no capitals on the way, so two that differ by them are one.
#[apply(everywhere)]
async fn t35_a_name_of_the_metadata_stands_once() {
    covers(&["T35"]);
    let rig = Rig::new();
    let store = rig.store();
    let put = || PutObject::new("k");
    for (what, put) in [
        ("by capitals", put().metadata("Status", "a").metadata("status", "b")),
        ("the same value", put().metadata("status", "a").metadata("STATUS", "a")),
        ("the same name", put().metadata("status", "a").metadata("status", "b")),
        ("not side by side", put().metadata("a", "1").metadata("b", "2").metadata("A", "3")),
        ("as a header", put().metadata("status", "a").header("X-Amz-Meta-Status", "b")),
        ("as a header first", put().header("x-amz-meta-status", "b").metadata("Status", "a")),
    ] {
        let error = store.put(put.clone(), "x").await.expect_err(what);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::BadInput, 0), "{what}: {error}");
        assert!(error.to_string().to_ascii_lowercase().contains("twice"), "{what}: {error}");
        assert_eq!((error.operation(), error.key()), (Some("PutObject"), Some("k")), "{what}: {error}");
        assert!(store.presign(&put, std::time::Duration::from_secs(60)).is_err(), "{what}");
    }
    assert!(rig.requests().is_empty());
    store.put(put().metadata("Status", "a").metadata("status2", "b"), "x").await.expect("two names");
    assert_eq!(last(&rig).header("x-amz-meta-status").as_deref(), Some("a"));
    rig.assert_manners();
}

/// A conditional put is marked unless that is switched off; every other put never is.
#[apply(everywhere)]
async fn t36_the_mark_of_a_conditional_put_can_be_left_out() {
    covers(&["T36"]);
    for (setting, marked) in [(None, true), (Some(true), true), (Some(false), false)] {
        let rig = Rig::new();
        let store = rig.open(setting.map_or(config(), |setting| config().set("put-id", setting)));
        assert_eq!(store.config().put_id(), marked, "{setting:?}");
        let create = PutObject::new("k").if_none_match("*").metadata("own", "1");
        let stored = store.put(create, "first").await.expect("there is none yet");
        assert_eq!(last(&rig).header_count(PUT_ID), usize::from(marked), "{setting:?}");
        store.put(PutObject::new("k").if_match(stored.etag), "second").await.expect("it fits");
        assert_eq!(last(&rig).header_count(PUT_ID), usize::from(marked), "{setting:?}");
        store.put("k", "third").await.expect("stored");
        assert_eq!(last(&rig).header_count(PUT_ID), 0, "{setting:?}");
        rig.assert_manners();
    }
}

/// Without a mark a lost answer cannot be told from another's write of the same length: that is said, and not guessed.
#[apply(everywhere)]
async fn t36_without_the_mark_a_lost_answer_stays_unknown() {
    covers(&["T36"]);
    use crate::support::strict::Act;
    let rig = Rig::new();
    let store = rig.open(config().set("put-id", false));
    rig.server.next_for("PUT", Act::ApplyThenClose);
    let error = store.put(PutObject::new("k").if_none_match("*"), "mail").await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(read(&store, "k").await.expect("it is there"), b"mail");
    assert!(rig.requests().iter().all(|seen| seen.header_count(PUT_ID) == 0));
    rig.assert_sound(store).await;
}

/// The key is one of the file, too.
#[test]
fn t36_the_key_stands_in_a_file() {
    covers(&["T36"]);
    let section = "[store.s3]\ntype = \"s3\"\nbucket = \"mail\"\nregion = \"eu-central-1\"\n";
    for (line, expected) in [("", true), ("put-id = true", true), ("put-id = false", false)] {
        let text = format!("{section}access-key = \"a\"\nsecret-key = \"s\"\n{line}\n");
        let config = s3lite::StoreConfig::from_toml(&text, "s3", &mut |_| Err(String::new())).expect(line);
        assert_eq!(config.put_id(), expected, "{line}");
    }
    let text = format!("{section}put-id = \"no\"\n");
    let error = s3lite::StoreConfig::from_toml(&text, "s3", &mut |_| Err(String::new())).expect_err("no truth");
    assert!(error.to_string().contains("put-id"), "{error}");
}

/// A raw call marks nothing, whatever its condition.
#[apply(everywhere)]
async fn t36_a_raw_call_is_not_marked() {
    covers(&["T36"]);
    let rig = Rig::new();
    rig.server.next(reply("200 OK", super::MARK, ""));
    let raw = Raw::object(Method::PUT, "k").header("if-none-match", "*").body("x");
    rig.store().send(raw).await.expect("sent");
    assert_eq!(last(&rig).header_count(PUT_ID), 0);
}
