//! Who signs: an access key id, its secret and, for temporary credentials, a session token.
//!
//! Where they may come from is decided here too, as a function of what was found: the shell reads files and environment
//! and hands over their text.

mod profile;
mod resolve;

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

pub use self::resolve::{CredentialSource, Found, resolve};

/// An access key id with its secret and, for temporary credentials, its session token.
///
/// `Debug` shows the access key id alone. The secret and the token are overwritten in memory when dropped.
#[derive(Clone)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Makes long-lived credentials. White space around either text is dropped, as files often end in a newline.
    ///
    /// # Errors
    ///
    /// An empty text, and control characters, inner blanks or non-ASCII in one. The error never shows the text.
    pub fn new(access_key_id: impl AsRef<str>, secret_access_key: impl AsRef<str>) -> Result<Self> {
        Ok(Self {
            access_key_id: checked("access key", access_key_id.as_ref())?.to_owned(),
            secret_access_key: checked("secret key", secret_access_key.as_ref())?.to_owned().into(),
            session_token: None,
        })
    }

    /// Makes temporary credentials of long-lived ones: the token is sent and signed as `x-amz-security-token`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_session_token(self, session_token: impl AsRef<str>) -> Result<Self> {
        let token = checked("session token", session_token.as_ref())?.to_owned().into();
        Ok(Self { session_token: Some(token), ..self })
    }

    /// Returns the access key id, which is no secret.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the session token of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(|token| token.as_str())
    }

    /// Says what may be wrong with credentials that a service refused.
    pub fn hint(&self) -> Option<&'static str> {
        let token = self.session_token().unwrap_or_default();
        if [self.access_key_id.as_str(), self.secret_access_key(), token].into_iter().any(is_quoted) {
            return Some("a key or token stands in quotes, which count as part of it; write it without quotes");
        }
        // AWS's temporary keys begin so (IAM User Guide, "Unique identifiers").
        let temporary = self.access_key_id.starts_with("ASIA") && self.session_token.is_none();
        temporary.then_some("an access key that begins with ASIA is temporary and needs its security-token")
    }

    pub(crate) fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// True for a text in quotes, which are a part of it in shared files and environments.
fn is_quoted(text: &str) -> bool {
    ['"', '\''].iter().any(|quote| text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote))
}

fn checked<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    check_text(text).map_err(|problem| Error::new(ErrorKind::Credentials, format!("the {what} {problem}")))
}

/// Trims a text and says what is wrong with one that can be no credential, without showing it.
pub(crate) fn check_text(text: &str) -> std::result::Result<&str, &'static str> {
    let text = text.trim_ascii();
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        None if text.is_empty() => Err("is empty"),
        None => Ok(text),
        Some(c) if c.is_control() => Err("has a control character inside, for example a line break"),
        Some(c) if c.is_whitespace() => Err("has a blank inside"),
        Some(_) => Err("has a character that is not ASCII"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_bytes_are_trimmed_or_named() {
        let credentials = Credentials::new("AKIA\r\n", " se/cr+et=\n").expect("white space is dropped");
        assert_eq!((credentials.access_key_id(), credentials.secret_access_key()), ("AKIA", "se/cr+et="));
        for (secret, problem) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("CANARY CANARY", "blank inside"),
            ("CANARY\nCANARY", "control character"),
            ("CANARYé", "not ASCII"),
        ] {
            let text = Credentials::new("AKIA", secret).expect_err("must be refused").to_string();
            assert!(text.contains("secret key") && text.contains(problem), "{text}");
            assert!(!text.contains("CANARY"), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials::new("AKIA", "CANARY").and_then(|c| c.with_session_token("CANARY"));
        let text = format!("{credentials:?}");
        assert!(text.contains("AKIA") && !text.contains("CANARY"), "{text}");
    }
}
