//! What an error says: its words, and its answers to whoever decides what to do next.

use std::fmt::{self, Write};
use std::io;
use std::time::Duration;

use s3lite::{Error, ErrorKind, GetObject, Phase, Scheme, Target};

use crate::{head, read};

/// A refusal as it is read from an answer.
fn refusal(status: u16, code: &str) -> Error {
    let body = if code.is_empty() {
        String::new()
    } else {
        format!("<Error><Code>{code}</Code><Message>m</Message><RequestId>r</RequestId><HostId>h</HostId></Error>")
    };
    refused(status, &body)
}

fn refused(status: u16, body: &str) -> Error {
    read(&GetObject::new("k"), head(status, &[]), body.as_bytes()).map(drop).expect_err("a refusal")
}

fn connect() -> Error {
    Error::connect(io::Error::other("refused"))
}

fn lost() -> Error {
    Error::connection_lost(io::Error::other("reset"))
}

fn late(phase: Phase) -> Error {
    Error::timeout(phase, io::Error::other("late"))
}

#[test]
fn the_words() {
    let whole = refusal(403, "AccessDenied").with_context("GetObject", "mail", Some("k"));
    let whole = whole.with_attempts(3, Duration::from_millis(1500)).with_unknown_outcome(true);
    for (error, expected) in [
        (connect(), "there is no connection"),
        (connect().with_hint("start it"), "there is no connection (start it)"),
        (connect().with_context("PutObject", "mail", None), "PutObject in bucket \"mail\": there is no connection"),
        (refusal(500, ""), "500 Internal Server Error"),
        (refusal(599, ""), "599"),
        (refusal(403, "AccessDenied"), "403 AccessDenied: m (request id r)"),
        (
            whole,
            "GetObject \"k\" in bucket \"mail\": the service refused access: 403 AccessDenied: m (request id r); whether it took effect is not known [3 attempts in 1.5 s]",
        ),
    ] {
        assert!(error.to_string().ends_with(expected), "{error}\n{expected}");
    }
    let own = refusal(403, "AccessDenied");
    assert_eq!((own.request_id(), own.host_id(), own.code()), (Some("r"), Some("h"), Some("AccessDenied")));
    assert_eq!((connect().request_id(), connect().host_id(), connect().code()), (None, None, None));
}

/// In each phase time can run out, and an operator reads in which.
#[test]
fn each_phase_has_its_words() {
    for (phase, expected) in [
        (Phase::Queue, "time ran out waiting for a free connection"),
        (Phase::Connect, "time ran out connecting"),
        (Phase::Send, "time ran out sending the body"),
        (Phase::Head, "time ran out waiting for the response"),
        (Phase::Body, "time ran out reading the body"),
        (Phase::Operation, "time ran out with all attempts together"),
        (Phase::Transfer, "time ran out with the whole transfer"),
        (Phase::Server, "time ran out the service waiting for the request"),
    ] {
        assert_eq!(late(phase).to_string(), expected);
    }
}

/// Who may send a request again must know whether the first one may have acted, and whether anybody was there.
#[test]
fn what_may_have_happened() {
    // (error, unsent, may have acted, unanswered)
    for (error, unsent, acted, unanswered) in [
        (connect(), true, false, true),
        (lost(), false, true, true),
        (Error::bad_input("x"), true, false, false),
        (Error::protocol("x"), false, true, false),
        (late(Phase::Queue), true, false, false),
        (late(Phase::Connect), true, false, true),
        (late(Phase::Send), false, true, false),
        (late(Phase::Head), false, true, false),
        (late(Phase::Body), false, true, false),
        (late(Phase::Operation), false, true, false),
        (late(Phase::Transfer), false, true, false),
        (late(Phase::Server), false, false, false),
        (refusal(403, "AccessDenied"), false, false, false),
        (refusal(404, "NoSuchKey"), false, false, false),
        (refusal(408, ""), false, true, false),
        (refusal(429, ""), false, true, false),
        (refusal(429, "SlowDown"), false, false, false),
        (refusal(500, ""), false, true, false),
        (refusal(500, "InternalError"), false, true, false),
        (refusal(501, ""), false, true, false),
        (refusal(502, ""), false, true, true),
        (refusal(503, ""), false, true, true),
        (refusal(503, "SlowDown"), false, false, false),
        (refusal(504, ""), false, true, true),
        (refusal(505, ""), false, true, false),
    ] {
        let found = (error.is_unsent(), error.may_have_acted(), error.is_unanswered());
        assert_eq!(found, (unsent, acted, unanswered), "{error} {:?}", error.kind());
    }
}

