//! Status and headers of a response, as they came.

use http::{HeaderMap, StatusCode};

/// Status and headers of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers, as they came.
    pub headers: HeaderMap,
}

/// Makes one of its parts.
#[cfg(test)]
pub(crate) fn head(status: u16, headers: &[(&str, &str)]) -> ResponseHead {
    let name = |name: &str| http::HeaderName::try_from(name).expect("a name");
    let value = |value: &str| http::HeaderValue::from_str(value).expect("a value");
    let headers = headers.iter().map(|(given, text)| (name(given), value(text))).collect();
    ResponseHead { status: StatusCode::from_u16(status).expect("a status"), headers }
}
