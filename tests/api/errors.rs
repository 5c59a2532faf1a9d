//! What an error says: its words, and its answers to whoever decides what to do next.

use std::fmt::{self, Write};
use std::io;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use s3lite::{Answer, Error, ErrorKind, GetObject, KeyPrefix, Phase, ResponseHead, Scheme, Target, read_answer};

/// A refusal as it is read from an answer.
fn refusal(status: u16, code: &str) -> Error {
    let body = if code.is_empty() {
        String::new()
    } else {
        format!("<Error><Code>{code}</Code><Message>m</Message><RequestId>r</RequestId><HostId>h</HostId></Error>")
    };
    read(status, &body)
}

fn read(status: u16, body: &str) -> Error {
    let head = ResponseHead { status: StatusCode::from_u16(status).expect("a status"), headers: HeaderMap::new() };
    let answer = Answer { head, body: body.as_bytes(), prefix: &KeyPrefix::default(), signed_for: "eu-central-1" };
    read_answer(&GetObject::new("k"), answer).map(drop).expect_err("a refusal")
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
        let error = read(404, &body);
        assert_eq!((error.code(), error.request_id()), (code, id), "{body}");
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
