//! An error in words: its own level for an operator, the cause as its source.

use std::error::Error as StdError;
use std::fmt;

use super::{Error, Inner};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, bucket, key, .. } = &*self.0;
        match (operation, key) {
            (Some(operation), Some(key)) => write!(f, "{operation} {key:?}")?,
            (Some(operation), None) => write!(f, "{operation}")?,
            (None, _) => {}
        }
        if let (Some(_), Some(bucket)) = (operation, bucket) {
            write!(f, " in bucket {bucket:?}: ")?;
        }
        f.write_str(&self.0.message)?;
        self.fmt_answer(f)?;
        if self.0.outcome_unknown {
            f.write_str("; whether it took effect is not known")?;
        }
        self.fmt_effort(f)
    }
}

impl Error {
    /// `: 403 AccessDenied: Access Denied. (request id 4442587FB7D0A2F9)`, as far as it is known.
    fn fmt_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(status), Some(service)) = (self.status(), &self.0.service) else { return Ok(()) };
        write!(f, ": {}", status.as_u16())?;
        if !service.code.is_empty() {
            write!(f, " {}", service.code)?;
        } else if let Some(reason) = status.canonical_reason() {
            write!(f, " {reason}")?;
        }
        if !service.message.is_empty() {
            write!(f, ": {}", service.message)?;
        }
        if let Some(id) = &service.request_id {
            write!(f, " (request id {id})")?;
        }
        Ok(())
    }

    fn fmt_effort(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.attempts, self.0.elapsed) {
            (attempts @ 2.., Some(elapsed)) => {
                write!(f, " [{attempts} attempts in {:.1} s]", elapsed.as_secs_f64())
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("message", &self.to_string())
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
