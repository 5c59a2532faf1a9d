//! A refusal: any status, headers and body.

use s3lite::{
    Answer, DeleteObject, Error, GetObject, HeadObject, KeyPrefix, ListObjectsV2, Method, Operation, PutObject, Raw,
    ResponseHead, ServiceError, read_answer,
};

use super::input::Input;

/// The longest that an error may get, so that a service cannot fill a log.
const MAX_DISPLAY_BYTES: usize = 2048;

/// However it is read, what comes out is short and would not move a terminal's cursor.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let head = input.head();
    let body = input.rest();
    check_operation(&GetObject::new("k").range(1..4), &head, body);
    check_operation(&HeadObject::new("k"), &head, body);
    check_operation(&PutObject::new("k").if_match("\"a\""), &head, body);
    check_operation(&DeleteObject::new("k"), &head, body);
    check_operation(&ListObjectsV2::new(), &head, body);
    check_operation(&Raw::bucket(Method::GET), &head, body);
}

fn check_operation<O: Operation>(operation: &O, head: &ResponseHead, body: &[u8]) {
    let answer = Answer { head: head.clone(), body, prefix: &KeyPrefix::default(), signed_for: "eu-central-1" };
    let Err(error) = read_answer(operation, answer) else { return };
    assert_fit_for_a_log(&error.with_context(O::NAME, "bucket", Some("key")), head);
}

fn assert_fit_for_a_log(error: &Error, head: &ResponseHead) {
    let text = error.to_string();
    assert!(text.len() <= MAX_DISPLAY_BYTES, "an error of {} bytes: {text}", text.len());
    assert!(!text.contains(char::is_control), "an error with control characters: {text:?}");
    assert!(error.status().is_none_or(|status| status == head.status));
    if let Some(service) = error.service() {
        assert_all_printable(service);
    }
}

/// Applications log the parts, too.
fn assert_all_printable(service: &ServiceError) {
    let ServiceError { code, message, request_id, host_id, region, endpoint, .. } = service;
    let optional = [request_id, host_id, region, endpoint];
    for text in [code, message].into_iter().chain(optional.into_iter().flatten()) {
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.chars().count() <= 400, "{} characters: {text}", text.chars().count());
    }
}
