//! Headers that a caller adds to an operation by their names.

use std::fmt;

use super::Request;
use crate::error::{Error, Result};

/// What operations have a method for. As a header it would pass by what reads the answer: a range that is not checked, a
/// condition that is not settled.
pub(crate) const METHODS: [(&str, &str); 3] =
    [("if-match", "if_match"), ("if-none-match", "if_none_match"), ("range", "range")];

/// Headers that a caller added to an operation. `Debug` shows their names alone: a customer's encryption key is one of them.
#[derive(Clone, Default)]
pub(crate) struct ExtraHeaders(Vec<(String, String)>);

impl ExtraHeaders {
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds them to the request of an operation that has a method for each of `methods`.
    pub fn append_to(&self, request: &mut Request, methods: &[(&str, &str)]) -> Result<()> {
        let by_methods = request.headers.len();
        for (name, value) in &self.0 {
            if request.headers[..by_methods].iter().any(|(given, _)| name.eq_ignore_ascii_case(given.as_str())) {
                return Err(Error::bad_input(format!("the header {name} is given twice, once by a method; drop one")));
            }
            if let Some((header, method)) = methods.iter().find(|(header, _)| name.eq_ignore_ascii_case(header)) {
                return Err(Error::bad_input(format!(
                    "the header {header} is set by the method {method} alone; use that"
                )));
            }
            request.append_header(name, value)?;
        }
        Ok(())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
    }

    /// Those that a look at the same object needs too: a customer's key, the bucket's expected owner, who pays.
    pub fn of_access(&self) -> Self {
        let of_access = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("x-amz-server-side-encryption-customer-")
                || matches!(&*name, "x-amz-expected-bucket-owner" | "x-amz-request-payer")
        };
        Self(self.0.iter().filter(|(name, _)| of_access(name)).cloned().collect())
    }
}

impl fmt::Debug for ExtraHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
