//! Conditional requests and ranges, as S3 evaluates them.

use super::clock::parse_http_date;
use super::error::S3Error;
use super::http::RequestHead;
use super::object::StoredObject;

/// Whether GET or HEAD is answered 304; an error when a precondition fails.
///
/// An ETag condition outweighs the date condition of the same direction.
pub fn not_modified(head: &RequestHead, object: &StoredObject) -> Result<bool, S3Error> {
    let modified_after = |at: i64| object.last_modified > at;
    match (text(head, "if-match")?, date(head, "if-unmodified-since")?) {
        (Some(tags), _) if !names(tags, &object.etag) => {
            return Err(precondition_failed("If-Match"));
        }
        (None, Some(at)) if modified_after(at) => {
            return Err(precondition_failed("If-Unmodified-Since"));
        }
        _ => {}
    }
    match (text(head, "if-none-match")?, date(head, "if-modified-since")?) {
        (Some(tags), _) => Ok(names(tags, &object.etag)),
        (None, Some(at)) => Ok(!modified_after(at)),
        (None, None) => Ok(false),
    }
}

/// Refuses a conditional PUT whose condition does not hold against what is stored now.
pub fn may_write(head: &RequestHead, stored: Option<&StoredObject>) -> Result<(), S3Error> {
    match text(head, "if-none-match")? {
        Some("*") if stored.is_some() => return Err(precondition_failed("If-None-Match")),
        Some("*") | None => {}
        Some(tags) => {
            return Err(S3Error::not_implemented(format!("If-None-Match: {tags} on PUT")));
        }
    }
    match (text(head, "if-match")?, stored) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(S3Error::new(404, "NoSuchKey", "If-Match on a key that does not exist")),
        (Some(tags), Some(object)) if names(tags, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(precondition_failed("If-Match")),
    }
}

/// First and last byte of the answer to a Range header. S3 ignores a range that it cannot read, or
/// that is a list.
pub fn range(head: &RequestHead, length: usize) -> Result<Option<(usize, usize)>, S3Error> {
    let Some(text) = text(head, "range")? else {
        return Ok(None);
    };
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let bounds = match (bound(first), bound(last)) {
        (Some(first), None) if last.is_empty() => (first, length.saturating_sub(1)),
        (Some(first), Some(last)) if first <= last => (first, last.min(length.saturating_sub(1))),
        (None, Some(count)) if first.is_empty() => (length.saturating_sub(count), length.saturating_sub(1)),
        _ => return Ok(None),
    };
    if bounds.0 < length {
        return Ok(Some(bounds));
    }
    Err(S3Error::new(416, "InvalidRange", "The requested range is not satisfiable")
        .with("RangeRequested", text)
        .with("ActualObjectSize", length.to_string()))
}

fn bound(digits: &str) -> Option<usize> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Whether a list of entity tags, with or without quotes, names this one.
fn names(tags: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_matches('"').to_owned();
    tags.trim() == "*" || tags.split(',').any(|tag| bare(tag) == bare(etag))
}

fn text<'a>(head: &'a RequestHead, name: &str) -> Result<Option<&'a str>, S3Error> {
    head.only(name).map_err(S3Error::invalid_request)
}

/// A date that cannot be read is no condition.
fn date(head: &RequestHead, name: &str) -> Result<Option<i64>, S3Error> {
    Ok(text(head, name)?.and_then(parse_http_date))
}

fn precondition_failed(condition: &str) -> S3Error {
    S3Error::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        .with("Condition", condition)
}
