//! What a service says when it refuses: S3's `<Error>` document and headers in, a kind and words for an operator out.

use http::StatusCode;
use http::header::CONTENT_RANGE;

use super::recognise::{Marks, foreign, is_own_not_found};
use super::{ResponseHead, digits};
use crate::error::{Error, ErrorKind, Phase, ServiceError, printable};
use crate::xml::Document;

/// Reads an error answer: what the service said, and of what kind that is.
///
/// `signed_for` is the region the request was signed for; a HEAD's 400 says only by a header that it is the wrong one.
pub(crate) fn service_error(head: &ResponseHead, body: &[u8], signed_for: &str) -> Error {
    service_error_of(head, body, signed_for, Marks::Unknown)
}

/// As [`service_error`], of a service that has shown so much of itself before.
pub(crate) fn service_error_of(head: &ResponseHead, body: &[u8], signed_for: &str, known: Marks) -> Error {
    let mut service = service_error_document(body).unwrap_or_else(|| foreign_document(body));
    add_headers(&mut service, head);
    let is_foreign = service.code.is_empty() && !is_own_not_found(head, body, known);
    if is_foreign && head.status == StatusCode::NOT_FOUND {
        // A proxy's page says nothing of the object: taken for a missing one, it would make a deletion succeed.
        return foreign().with_answer(head.clone(), service);
    }
    let kind = kind_of(head.status, &service, signed_for);
    Error::new(kind, meaning(kind, head.status, &service)).with_answer(head.clone(), service)
}

/// Adds what the headers say: a HEAD has no body.
fn add_headers(service: &mut ServiceError, head: &ResponseHead) {
    let from_header = |name: &str| head.header(name).map(printable);
    if service.code.is_empty() {
        // These are where servers put the code then.
        let code = from_header("x-amz-error-code").or_else(|| from_header("x-minio-error-code"));
        service.code = code.unwrap_or_default();
    }
    service.request_id = from_header("x-amz-request-id").or(service.request_id.take());
    service.host_id = from_header("x-amz-id-2").or(service.host_id.take());
    if service.region.is_none() {
        service.region = region_in_message(service).or_else(|| from_header("x-amz-bucket-region"));
    }
    if service.actual_object_size.is_none() {
        let unsatisfied = head.header(CONTENT_RANGE).and_then(|range| range.strip_prefix("bytes */"));
        service.actual_object_size = unsatisfied.and_then(digits);
    }
    if head.status.is_redirection() {
        service.location = from_header("location").map(|location| without_signature(&location).to_owned());
    }
}

/// Drops the query of a presigned URL.
fn without_signature(url: &str) -> &str {
    let Some((before, query)) = url.split_once('?') else { return url };
    let query = query.to_ascii_lowercase();
    if ["x-amz-", "signature", "token"].iter().any(|mark| query.contains(mark)) { before } else { url }
}

/// Reads S3's `<Error>` document; `None` if the body is not one. Some services have it in an envelope, as other services of AWS do.
pub(crate) fn service_error_document(body: &[u8]) -> Option<ServiceError> {
    // A message in another encoding is no reason to miss the code.
    let body = String::from_utf8_lossy(body);
    let mut document = Document::open(body.as_bytes()).ok()?;
    let envelope: &[&str] = match document.root() {
        "Error" => &[],
        "Response" => &["Errors", "Error"],
        "ErrorResponse" | "Errors" => &["Error"],
        _ => return None,
    };
    for name in envelope {
        enter(&mut document, name)?;
    }
    let mut service = ServiceError::default();
    // A truncated document is read as far as it goes: the code comes first.
    while let Ok(Some(field)) = document.field() {
        let text = printable(&field.text);
        match &*field.name {
            "Code" => service.code = text,
            "Message" => service.message = text,
            "RequestId" => service.request_id = Some(text),
            "HostId" => service.host_id = Some(text),
            "Region" => service.region = Some(text),
            "Endpoint" => service.endpoint = Some(text),
            "ActualObjectSize" => service.actual_object_size = digits(&text),
            _ => {}
        }
    }
    if !envelope.is_empty() {
        if service.code.is_empty() {
            return None;
        }
        service.request_id = service.request_id.or(request_id_behind(&mut document, envelope.len()));
    }
    Some(service)
}

