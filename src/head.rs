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
