//! Schedules, budgets and classes, as tables.

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use super::quota::{QUOTA_CAPACITY, QUOTA_COST, QUOTA_FOR_SUCCESS, QUOTA_UNANSWERED_COST};
use super::*;
use crate::error::{ErrorKind, Phase};
use crate::response::{ResponseHead, service_error};

/// The SDKs' own cases; see `tests/data/README.md` for their origin.
const CASES: &str = include_str!("../../tests/data/retry-classification.json");

fn refusal(status: u16, code: Option<&str>) -> Error {
    let head = ResponseHead { status: StatusCode::from_u16(status).expect("a status"), headers: HeaderMap::new() };
    let body = code.map_or(String::new(), |code| format!("<Error><Code>{code}</Code></Error>"));
    service_error(&head, body.as_bytes(), "us-east-1")
}

fn outcome(error: &Error) -> Outcome<'_> {
    Outcome { error, stale_connection: false, correction: None, replayable: true, retry_after: None }
}

const LATER: Moment = Moment { now: Duration::ZERO, elapsed: Duration::ZERO, remaining: None, jitter: 1.0 };

fn is_again(decision: Decision) -> bool {
    matches!(decision, Decision::Again { .. })
}

fn suite(name: &str) -> Vec<Value> {
    let suite: Value = serde_json::from_str(CASES).expect("the suite is JSON");
    suite[name].as_array().expect("a list").clone()
}

/// S3's throttling codes, and every status that passes, are classified as the SDKs do.
#[test]
fn statuses_and_codes_as_the_sdks_have_them() {
    let of_s3 = ["SlowDown", "RequestLimitExceeded", "BandwidthLimitExceeded", "Throttling", "ThrottlingException"];
    for case in suite("throttling_by_code") {
        let (Some(status), Some(code)) = (case[0].as_u64(), case[1].as_str()) else { continue };
        if of_s3.contains(&code) {
            assert_eq!(classify(&refusal(status as u16, Some(code))), FailureClass::Throttled, "{case}");
        }
    }
    for case in suite("throttling_by_status") {
        let (Some(status), throttled) = (case[0].as_u64(), case[2] == true) else { continue };
        if throttled {
            assert_eq!(classify(&refusal(status as u16, None)), FailureClass::Throttled, "{case}");
        }
    }
    for case in suite("transient") {
        let (Some(status @ 300..), transient) = (case[0].as_u64(), case[2] == true) else { continue };
        let class = classify(&refusal(status as u16, case[1].as_str()));
        let throttling = case[1].as_str().is_some_and(|code| of_s3.contains(&code));
        assert_eq!(class != FailureClass::Final, transient || throttling, "{case}: {class:?}");
    }
}

#[test]
fn s3_by_code_status_and_phase() {
    use FailureClass::{Final, Throttled, Transient};
    for (status, code, class) in [
        (400, Some("RequestTimeout"), Transient),
        (408, None, Transient),
        (409, Some("OperationAborted"), Transient),
        (409, Some("ConditionalRequestConflict"), Transient),
        (400, Some("BadDigest"), Transient),
        (400, Some("IncompleteBody"), Transient),
        (425, None, Transient),
        (429, None, Throttled),
        (499, None, Transient),
        (500, Some("InternalError"), Transient),
        (502, None, Transient),
        (503, Some("SlowDown"), Throttled),
        (503, None, Throttled),
        (504, None, Transient),
        (509, None, Throttled),
        (520, None, Transient),
        (529, None, Transient),
        (501, Some("NotImplemented"), Final),
        (501, None, Final),
        (400, None, Final),
        (400, Some("InvalidArgument"), Final),
        (403, Some("AccessDenied"), Final),
        (403, Some("SignatureDoesNotMatch"), Final),
        (404, Some("NoSuchKey"), Final),
        (405, None, Final),
        (411, None, Final),
        (412, None, Final),
        (416, None, Final),
        (301, None, Final),
        (307, None, Final),
    ] {
        assert_eq!(classify(&refusal(status, code)), class, "{status} {code:?}");
    }
    for (kind, class) in [
        (ErrorKind::Connect, Transient),
        (ErrorKind::Timeout(Phase::Connect), Transient),
        (ErrorKind::Timeout(Phase::Queue), Final),
        (ErrorKind::Timeout(Phase::Operation), Final),
        (ErrorKind::Timeout(Phase::Head), Transient),
        (ErrorKind::Interrupted, Transient),
        (ErrorKind::Tls, Final),
        (ErrorKind::Source, Final),
        (ErrorKind::Sink, Final),
        (ErrorKind::Changed, Final),
        (ErrorKind::Protocol, Final),
        (ErrorKind::Config, Final),
    ] {
        assert_eq!(classify(&Error::new(kind, "")), class, "{kind:?}");
    }
    assert_eq!(classify(&Error::passing_protocol("a proxy's page")), Transient);
}