/// Reads the request id that follows an error in its envelope, so many elements further out at most.
fn request_id_behind(document: &mut Document<'_>, mut depth: usize) -> Option<String> {
    while depth > 0 {
        match document.field().ok()? {
            Some(field) if field.name.eq_ignore_ascii_case("RequestId") => return Some(printable(&field.text)),
            Some(_) => {}
            None => depth -= 1,
        }
    }
    None
}

/// Enters the next child of a name; others are passed over.
fn enter(document: &mut Document<'_>, name: &str) -> Option<()> {
    while let Some(child) = document.child().ok()? {
        if child.name() == name {
            return Some(());
        }
        document.skip().ok()?;
    }
    None
}

/// Keeps the beginning of an answer that S3 did not write, for the operator to recognise who did.
fn foreign_document(body: &[u8]) -> ServiceError {
    let text = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let message = if text.trim().is_empty() { String::new() } else { format!("not S3's answer: {}", printable(&text)) };
    ServiceError { message, ..ServiceError::default() }
}

/// AWS and others name the right region in words: `… is wrong; expecting 'eu-central-1'`.
fn region_in_message(service: &ServiceError) -> Option<String> {
    if service.code != "AuthorizationHeaderMalformed" {
        return None;
    }
    let (_, rest) = service.message.split_once("expecting '")?;
    rest.split_once('\'').map(|(region, _)| region.to_owned())
}

fn kind_of(status: StatusCode, service: &ServiceError, signed_for: &str) -> ErrorKind {
    kind_of_code(&service.code, service).unwrap_or_else(|| kind_of_status(status, service, signed_for))
}

/// S3's error codes (S3 API reference, "Error responses"); those not named here count by their status.
fn kind_of_code(code: &str, service: &ServiceError) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchBucket" => ErrorKind::NoSuchBucket,
        "NoSuchKey" | "NoSuchVersion" | "NoSuchUpload" => ErrorKind::NotFound,
        "AccessDenied" | "AllAccessDisabled" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" => {
            ErrorKind::AccessDenied
        }
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => ErrorKind::Credentials,
        "RequestTimeTooSkewed" => ErrorKind::ClockSkew,
        "AuthorizationHeaderMalformed" if service.region.is_some() => ErrorKind::WrongRegion,
        "PermanentRedirect" | "IncorrectEndpoint" => ErrorKind::WrongRegion,
        // Archived, not forbidden.
        "InvalidObjectState" => ErrorKind::Other,
        "PreconditionFailed" => ErrorKind::Precondition,
        "ConditionalRequestConflict" | "OperationAborted" => ErrorKind::Conflict,
        "InvalidRange" => ErrorKind::InvalidRange,
        "BadDigest"
        | "IncompleteBody"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch" => ErrorKind::Integrity,
        "RequestTimeout" => ErrorKind::Timeout(Phase::Server),
        "SlowDown"
        | "ServiceUnavailable"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "Throttling"
        | "ThrottlingException" => ErrorKind::Throttled,
        "InternalError" => ErrorKind::Server,
        "NotImplemented" | "MethodNotAllowed" => ErrorKind::Unsupported,
        // A full store is no wrong key.
        "QuotaExceeded"
        | "QuotaExceededException"
        | "XMinioAdminBucketQuotaExceeded"
        | "BucketQuotaExceeded"
        | "UserQuotaExceeded"
        | "AccountQuotaExceeded"
        | "StorageQuotaExceeded"
        | "XMinioStorageFull"
        | "InsufficientStorage"
        | "InsufficientStorageSpace"
        | "StorageFull"
        | "NoSpaceLeft"
        | "EntityTooLargeForQuota"
        | "ExceedsQuota"
        | "ServiceQuotaExceededException" => ErrorKind::QuotaExceeded,
        _ if code.to_ascii_lowercase().contains("quotaexceeded") => ErrorKind::QuotaExceeded,
        _ => return None,
    })
}

