//! T26, T26b: what a refusal says, read where it stands and told in words of its own.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, ListObjectsV2, Method, Raw};

use super::MARK;
use crate::covers;
use crate::rig::{Rig, answer, config, everywhere, parrot, refusal, reply};

/// An error in the wrappings of other AWS services, in which some servers answer.
fn wrapped(code: &str) -> [String; 5] {
    let error = format!("<Error><Code>{code}</Code><Message>in words</Message></Error>");
    [
        format!("<Response><Errors>{error}</Errors><RequestID>R9</RequestID></Response>"),
        format!("<?xml version=\"1.0\"?>\n<Response>\n <Errors>\n  {error}\n </Errors>\n</Response>"),
        format!(
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{error}<RequestId>R9</RequestId></ErrorResponse>"
        ),
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>in words</Message></Error></ErrorResponse>"
        ),
        format!("<Errors>{error}</Errors>"),
    ]
}

#[tokio::test(start_paused = true)]
async fn t26_a_code_is_read_in_any_wrapping() {
    covers(&["T26"]);
    for (status, code, kind) in [
        ("403 Forbidden", "SignatureDoesNotMatch", ErrorKind::AccessDenied),
        ("404 Not Found", "NoSuchKey", ErrorKind::NotFound),
        ("404 Not Found", "NoSuchBucket", ErrorKind::NoSuchBucket),
        ("400 Bad Request", "ExpiredToken", ErrorKind::Credentials),
        ("400 Bad Request", "SlowDown", ErrorKind::Throttled),
        ("412 Precondition Failed", "PreconditionFailed", ErrorKind::Precondition),
    ] {
        for document in wrapped(code) {
            let rig = Rig::new();
            rig.server.always(reply(status, "", &document));
            let store = rig.open(config().set("max-retries", 0));
            for error in [
                store.get("k").await.err(),
                store.put("k", "x").await.err(),
                store.list(ListObjectsV2::new()).next().await.err(),
                store.send(Raw::get("k").query("tagging", "")).await.err(),
            ] {
                let error = error.expect("refused");
                assert_eq!((error.kind(), error.code()), (kind, Some(code)), "{document}: {error}");
                assert_eq!(error.service().expect("an answer").message, "in words", "{document}");
            }
            let deleted = store.delete("k").await;
            assert_eq!(deleted.is_ok(), code == "NoSuchKey", "{document}: {deleted:?}");
            rig.assert_sound(store).await;
        }
    }
}

/// The request id is inside where no header has it.
#[apply(everywhere)]
async fn t26_a_wrappings_request_id_is_read() {
    covers(&["T26"]);
    for document in [&wrapped("AccessDenied")[0], &wrapped("AccessDenied")[2]] {
        for (headers, id) in [("", "R9"), (MARK, "4442587FB7D0A2F9")] {
            let (store, _) = parrot(answer("403 Forbidden", headers, document));
            assert_eq!(store.get("k").await.expect_err("refused").request_id(), Some(id), "{document}");
        }
    }
}

/// A page that quotes an error, or an envelope without one, is not S3's word that there is no object.
#[apply(everywhere)]
async fn t26_an_error_in_a_page_is_none() {
    covers(&["T26", "T13a"]);
    let error = "<Error><Code>NoSuchKey</Code></Error>";
    for page in [
        format!("<html><body><p>The service said:</p>{error}</body></html>"),
        format!("<html>{error}</html>"),
        format!("<feed><entry>{error}</entry></feed>"),
        "<Response><Errors></Errors></Response>".to_owned(),
        "<Response><Errors><Error></Error></Errors></Response>".to_owned(),
        "<ErrorResponse/>".to_owned(),
    ] {
        let (store, _) = parrot(answer("404 Not Found", "Content-Type: text/html\r\n", &page));
        let error = store.get("k").await.expect_err("a page");
        assert!(!error.is_not_found() && error.kind() == ErrorKind::Protocol, "{page}: {error}");
        assert!(store.delete("k").await.expect_err("a page").is_outcome_unknown(), "{page}");
    }
}

/// A wrapped error with a success for its status is a failure all the same.
#[apply(everywhere)]
async fn t26_a_wrapped_error_is_no_success() {
    covers(&["T26", "T14", "T23"]);
    for document in wrapped("AccessDenied") {
        let (store, _) = parrot(answer("200 OK", &format!("{MARK}{}", super::TAG), &document));
        for error in [
            store.put("k", "x").await.err(),
            store.delete("k").await.err(),
            store.list(ListObjectsV2::new()).next().await.err(),
            store.send(Raw::put("k").query("tagging", "").body("<Tagging/>")).await.err(),
        ] {
            assert_eq!(error.expect("a failure").code(), Some("AccessDenied"), "{document}");
        }
    }
}

/// A full store is no wrong key: nobody shall look for one, and sending it again does not help.
#[tokio::test(start_paused = true)]
async fn t26_a_full_store_is_no_wrong_key() {
    covers(&["T26"]);
    for (status, code) in [
        ("403 Forbidden", "QuotaExceeded"),
        ("403 Forbidden", "StorageQuotaExceeded"),
        ("403 Forbidden", "BucketQuotaExceeded"),
        ("507 Insufficient Storage", "QuotaExceeded"),
        ("507 Insufficient Storage", "XMinioStorageFull"),
        ("400 Bad Request", "XMinioAdminBucketQuotaExceeded"),
    ] {
        let rig = Rig::new();
        rig.server.always(refusal(status, code));
        let store = rig.store();
        let error = store.put("k", "x").await.expect_err("it is full");
        assert_eq!((error.code(), error.attempts()), (Some(code), 1), "{error}");
        assert!(!error.is_access_denied() && !error.is_outcome_unknown(), "{error}");
        assert!(!error.to_string().contains("refused access"), "{error}");
        rig.assert_sound(store).await;
    }
}