#[test]
fn the_questions_of_callers() {
    type Question = fn(&Error) -> bool;
    let questions: [(Question, Error); 8] = [
        (Error::is_not_found, refusal(404, "NoSuchKey")),
        (Error::is_no_such_bucket, refusal(404, "NoSuchBucket")),
        (Error::is_access_denied, refusal(403, "AccessDenied")),
        (Error::is_precondition_failed, refusal(412, "PreconditionFailed")),
        (Error::is_not_modified, refusal(304, "")),
        (Error::is_timeout, late(Phase::Head)),
        (Error::is_wrong_region, refusal(301, "PermanentRedirect")),
        (Error::is_final_protocol, Error::protocol("x")),
    ];
    for (asked, (question, _)) in questions.iter().enumerate() {
        for (index, (_, error)) in questions.iter().enumerate() {
            assert_eq!(question(error), asked == index, "question {asked}: {error} {:?}", error.kind());
        }
    }
}

#[test]
fn what_becomes_of_an_outcome() {
    assert!(!lost().is_outcome_unknown() && lost().with_unknown_outcome(true).is_outcome_unknown());
    let ambiguous = lost().into_ambiguous();
    assert!(ambiguous.is_outcome_unknown() && ambiguous.kind() == ErrorKind::Ambiguous && ambiguous.may_have_acted());
    let unverified = lost().into_unverified();
    assert!(unverified.kind() == ErrorKind::Ambiguous && unverified.to_string().contains("could not be looked at"));
    assert_eq!((lost().attempts(), lost().elapsed()), (0, None));
    let tried = lost().with_attempts(2, Duration::from_secs(1));
    assert_eq!((tried.attempts(), tried.elapsed()), (2, Some(Duration::from_secs(1))));
}

/// Takes so many bytes, and fails from there on, as a full disk under a log does.
struct Full(usize);

