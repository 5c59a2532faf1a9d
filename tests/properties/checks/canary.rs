//! A secret that must not come out again, and everything an error can be made to say.

use std::error::Error as StdError;

/// What the secrets of the seeds are.
pub const CANARY: &str = "CANARY";

/// Everything an error says, in every form, down to its last cause.
pub fn all_words(error: &s3lite::Error) -> String {
    let mut words = format!("{error:?} {error:#?}");
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(error) = cause {
        words += &format!(" {error} {error:?}");
        cause = error.source();
    }
    words
}

/// Demands that an error keeps the secret.
pub fn assert_kept(error: &s3lite::Error) {
    let words = all_words(error);
    assert!(!words.contains(CANARY), "an error shows a secret: {words}");
}