/// Where a redirect leads is told, so that an operator sees what is wrong with the endpoint; nobody goes there.
#[apply(everywhere)]
async fn t26_a_redirects_goal_is_told() {
    covers(&["T26"]);
    for status in ["301 X", "302 Found", "303 See Other", "307 Temporary Redirect", "308 X"] {
        for location in
            ["https://s3.example.com/bucket/k", "http://10.0.0.1:9000/", "/login?next=k", "//other.example/k"]
        {
            let headers = format!("Location: {location}\r\n");
            let (store, network) = parrot(answer(status, &headers, "<html>moved</html>"));
            for error in [
                store.put("k", "x").await.err(),
                store.get("k").await.err(),
                store.delete("k").await.err(),
                store.list(ListObjectsV2::new()).next().await.err(),
            ] {
                let error = error.expect("a redirect");
                assert_eq!((error.kind(), error.attempts()), (ErrorKind::Redirect, 1), "{error}");
                assert!(error.to_string().contains(location), "{status} {location}: {error}");
            }
            assert_eq!(network.dialed(), 1, "{status} {location}");
        }
    }
    let (store, _) = parrot("HTTP/1.1 307 X\r\nLocation: https://s3.example.com/bucket/k\r\nContent-Length: 0\r\n\r\n");
    let error = store.head("k").await.expect_err("a redirect");
    assert!(error.to_string().contains("https://s3.example.com/bucket/k"), "{error}");
}

/// A goal may carry a signature, escapes of a terminal, or no end.
#[apply(everywhere)]
async fn t26_a_redirects_goal_is_shown_harmlessly() {
    covers(&["T26"]);
    let long = format!("https://example.com/{}", "x".repeat(7000));
    for location in [
        "https://h/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A&X-Amz-Signature=canary",
        "https://h/k?x-amz-security-token=canary&a=b",
        "https://h/\u{9b}31mred",
        &long,
    ] {
        let (store, _) = parrot(answer("307 X", &format!("Location: {location}\r\n"), ""));
        let error = store.get("k").await.expect_err("a redirect");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("canary") && !text.contains(|c: char| c.is_control()), "{text:?}");
        assert!(error.to_string().len() < 1500, "{} characters", text.len());
    }
}

const IN_THE_WAY: &str = "another request is in the way";

/// What a 409 says of the state of things does not pass by asking again, and no other request is in the way.
#[tokio::test(start_paused = true)]
async fn t26b_a_conflict_of_state_is_final() {
    covers(&["T26b"]);
    for code in [
        "BucketNotEmpty",
        "BucketAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "InvalidBucketState",
        "InvalidState",
        "RestoreAlreadyInProgress",
        "ObjectLockConfigurationNotAllowed",
        "BucketHasAccessPointsAttached",
        "KeyAlreadyExists",
        "Strange",
        "",
    ] {
        let rig = Rig::new();
        let body = if code.is_empty() { String::new() } else { format!("<Error><Code>{code}</Code></Error>") };
        rig.server.always(reply("409 Conflict", MARK, &body));
        let store = rig.store();
        for (way, error) in [
            ("DeleteBucket", store.send(Raw::bucket(Method::DELETE)).await.err()),
            ("CreateBucket", store.send(Raw::bucket(Method::PUT)).await.err()),
            ("PUT", store.put("k", "x").await.err()),
            ("conditional", store.put(s3lite::PutObject::new("k").if_none_match("*"), "x").await.err()),
            ("DELETE", store.delete("k").await.err()),
            ("GET", store.get("k").await.err()),
        ] {
            let error = error.expect("a conflict");
            assert_eq!(error.attempts(), 1, "{code} {way}: {error}");
            assert!(!error.is_not_found() && !error.to_string().contains(IN_THE_WAY), "{code} {way}: {error}");
            assert_eq!(error.code(), Some(code).filter(|code| !code.is_empty()), "{way}");
        }
        let sent = rig.requests().iter().filter(|seen| seen.method != "HEAD").count();
        assert_eq!(sent, 6, "{code}: each once, but for looking");
        rig.assert_sound(store).await;
    }
}

/// The two that pass are sent again (catalogue S8, S16), and told as what they are when they do not.
#[apply(everywhere)]
async fn t26b_another_request_is_waited_for() {
    covers(&["T26b"]);
    for code in ["ConditionalRequestConflict", "OperationAborted"] {
        let rig = Rig::new();
        let store = rig.store();
        rig.server.next(refusal("409 Conflict", code));
        store.put(s3lite::PutObject::new("k").if_none_match("*"), "x").await.expect("the second try");
        rig.server.next(refusal("409 Conflict", code));
        store.delete("k").await.expect("the second try");
        rig.server.always(refusal("409 Conflict", code));
        let error = store.put("k", "x").await.expect_err("it stays");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Conflict, 4), "{error}");
        assert!(error.to_string().contains(IN_THE_WAY), "{error}");
        rig.assert_sound(store).await;
    }
}
