//! What the user wrote: the keys of one store, each with its value and where it stands.
//!
//! From TOML text or from code; the meaning is the next room's. Nothing here shows a value: TOML's own errors print the
//! line they complain about, with the secret in it.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::expand::{Lookup, expand};
use crate::error::{Error, Result};

/// The type a key's value must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Duration,
    Bool,
    Integer,
}

/// Every key of a store. Keys of the `tls` table are written with a dot here and in code.
const KEYS: [(&str, Kind); 31] = [
    ("access-key", Kind::Text),
    ("addressing", Kind::Text),
    ("allow-http", Kind::Bool),
    ("anonymous", Kind::Bool),
    ("bucket", Kind::Text),
    ("connect-timeout", Kind::Duration),
    ("endpoint", Kind::Text),
    ("expect-continue", Kind::Text),
    ("follow-region", Kind::Bool),
    ("idle-timeout", Kind::Duration),
    ("key-prefix", Kind::Text),
    ("max-connections", Kind::Integer),
    ("max-retries", Kind::Integer),
    ("operation-timeout", Kind::Duration),
    ("payload-signing", Kind::Text),
    ("profile", Kind::Text),
    ("queue-timeout", Kind::Duration),
    ("region", Kind::Text),
    ("secret-key", Kind::Text),
    ("security-token", Kind::Text),
    ("session-token", Kind::Text),
    ("strict-keys", Kind::Bool),
    ("timeout", Kind::Duration),
    ("tls.allow-invalid-certs", Kind::Bool),
    ("tls.ca-file", Kind::Text),
    ("tls.roots", Kind::Text),
    ("type", Kind::Text),
    ("use-accelerate", Kind::Bool),
    ("use-dualstack", Kind::Bool),
    ("use-fips", Kind::Bool),
    ("verify-after-write", Kind::Bool),
];

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
}

/// Where a key stands in the text; absent for a configuration made in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub line: usize,
    pub column: usize,
}

/// A key that was written, with its value and its place.
#[derive(Clone)]
pub(super) struct Setting {
    pub key: String,
    pub value: Value,
    pub position: Option<Position>,
}

/// All that was written for one store.
#[derive(Clone, Default)]
pub(super) struct Written {
    /// The store's name, for errors.
    pub store: Option<String>,
    /// Where the store begins, for errors about keys that are not there.
    pub position: Option<Position>,
    pub settings: Vec<Setting>,
}

impl Written {
    /// Reads the section of one store, or of the only S3 store there is.
    pub fn from_toml(text: &str, store: Option<&str>, lookup: &mut Lookup<'_>) -> Result<Self> {
        let document = DeTable::parse(text).map_err(|error| {
            let position = error.span().map(|span| Position::of(text, span.start));
            at(position, &format!("this is not TOML: {}", error.message()))
        })?;
        let stores = stores(text, document.get_ref())?;
        let NamedTable { name, offset, table } = choose(text, &stores, store)?;
        let position = Some(Position::of(text, offset));
        let mut written = Self { store: Some(name.to_owned()), position, settings: Vec::new() };
        written.read_table(text, "", table, lookup)?;
        Ok(written)
    }

    /// Adds a key in code.
    pub fn set(&mut self, key: &str, value: Value) {
        self.settings.push(Setting { key: key.to_owned(), value, position: None });
    }

    /// Checks the names and types of all keys; those from TOML were checked when they were read.
    pub fn check(&self) -> Result<()> {
        for Setting { key, value, position } in &self.settings {
            let kind = self.kind_of(key, *position)?;
            if !value.is(kind) {
                return Err(self.error(key, *position, &format!("must be {kind}, not {}", value.type_name())));
            }
        }
        Ok(())
    }

    /// Makes an error about a key.
    pub fn error(&self, key: &str, position: Option<Position>, problem: &str) -> Error {
        let store = self.store.as_ref().map(|name| format!("store.{name}.")).unwrap_or_default();
        at(position.or(self.position), &format!("{store}{key}: {problem}"))
    }

    fn read_table(&mut self, text: &str, prefix: &str, table: &DeTable<'_>, lookup: &mut Lookup<'_>) -> Result<()> {
        for (name, value) in table {
            let position = Some(Position::of(text, name.span().start));
            let key = format!("{prefix}{}", name.get_ref());
            if key == "tls" {
                let DeValue::Table(table) = value.get_ref() else {
                    return Err(self.error(&key, position, "must be a table, for example tls.ca-file = \"ca.pem\""));
                };
                self.read_table(text, "tls.", table, lookup)?;
                continue;
            }
            let kind = self.kind_of(&key, position)?;
            let value = self.value(&key, position, kind, value, lookup)?;
            self.settings.push(Setting { key, value, position });
        }
        Ok(())
    }

