//! A failure as it is reported: what it was about, what is known of its outcome, and what an operator can do.

use super::Call;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::sign::PayloadHash;

/// Swift and others take no signed chunks, in which a reader goes over plain http.
const CHUNKS_REFUSED: &str =
    "the service takes no signed chunks: put bytes or a file, which are signed whole, or use https";

impl Call<'_> {
    pub(super) fn report(&self, error: Error) -> Error {
        let error = self.add_hints(error);
        let error =
            self.store.about(error, self.request.operation(), Some(self.request)).with_unknown_outcome(self.unknown);
        error.with_attempts(self.attempts, self.started.elapsed())
    }

    /// Adds what an operator can do about it.
    fn add_hints(&self, error: Error) -> Error {
        let credentials = self.store.inner.credentials.as_ref().and_then(Credentials::hint);
        if let Some(hint) = credentials.filter(|_| error.is_access_denied()) {
            return error.with_hint(hint);
        }
        if error.code() == Some("SignatureDoesNotMatch") {
            let host = self.address.host();
            return error.with_hint(&format!("or does a proxy rewrite the Host, which was signed as {host}?"));
        }
        let is_chunked = self.body.hash == PayloadHash::Streaming;
        if is_chunked && error.status().is_some_and(|status| status.as_u16() == 501) {
            return error.with_hint(CHUNKS_REFUSED);
        }
        error
    }
}
