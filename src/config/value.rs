//! A value as TOML or code has it. It may be a secret, so `Debug` never shows it.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::keys::Kind;

/// A value of a store's key, as TOML has it.
#[derive(Clone)]
#[non_exhaustive]
pub enum Value {
    /// A string.
    Text(Zeroizing<String>),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A duration; in a file it is a string with its unit.
    Duration(Duration),
}

impl Value {
    pub(super) fn is(&self, kind: Kind) -> bool {
        match self {
            Self::Text(_) => matches!(kind, Kind::Text | Kind::Duration),
            Self::Bool(_) => kind == Kind::Bool,
            Self::Integer(_) => kind == Kind::Integer,
            Self::Duration(_) => kind == Kind::Duration,
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Duration(_) => "a duration",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned().into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Every whole number; one that is too large for the file's form is out of every key's range.
macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value {
            fn from(number: $integer) -> Self {
                Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Duration(duration)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(***)")
    }
}