#[test]
fn waits_double_up_to_a_bound() {
    let policy = RetryPolicy { max_retries: 12, ..RetryPolicy::default() };
    for (status, code, first) in [(500, "InternalError", 100), (503, "SlowDown", 1000)] {
        let (mut retry, mut quota) = (Retry::new(policy, true), RetryQuota::default());
        let error = refusal(status, Some(code));
        for index in 0..12 {
            let expected = Duration::from_millis(first << index).min(policy.longest);
            let decision = retry.after(&outcome(&error), LATER, &mut quota);
            assert_eq!(decision, Decision::Again { wait: expected }, "{index}");
        }
        assert_eq!(retry.after(&outcome(&error), LATER, &mut quota), Decision::Stop);
    }
}

#[test]
fn what_the_service_asks_for_is_kept_within_reason() {
    let error = refusal(503, None);
    for (asked, jitter, wait) in [(5, 0.0, 5), (5, 1.0, 5), (0, 1.0, 1), (120, 0.0, 30), (1 << 40, 1.0, 30)] {
        let (mut retry, mut quota) = (Retry::new(RetryPolicy::default(), true), RetryQuota::default());
        let outcome = Outcome { retry_after: Some(Duration::from_secs(asked)), ..outcome(&error) };
        let decision = retry.after(&outcome, Moment { jitter, ..LATER }, &mut quota);
        assert_eq!(decision, Decision::Again { wait: Duration::from_secs(wait) }, "{asked}");
    }
    for (value, date, milliseconds) in [
        (Some(("retry-after", "3")), None, Some(3000)),
        (Some(("x-amz-retry-after", "1500")), None, Some(1500)),
        (Some(("retry-after", "Thu, 01 Jan 2026 00:00:10 GMT")), Some("Thu, 01 Jan 2026 00:00:03 GMT"), Some(7000)),
        (Some(("retry-after", "Thu, 01 Jan 2026 00:00:10 GMT")), None, None),
        (Some(("retry-after", "-1")), None, None),
        (Some(("retry-after", "soon")), None, None),
        (Some(("x-amz-retry-after", "-100")), None, None),
        (None, None, None),
    ] {
        let mut headers = HeaderMap::new();
        for (name, value) in value.into_iter().chain(date.map(|date| ("date", date))) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let head = ResponseHead { status: StatusCode::SERVICE_UNAVAILABLE, headers };
        assert_eq!(head.retry_after(), milliseconds.map(Duration::from_millis), "{value:?}");
    }
}

#[test]
fn only_what_may_be_repeated_is() {
    let (interrupted, connect) = (Error::new(ErrorKind::Interrupted, ""), Error::new(ErrorKind::Connect, ""));
    for (idempotent, replayable, error, again) in [
        (true, true, &interrupted, true),
        (true, false, &interrupted, false),
        (false, true, &interrupted, false),
        (false, true, &connect, true),
        (false, false, &connect, false),
    ] {
        let mut retry = Retry::new(RetryPolicy::default(), idempotent);
        let outcome = Outcome { replayable, ..outcome(error) };
        let decision = retry.after(&outcome, LATER, &mut RetryQuota::default());
        assert_eq!(decision != Decision::Stop, again, "{idempotent} {replayable} {error:?}");
    }
}

