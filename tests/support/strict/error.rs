//! An S3 error: the refusal of a request, with the reason, and the answer made of it.

use super::response::RawResponse;
use super::xml::element;

/// Why a request is refused, in S3's terms. The message states precisely what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Error {
    /// HTTP status of the answer.
    pub status: u16,
    /// S3's error code, such as `NoSuchKey`.
    pub code: &'static str,
    /// The precise reason.
    pub message: String,
    /// Further elements of the error document, such as `Region`.
    pub details: Vec<(&'static str, String)>,
}

impl S3Error {
    /// An error without further elements.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new() }
    }

    /// Adds one further element to the error document.
    pub fn with(mut self, element: &'static str, text: impl Into<String>) -> Self {
        self.details.push((element, text.into()));
        self
    }

    /// What a request that cannot be taken seriously gets.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    /// What is signed is not what was sent.
    pub fn signature_mismatch(message: impl Into<String>) -> Self {
        Self::new(403, "SignatureDoesNotMatch", message)
    }

    /// A function S3 may have and this model has not.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(501, "NotImplemented", message)
    }

    /// One line for the log of requests.
    pub fn reason(&self) -> String {
        format!("{}: {}", self.code, self.message)
    }

    /// The error document as an answer; the ids are those of the answer's headers.
    pub fn into_response(self, request_id: &str, host_id: &str) -> RawResponse {
        let mut inner = element("Code", self.code) + &element("Message", &self.message);
        for (name, text) in &self.details {
            inner += &element(name, text);
        }
        inner += &element("RequestId", request_id);
        inner += &element("HostId", host_id);
        let document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>{inner}</Error>");
        RawResponse::new(self.status).with("Content-Type", "application/xml").with_body(document)
    }
}