    fn value(
        &self,
        key: &str,
        position: Option<Position>,
        kind: Kind,
        value: &Spanned<DeValue<'_>>,
        lookup: &mut Lookup<'_>,
    ) -> Result<Value> {
        let value = value.get_ref();
        match (kind, value) {
            (Kind::Text | Kind::Duration, DeValue::String(text)) => {
                expand(text, lookup).map(Value::Text).map_err(|problem| self.error(key, position, &problem))
            }
            (Kind::Bool, DeValue::Boolean(value)) => Ok(Value::Bool(*value)),
            (Kind::Integer, DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                number.map(Value::Integer).map_err(|_| self.error(key, position, "the number is too large"))
            }
            _ => Err(self.error(key, position, &format!("must be {kind}, not {}", type_of(value)))),
        }
    }

    fn kind_of(&self, key: &str, position: Option<Position>) -> Result<Kind> {
        if let Some((_, kind)) = KEYS.iter().find(|(name, _)| *name == key) {
            return Ok(*kind);
        }
        // A key of the tls table may stand beside it by mistake.
        let likeness = |name: &str| distance(key, name).min(distance(key, name.trim_start_matches("tls.")));
        let nearest = KEYS.iter().map(|(name, _)| (likeness(name), *name)).min();
        let hint = match nearest {
            Some((distance, name)) if distance <= 3 => format!("; did you mean {name}?"),
            _ => String::new(),
        };
        Err(self.error(key, position, &format!("there is no such key{hint}")))
    }
}

/// A store's table, its name and where that stands.
#[derive(Clone, Copy)]
struct NamedTable<'a> {
    name: &'a str,
    offset: usize,
    table: &'a DeTable<'a>,
}

/// The stores of a document: the tables below `store`.
fn stores<'a>(text: &str, document: &'a DeTable<'a>) -> Result<Vec<NamedTable<'a>>> {
    let Some((name, stores)) = document.iter().find(|(name, _)| name.get_ref() == "store") else {
        return Err(Error::config("there is no store: write a section [store.\"s3\"] with type = \"s3\""));
    };
    let DeValue::Table(stores) = stores.get_ref() else {
        return Err(at(
            Some(Position::of(text, name.span().start)),
            "store: must be a table of stores, as in [store.\"s3\"]",
        ));
    };
    let tables = stores.iter().filter_map(|(name, value)| match value.get_ref() {
        DeValue::Table(table) => Some(NamedTable { name: name.get_ref(), offset: name.span().start, table }),
        _ => None,
    });
    Ok(tables.collect())
}

fn choose<'a>(text: &str, stores: &[NamedTable<'a>], name: Option<&str>) -> Result<NamedTable<'a>> {
    let s3 = || stores.iter().filter(|store| type_key(store.table).is_some_and(|(_, value)| value == Some("s3")));
    let names = || s3().map(|store| format!("{:?}", store.name)).collect::<Vec<_>>().join(", ");
    let Some(name) = name else {
        return match (s3().next(), s3().nth(1)) {
            (Some(only), None) => Ok(*only),
            (None, _) => Err(Error::config("there is no store with type = \"s3\"")),
            _ => Err(Error::config(format!("there are several stores with type = \"s3\": {}; name one", names()))),
        };
    };
    let Some(&found) = stores.iter().find(|store| store.name == name) else {
        return Err(Error::config(format!(
            "there is no store {name:?}; stores with type = \"s3\" here: [{}]",
            names()
        )));
    };
    match type_key(found.table) {
        Some((_, Some("s3"))) => Ok(found),
        Some((offset, _)) => {
            Err(at(Some(Position::of(text, offset)), &format!("store.{name}.type: this store is not of type \"s3\"")))
        }
        None => Err(at(Some(Position::of(text, found.offset)), &format!("store.{name}: type = \"s3\" is missing"))),
    }
}

/// The place of a store's `type` and, if it is a string, its value.
fn type_key<'a>(table: &'a DeTable<'_>) -> Option<(usize, Option<&'a str>)> {
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == "type")?;
    Some((name.span().start, value.get_ref().as_str()))
}

impl Position {
    fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

fn at(position: Option<Position>, problem: &str) -> Error {
    Error::config(match position {
        Some(Position { line, column }) => format!("line {line}, column {column}: {problem}"),
        None => problem.to_owned(),
    })
}

impl Value {
    fn is(&self, kind: Kind) -> bool {
        match self {
            Self::Text(_) => matches!(kind, Kind::Text | Kind::Duration),
            Self::Bool(_) => kind == Kind::Bool,
            Self::Integer(_) => kind == Kind::Integer,
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a string in quotes",
            Self::Duration => "a duration in quotes, for example \"30s\"",
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
        })
    }
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// How many letters to change, add or drop to make one name of the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let substitute = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
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

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(***)")
    }
}
