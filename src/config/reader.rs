//! The keys that were written, read by name and type; what is wrong with them is gathered.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration;
use super::value::Value;
use super::written::{Position, Problem, Setting, Written};
use crate::error::{Error, Result};

/// Reads the keys that were written, by name, and gathers what is wrong with them.
pub(super) struct SettingsReader<'a> {
    pub written: &'a Written,
    pub problems: RefCell<Vec<Problem>>,
}

impl SettingsReader<'_> {
    pub fn take<T>(&self, result: Result<T>, tell: impl FnOnce(Error)) -> Option<T> {
        result.map_err(tell).ok()
    }

    /// Takes note of a mistake.
    pub fn tell(&self, key: &str, problem: impl AsRef<str>) {
        let problem = self.written.problem(key, self.position(key), problem.as_ref());
        self.problems.borrow_mut().push(problem);
    }

    /// As [`tell`](Self::tell), where there is nothing to return instead.
    pub fn fail<T>(&self, key: &str, problem: impl AsRef<str>) -> Option<T> {
        self.tell(key, problem);
        None
    }

    /// True if a mistake of a key was told: it is not missing as well.
    pub fn has_problem(&self, key: &str) -> bool {
        self.problems.borrow().iter().any(|problem| problem.key == key)
    }

    pub fn setting(&self, key: &str) -> Option<&Setting> {
        // Code may set a key twice; the last counts. TOML refuses it.
        self.written.settings.iter().rev().find(|setting| setting.key == key)
    }

    /// A text without the white space around it; an empty one is an absent key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.verbatim(key).map(str::trim_ascii).filter(|text| !text.is_empty())
    }

    /// True if a key has a value, of any type.
    pub fn is_given(&self, key: &str) -> bool {
        self.text(key).is_some() || self.setting(key).is_some_and(|setting| !matches!(setting.value, Value::Text(_)))
    }

    pub fn verbatim(&self, key: &str) -> Option<&str> {
        match &self.setting(key)?.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// As [`text`](Self::text), of a key into which people put references of other programs: `${NAME}`, `$NAME`, `%NAME%`.
    pub fn plain_text(&self, key: &str) -> Option<&str> {
        let text = self.text(key)?;
        // In code nothing is looked up, and a secret may be any text.
        let is_looked_up = self.setting(key).is_some_and(|setting| setting.is_looked_up || setting.position.is_none());
        if !is_looked_up && (is_reference_of_others(text) || key == "endpoint" && text.contains("${")) {
            return self.fail(key, "looks like a reference of a shell; write %{env:NAME}% for an environment variable");
        }
        Some(text)
    }

    pub fn flag(&self, key: &str) -> bool {
        self.flag_or(key, false)
    }

    pub fn flag_or(&self, key: &str, default: bool) -> bool {
        match self.setting(key).map(|setting| &setting.value) {
            Some(Value::Bool(value)) => *value,
            _ => default,
        }
    }

    pub fn position(&self, key: &str) -> Option<Position> {
        self.setting(key)?.position
    }

    pub fn choice<T: Copy + Default>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let Some(text) = self.text(key) else { return Some(T::default()) };
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        self.fail(key, format!("must be one of {}", names.join(", ")))
    }

    pub fn duration(&self, key: &str, default: Duration) -> Option<Duration> {
        let written = match (self.setting(key).map(|setting| &setting.value), self.text(key)) {
            (Some(Value::Duration(duration)), _) => Ok((*duration).min(duration::CENTURY)),
            (_, Some(text)) => duration::parse(text),
            (_, None) => return Some(default),
        };
        match written {
            Ok(duration) if duration.is_zero() => {
                self.fail(key, format!("cannot be zero: nothing would ever be in time; {}", duration::how_to_write()))
            }
            Ok(duration) => Some(duration),
            Err(problem) => self.fail(key, problem),
        }
    }

    /// A limit that there is only if it is written.
    pub fn optional_duration(&self, key: &str) -> Option<Option<Duration>> {
        if !self.is_given(key) { Some(None) } else { self.duration(key, Duration::ZERO).map(Some) }
    }

    pub fn size(&self, key: &str, default: u64) -> Option<u64> {
        let Some(text) = self.text(key) else { return Some(default) };
        duration::parse_size(text).map_err(|problem| self.tell(key, problem)).ok()
    }

    pub fn number(&self, key: &str, range: RangeInclusive<i64>, default: i64) -> Option<i64> {
        match self.setting(key).map(|setting| &setting.value) {
            None => Some(default),
            Some(Value::Integer(number)) if range.contains(number) => Some(*number),
            Some(_) => self.fail(key, format!("must be {} to {}", range.start(), range.end())),
        }
    }
}

/// `${NAME}`, `$NAME`, `$(command)`, `{{ name }}`, `%NAME%` and `{env:NAME}` are other programs' references.
fn is_reference_of_others(text: &str) -> bool {
    let is_name =
        |name: &str| name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let between = |start: &str, end: &str| text.contains(start) && text.ends_with(end);
    between("${", "}")
        || between("$(", ")")
        || text.starts_with("{{") && text.ends_with("}}")
        || text.starts_with("{env:")
        || text.strip_prefix('$').is_some_and(is_name)
        || text.strip_prefix('%').and_then(|text| text.strip_suffix('%')).is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A secret may begin with a dollar or a brace, so little enough is taken for a reference.
    #[test]
    fn references_of_other_programs() {
        for (text, is_one) in [
            ("${SECRET}", true),
            ("user-${NAME}", true),
            ("${NAME}-user", false),
            ("$(pass s3)", true),
            ("{{ secret }}", true),
            ("{{ secret", false),
            ("secret }}", false),
            ("{env:SECRET}", true),
            ("$S3_SECRET", true),
            ("$AB", true),
            ("$A", false),
            ("$", false),
            ("$secret", false),
            ("%S3%", true),
            ("%S%", false),
            ("%S3", false),
            ("secret", false),
        ] {
            assert_eq!(is_reference_of_others(text), is_one, "{text}");
        }
    }
}