fn kind_of_status(status: StatusCode, service: &ServiceError, signed_for: &str) -> ErrorKind {
    let elsewhere = service.region.as_deref().is_some_and(|region| region != signed_for);
    match status.as_u16() {
        100..=199 => ErrorKind::Protocol,
        304 => ErrorKind::NotModified,
        301 | 307 | 308 | 400 if elsewhere => ErrorKind::WrongRegion,
        300..=399 => ErrorKind::Redirect,
        401 | 403 => ErrorKind::AccessDenied,
        404 => ErrorKind::NotFound,
        408 => ErrorKind::Timeout(Phase::Server),
        409 => ErrorKind::Conflict,
        412 => ErrorKind::Precondition,
        416 => ErrorKind::InvalidRange,
        405 | 411 | 501 => ErrorKind::Unsupported,
        429 | 503 | 509 => ErrorKind::Throttled,
        507 => ErrorKind::QuotaExceeded,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Other,
    }
}

/// What a kind means to the operator; the service's own words follow it.
fn meaning(kind: ErrorKind, status: StatusCode, service: &ServiceError) -> String {
    let text = match (kind, service.code.as_str()) {
        (_, "InvalidAccessKeyId") => "the service does not know the access key",
        (_, "SignatureDoesNotMatch") => "the signature does not match; is the secret key right?",
        (_, "ExpiredToken") => "the temporary credentials have expired",
        (ErrorKind::NotFound, "NoSuchKey") => "there is no such object",
        (ErrorKind::NotFound, "NoSuchUpload") => "there is no such multipart upload",
        (ErrorKind::NotFound, _) => "not found",
        (ErrorKind::NoSuchBucket, _) => "there is no such bucket",
        (ErrorKind::AccessDenied, _) => "the service refused access",
        (ErrorKind::Credentials, _) => "the service does not accept the credentials",
        (ErrorKind::ClockSkew, _) => "the clock of this host differs too much from the service's",
        (ErrorKind::WrongRegion, _) => return wrong_region(service),
        (ErrorKind::Redirect, _) => return redirect(service),
        (ErrorKind::NotModified, _) => "the object has not changed",
        (ErrorKind::Precondition, _) => "the condition does not hold",
        (ErrorKind::Conflict, "ConditionalRequestConflict" | "OperationAborted") => "another request is in the way",
        (ErrorKind::Conflict, "BucketNotEmpty") => "the bucket is not empty",
        (ErrorKind::Conflict, "BucketAlreadyExists" | "BucketAlreadyOwnedByYou") => "there is such a bucket already",
        (ErrorKind::Conflict, "InvalidBucketState") => "the bucket is in a state that does not allow it",
        (ErrorKind::Conflict, _) => {
            "the request does not fit the state in which the service has the bucket or the object"
        }
        (ErrorKind::QuotaExceeded, _) => "the store is full: its quota is used up",
        (ErrorKind::InvalidRange, _) => "the range lies outside the object",
        (ErrorKind::Throttled, _) => "the service asks for fewer requests",
        (ErrorKind::Server, _) => "the service failed",
        (ErrorKind::Unsupported, _) => "the service does not offer this",
        (ErrorKind::Integrity, _) => "the bytes that arrived are not those that were announced",
        (ErrorKind::Timeout(_), _) => "the service gave up waiting for the request",
        _ if status == StatusCode::PAYLOAD_TOO_LARGE && service.code.is_empty() => {
            "a proxy or gateway on the way takes no body so large; raise its limit (nginx: client_max_body_size)"
        }
        _ => "the service refused the request",
    };
    text.to_owned()
}

fn redirect(service: &ServiceError) -> String {
    let location = service.location.as_ref().map(|location| format!(" to {location}")).unwrap_or_default();
    format!("the service redirects{location}, which is not followed; is the endpoint right?")
}

fn wrong_region(service: &ServiceError) -> String {
    match (&service.region, &service.endpoint) {
        (Some(region), _) => format!("the bucket is in another region: set region = {region:?}"),
        (None, Some(endpoint)) => format!("the bucket is elsewhere: the service names the endpoint {endpoint:?}"),
        (None, None) => "the bucket is in another region, which the service does not name".to_owned(),
    }
}