/// A stale connection and each correction are free, even without retries, and once each.
#[test]
fn what_is_free_is_free_once() {
    let policy = RetryPolicy { max_retries: 0, ..RetryPolicy::default() };
    let error = Error::new(ErrorKind::Interrupted, "");
    let mut cases = vec![Outcome { stale_connection: true, ..outcome(&error) }];
    for correction in [Correction::Clock, Correction::Region, Correction::Expectation] {
        cases.push(Outcome { correction: Some(correction), ..outcome(&error) });
    }
    let (mut retry, mut quota) = (Retry::new(policy, true), RetryQuota::default());
    let at_once = Decision::Again { wait: Duration::ZERO };
    for case in &cases {
        assert_eq!(retry.after(case, LATER, &mut quota), at_once, "{case:?}");
    }
    for case in &cases {
        assert_eq!(retry.after(case, LATER, &mut quota), Decision::Stop, "{case:?}");
    }
    assert_eq!(quota.left, QUOTA_CAPACITY);
}

#[test]
fn damage_is_tried_once_more() {
    let (mut retry, mut quota) = (Retry::new(RetryPolicy::default(), true), RetryQuota::default());
    let error = refusal(400, Some("BadDigest"));
    assert_ne!(retry.after(&outcome(&error), LATER, &mut quota), Decision::Stop);
    assert_eq!(retry.after(&outcome(&error), LATER, &mut quota), Decision::Stop);
}

#[test]
fn an_operation_ends_in_its_time() {
    let (mut retry, mut quota) = (Retry::new(RetryPolicy::default(), true), RetryQuota::default());
    let error = refusal(503, None);
    let short = Moment { remaining: Some(Duration::from_millis(999)), ..LATER };
    assert_eq!(retry.after(&outcome(&error), short, &mut quota), Decision::Stop);
    assert_eq!(quota.left, QUOTA_CAPACITY, "what is not done costs nothing");
}

/// However many callers there are, a failing service gets no more than the quota, and time refills it.
#[test]
fn a_failing_service_is_not_stormed_and_an_outage_ends() {
    let (error, mut quota) = (refusal(503, None), RetryQuota::default());
    let storm = |quota: &mut RetryQuota, now: Duration| {
        let mut retries = 0;
        for _ in 0..200 {
            let mut retry = Retry::new(RetryPolicy::default(), true);
            while is_again(retry.after(&outcome(&error), Moment { now, ..LATER }, quota)) {
                retries += 1;
            }
        }
        retries
    };
    assert_eq!(storm(&mut quota, Duration::ZERO), 100);
    assert_eq!(storm(&mut quota, Duration::ZERO), 0);
    assert_eq!(storm(&mut quota, Duration::from_secs(10)), 20);
    assert_eq!(storm(&mut quota, Duration::from_secs(3600)), 100);
}

#[test]
fn success_gives_back() {
    let (error, mut quota) = (refusal(500, None), RetryQuota::default());
    let mut retry = Retry::new(RetryPolicy::default(), true);
    for _ in 0..2 {
        retry.after(&outcome(&error), LATER, &mut quota);
    }
    assert_eq!(quota.left, QUOTA_CAPACITY - 2 * QUOTA_COST);
    retry.succeeded(&mut quota);
    assert_eq!(quota.left, QUOTA_CAPACITY - QUOTA_COST);
    Retry::new(RetryPolicy::default(), true).succeeded(&mut quota);
    assert_eq!(quota.left, QUOTA_CAPACITY - QUOTA_COST + QUOTA_FOR_SUCCESS);
    let mut full = RetryQuota::default();
    Retry::new(RetryPolicy::default(), true).succeeded(&mut full);
    assert_eq!(full.left, QUOTA_CAPACITY, "it holds no more than that");
}