impl Write for Full {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Wherever a writer fails, that is told, and nothing panics.
fn assert_writers_failure_is_told(shown: impl fmt::Display) {
    let length = shown.to_string().len();
    assert!((0..length).all(|room| write!(Full(room), "{shown}").is_err()), "{shown}");
    assert!(write!(Full(length), "{shown}").is_ok(), "{shown}");
}

#[test]
fn a_writer_that_fails_is_told() {
    for error in [
        refusal(403, "AccessDenied").with_context("GetObject", "mail", Some("k")).with_unknown_outcome(true),
        refusal(403, "AccessDenied").with_context("GetObject", "mail", None).with_attempts(3, Duration::from_secs(1)),
        refusal(500, ""),
    ] {
        assert_writers_failure_is_told(error);
    }
    let target =
        Target::new(Scheme::Https, "h.example", "/k", [(&b"X-Amz-Signature"[..], &b"s"[..])]).expect("a target");
    assert_writers_failure_is_told(target);
}

/// Some services put S3's error into another's envelope, and its request id behind it.
#[test]
fn errors_in_envelopes() {
    const ERROR: &str = "<Error><Code>NoSuchKey</Code></Error>";
    for (body, code, id) in [
        (ERROR.to_owned(), Some("NoSuchKey"), None),
        (format!("<ErrorResponse>{ERROR}<RequestId>r</RequestId></ErrorResponse>"), Some("NoSuchKey"), Some("r")),
        (
            format!("<ErrorResponse><x/>{ERROR}<y>1</y><requestid>r</requestid></ErrorResponse>"),
            Some("NoSuchKey"),
            Some("r"),
        ),
        (
            format!("<Response><Errors>{ERROR}</Errors><RequestID>r</RequestID></Response>"),
            Some("NoSuchKey"),
            Some("r"),
        ),
        (format!("<Response><Errors>{ERROR}</Errors></Response>"), Some("NoSuchKey"), None),
        (format!("<Errors>{ERROR}</Errors><RequestId>r</RequestId>"), Some("NoSuchKey"), None),
        (format!("<ErrorResponse>{ERROR}<RequestId"), Some("NoSuchKey"), None),
        (format!("<ErrorResponse>{ERROR}</Other>"), Some("NoSuchKey"), None),
        ("<ErrorResponse><x/></ErrorResponse>".to_owned(), None, None),
        ("<ErrorResponse><x><y></x></ErrorResponse>".to_owned(), None, None),
        ("<ErrorResponse><".to_owned(), None, None),
        ("<ErrorResponse><Error></Error></ErrorResponse>".to_owned(), None, None),
        ("<Response><Errors></Errors></Response>".to_owned(), None, None),
        ("<Response><x/></Response>".to_owned(), None, None),
        ("<Fault/>".to_owned(), None, None),
    ] {
        let error = refused(404, &body);
        assert_eq!((error.code(), error.request_id()), (code, id), "{body}");
    }
}

/// A document without a code may be anybody's: a missing object is one in S3's own words.
#[test]
fn a_404_in_other_words_is_no_missing_object() {
    for (body, kind) in [
        ("<Error><Message>no such page</Message></Error>", ErrorKind::Protocol),
        ("<Error><Code></Code></Error>", ErrorKind::Protocol),
        ("<html/>", ErrorKind::Protocol),
        ("<Error><Code>Unheard</Code></Error>", ErrorKind::NotFound),
        ("", ErrorKind::NotFound),
    ] {
        assert_eq!(refused(404, body).kind(), kind, "{body}");
    }
}

/// A store that is full is no failure of the moment, whatever the service calls it.
#[test]
fn a_full_store_is_told() {
    for code in ["QuotaExceeded", "UserQuotaExceeded", "userquotaexceededexception", "XMinioStorageFull", "NoSpaceLeft"]
    {
        assert_eq!(refusal(403, code).kind(), ErrorKind::QuotaExceeded, "{code}");
    }
    assert_eq!(refusal(403, "Quota").kind(), ErrorKind::AccessDenied);
}

/// What an operator reads first, refusal by refusal.
#[test]
fn each_refusal_has_its_words() {
    for (status, code, words) in [
        (403, "InvalidAccessKeyId", "the service does not know the access key"),
        (403, "SignatureDoesNotMatch", "the signature does not match; is the secret key right?"),
        (400, "ExpiredToken", "the temporary credentials have expired"),
        (400, "InvalidToken", "the service does not accept the credentials"),
        (404, "NoSuchKey", "there is no such object"),
        (404, "NoSuchUpload", "there is no such multipart upload"),
        (404, "", "not found"),
        (404, "NoSuchBucket", "there is no such bucket"),
        (403, "", "the service refused access"),
        (403, "RequestTimeTooSkewed", "the clock of this host differs too much from the service's"),
        (301, "PermanentRedirect", "the bucket is in another region, which the service does not name"),
        (302, "", "the service redirects, which is not followed; is the endpoint right?"),
        (304, "", "the object has not changed"),
        (412, "", "the condition does not hold"),
        (409, "ConditionalRequestConflict", "another request is in the way"),
        (409, "OperationAborted", "another request is in the way"),
        (409, "BucketNotEmpty", "the bucket is not empty"),
        (409, "BucketAlreadyExists", "there is such a bucket already"),
        (409, "BucketAlreadyOwnedByYou", "there is such a bucket already"),
        (409, "InvalidBucketState", "the bucket is in a state that does not allow it"),
        (409, "", "the request does not fit the state in which the service has the bucket or the object"),
        (507, "", "the store is full: its quota is used up"),
        (416, "", "the range lies outside the object"),
        (503, "", "the service asks for fewer requests"),
        (500, "", "the service failed"),
        (501, "", "the service does not offer this"),
        (400, "BadDigest", "the bytes that arrived are not those that were announced"),
        (400, "RequestTimeout", "the service gave up waiting for the request"),
        (
            413,
            "",
            "a proxy or gateway on the way takes no body so large; raise its limit (nginx: client_max_body_size)",
        ),
        (413, "EntityTooLarge", "the service refused the request"),
        (400, "", "the service refused the request"),
    ] {
        let error = refusal(status, code).to_string();
        assert!(error.starts_with(&format!("{words}: {status}")), "{status} {code}: {error}");
    }
}

/// The kinds of statuses without a code, by which the retry rules and callers go.
#[test]
fn each_status_has_its_kind() {
    for (status, kind) in [
        (100, ErrorKind::Protocol),
        (199, ErrorKind::Protocol),
        (301, ErrorKind::Redirect),
        (302, ErrorKind::Redirect),
        (304, ErrorKind::NotModified),
        (399, ErrorKind::Redirect),
        (400, ErrorKind::Other),
        (401, ErrorKind::AccessDenied),
        (402, ErrorKind::Other),
        (405, ErrorKind::Unsupported),
        (408, ErrorKind::Timeout(Phase::Server)),
        (411, ErrorKind::Unsupported),
        (429, ErrorKind::Throttled),
        (509, ErrorKind::Throttled),
        (500, ErrorKind::Server),
        (599, ErrorKind::Server),
        (600, ErrorKind::Other),
    ] {
        assert_eq!(refusal(status, "").kind(), kind, "{status}");
    }
}

/// A code counts for more than the status it comes with.
#[test]
fn each_code_has_its_kind() {
    for (code, kind) in [
        ("NoSuchBucket", ErrorKind::NoSuchBucket),
        ("NoSuchKey", ErrorKind::NotFound),
        ("NoSuchVersion", ErrorKind::NotFound),
        ("NoSuchUpload", ErrorKind::NotFound),
        ("AccessDenied", ErrorKind::AccessDenied),
        ("ExpiredToken", ErrorKind::Credentials),
        ("RequestTimeTooSkewed", ErrorKind::ClockSkew),
        ("IncorrectEndpoint", ErrorKind::WrongRegion),
        ("PreconditionFailed", ErrorKind::Precondition),
        ("ConditionalRequestConflict", ErrorKind::Conflict),
        ("OperationAborted", ErrorKind::Conflict),
        ("InvalidRange", ErrorKind::InvalidRange),
        ("IncompleteBody", ErrorKind::Integrity),
        ("RequestTimeout", ErrorKind::Timeout(Phase::Server)),
        ("SlowDown", ErrorKind::Throttled),
        ("InternalError", ErrorKind::Server),
        ("NotImplemented", ErrorKind::Unsupported),
        ("MethodNotAllowed", ErrorKind::Unsupported),
        ("AuthorizationHeaderMalformed", ErrorKind::Other),
        ("Unheard", ErrorKind::Other),
    ] {
        assert_eq!(refusal(418, code).kind(), kind, "{code}");
    }
}

/// A redirect's goal is named, but for what would sign for somebody; a region is named by header or in words.
#[test]
fn where_a_refusal_points() {
    let told = |status: u16, headers: &[(&'static str, &'static str)], body: &str| {
        read(&GetObject::new("k"), head(status, headers), body.as_bytes()).map(drop).expect_err("a refusal")
    };
    for (location, shown) in [
        ("https://a.example/b", " to https://a.example/b, which"),
        ("https://a.example/b?c=d", " to https://a.example/b?c=d, which"),
        ("https://a.example/b?X-Amz-Signature=1", " to https://a.example/b, which"),
        ("https://a.example/b?Signature=1", " to https://a.example/b?***, which"),
        ("https://a.example/b?token=1", " to https://a.example/b, which"),
    ] {
        let error = told(302, &[("location", location)], "");
        assert!(error.to_string().contains(shown), "{location}: {error}");
    }
    let region = |error: &Error| error.service().and_then(|service| service.region.clone());
    let malformed =
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>it is wrong; expecting 'us-west-2'</Message></Error>";
    let error = told(400, &[], malformed);
    assert_eq!((error.kind(), region(&error).as_deref()), (ErrorKind::WrongRegion, Some("us-west-2")));
    assert!(error.to_string().contains("set region = \"us-west-2\""), "{error}");
    assert_eq!(told(403, &[], malformed).kind(), ErrorKind::WrongRegion, "whatever the status");
    let other = "<Error><Code>InvalidRequest</Code><Message>it is wrong; expecting 'us-west-2'</Message></Error>";
    assert_eq!(region(&told(400, &[], other)), None);
    let error = told(301, &[("x-amz-bucket-region", "us-west-2")], "");
    assert_eq!((error.kind(), region(&error).as_deref()), (ErrorKind::WrongRegion, Some("us-west-2")));
    let own = told(400, &[("x-amz-bucket-region", "eu-central-1")], "");
    assert_eq!(own.kind(), ErrorKind::Other);
    let error = told(
        301,
        &[],
        "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.us-west-2.amazonaws.com</Endpoint></Error>",
    );
    assert!(error.to_string().contains("names the endpoint \"b.s3.us-west-2.amazonaws.com\""), "{error}");
    let error = told(416, &[("content-range", "bytes */7")], "");
    assert_eq!(error.service().and_then(|service| service.actual_object_size), Some(7));
    for name in ["x-amz-error-code", "x-minio-error-code"] {
        assert_eq!(told(404, &[(name, "NoSuchBucket")], "").kind(), ErrorKind::NoSuchBucket, "{name}");
    }
    let error = told(403, &[("x-amz-request-id", "1"), ("x-amz-id-2", "2")], "");
    assert_eq!((error.request_id(), error.host_id()), (Some("1"), Some("2")));
}
