//! What signing gives: the headers to add, or the texts that were hashed.

use std::fmt;

use http::{HeaderName, HeaderValue};

use super::key::Signature;

/// The headers to add to a request, and what a chunked body needs to go on from.
#[derive(Clone, Debug)]
pub struct SigningInstructions {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) signature: Signature,
}

impl SigningInstructions {
    /// Returns the headers to add: `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` for temporary
    /// credentials, `authorization`. Token and authorization are marked sensitive.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Takes the headers to add.
    pub fn into_headers(self) -> Vec<(HeaderName, HeaderValue)> {
        self.headers
    }

    /// Returns the signature, for example to compare it with what a server computed.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// The texts of the signing steps, for comparing them with a service's (`SignatureDoesNotMatch` answers carry its own).
#[derive(Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The canonical request. It holds every signed header, session token and SSE-C key included: never log it.
    pub canonical_request: String,
    /// The string to sign, which is safe to show.
    pub string_to_sign: String,
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explanation").field("string_to_sign", &self.string_to_sign).finish_non_exhaustive()
    }
}