/// Where no service answers, a call has time: a restart of ten seconds is outlasted by any of its callers, each within its bound.
#[test]
fn what_is_not_answered_is_tried_for_a_time() {
    let policy = RetryPolicy::default();
    for error in [Error::new(ErrorKind::Connect, ""), Error::new(ErrorKind::Interrupted, ""), refusal(502, None)] {
        for jitter in [0.3, 0.5, 1.0] {
            let (mut retry, mut quota) = (Retry::new(policy, true), RetryQuota::default());
            let (mut elapsed, mut attempts) = (Duration::ZERO, vec![Duration::ZERO]);
            while let Decision::Again { wait } =
                retry.after(&outcome(&error), Moment { elapsed, jitter, ..LATER }, &mut quota)
            {
                elapsed += wait;
                attempts.push(elapsed);
            }
            let after_restart = attempts.iter().any(|at| (10.0..=30.0).contains(&at.as_secs_f64()));
            assert!(after_restart, "{error:?} {jitter}: {attempts:?}");
            assert!(elapsed <= policy.timeout && attempts.len() <= 20, "{error:?} {jitter}: {attempts:?}");
        }
    }
    let (mut retry, mut quota) = (Retry::new(RetryPolicy { max_retries: 0, ..policy }, true), RetryQuota::default());
    assert_eq!(retry.after(&outcome(&Error::new(ErrorKind::Connect, "")), LATER, &mut quota), Decision::Stop);
}

/// One event that meets every connection spends less than an outage may.
#[test]
fn the_quota_has_room_for_one_retry_of_each_connection() {
    let mut quota = RetryQuota::for_connections(128);
    let error = refusal(500, None);
    let again = (0..200)
        .filter(|_| is_again(Retry::new(RetryPolicy::default(), true).after(&outcome(&error), LATER, &mut quota)));
    assert_eq!(again.count(), 128);
    let mut retry = Retry::new(RetryPolicy::default(), true);
    assert_eq!(retry.after(&outcome(&error), LATER, &mut quota), Decision::OutOfQuota);
    let mut quota = RetryQuota::for_connections(128);
    let throttled = refusal(503, Some("SlowDown"));
    let again = (0..200)
        .filter(|_| is_again(Retry::new(RetryPolicy::default(), true).after(&outcome(&throttled), LATER, &mut quota)));
    assert_eq!(again.count(), 99, "a throttled service gets a hundred more, however many connections there are");
}

/// Connecting burdens nobody, and the first break of a call may be one event for all.
#[test]
fn what_was_never_answered_costs_little() {
    let policy = RetryPolicy::default();
    for (error, costs) in [
        (Error::new(ErrorKind::Connect, ""), [0, 0]),
        (Error::new(ErrorKind::Interrupted, ""), [0, QUOTA_UNANSWERED_COST]),
        (Error::new(ErrorKind::Truncated, ""), [0, QUOTA_COST]),
        (refusal(500, Some("InternalError")), [QUOTA_COST, QUOTA_COST]),
    ] {
        let (mut retry, mut quota) = (Retry::new(policy, true), RetryQuota::default());
        for cost in costs {
            let before = quota.left;
            assert!(is_again(retry.after(&outcome(&error), LATER, &mut quota)));
            assert_eq!(before - quota.left, cost, "{error:?}");
        }
        retry.progressed(&mut quota);
        assert_eq!(quota.left, QUOTA_CAPACITY, "progress pays for all of them: {error:?}");
    }
}

/// What was refused may be sent again whatever it is; an answer with too many headers may have been a success.
#[test]
fn a_corrected_refusal_is_harmless_and_a_lost_answer_is_not() {
    let error = refusal(403, Some("RequestTimeTooSkewed"));
    for (correction, again) in [(Correction::Clock, true), (Correction::Region, true), (Correction::Headers, false)] {
        let (mut retry, mut quota) = (Retry::new(RetryPolicy::default(), false), RetryQuota::default());
        let outcome = Outcome { correction: Some(correction), ..outcome(&error) };
        assert_eq!(is_again(retry.after(&outcome, LATER, &mut quota)), again, "{correction:?}");
    }
}
