//! What the user wrote: the keys of one store, each with its value and where it stands.
//!
//! From TOML text or from code; the meaning is the next room's. Nothing here shows a value: TOML's own errors print the
//! line they complain about, with the secret in it.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::expand::{Lookup, expand};
use super::keys::{KEYS, Kind, meant_by};
use super::value::Value;
use crate::error::{Error, Result};

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
    /// It came out of a reference, so what it looks like is nobody's mistake.
    pub is_looked_up: bool,
}

/// A mistake: its key, its place and what is wrong.
#[derive(Clone)]
pub(super) struct Problem {
    pub key: String,
    position: Option<Position>,
    text: String,
}

/// All that was written for one store.
#[derive(Clone, Default)]
pub(super) struct Written {
    /// The store's name, for errors.
    pub store: Option<String>,
    /// Where the store begins, for errors about keys that are not there.
    pub position: Option<Position>,
    pub settings: Vec<Setting>,
    /// What is wrong with keys and types; their meaning is another room's.
    pub problems: Vec<Problem>,
}

impl Written {
    /// Reads the section of one store, or of the only S3 store there is.
    pub fn from_toml(text: &str, store: Option<&str>, lookup: &mut Lookup<'_>) -> Result<Self> {
        let document = DeTable::parse(text).map_err(|error| {
            let position = error.span().map(|span| Position::of(text, span.start));
            at(position, &format!("this is not TOML: {}{}", error.message(), hint_of_syntax(text, position)))
        })?;
        let stores = stores(text, document.get_ref())?;
        let NamedTable { name, offset, value } = choose(text, &stores, store)?;
        let position = Some(Position::of(text, offset));
        let mut written = Self { store: Some(name.to_owned()), position, ..Self::default() };
        written.read_table(text, "", value, lookup);
        Ok(written)
    }

    /// Adds a key in code. Text will do for every type: who feeds it from the environment has nothing else.
    pub fn set(&mut self, key: &str, value: Value) {
        let kind = self.kind_of(key, None);
        let value = match (&value, kind) {
            // As in a file, an empty text is an absent key.
            (Value::Text(text), Some(Kind::Bool | Kind::Integer)) if text.trim().is_empty() => return,
            (Value::Text(text), Some(Kind::Bool)) if text.trim() == "true" => Value::Bool(true),
            (Value::Text(text), Some(Kind::Bool)) if text.trim() == "false" => Value::Bool(false),
            (Value::Text(text), Some(Kind::Integer)) => text.trim().parse().map_or(value, Value::Integer),
            _ => value,
        };
        match kind {
            Some(kind) if !value.is(kind) => {
                self.complain(key, None, format!("must be {kind}, not {}", value.type_name()));
            }
            Some(_) => self.settings.push(Setting { key: key.to_owned(), value, position: None, is_looked_up: false }),
            None => {}
        }
    }

    fn complain(&mut self, key: &str, position: Option<Position>, text: String) {
        self.problems.push(Problem { key: key.to_owned(), position, text });
    }

    /// Makes a mistake out of what is wrong with a key.
    pub fn problem(&self, key: &str, position: Option<Position>, text: &str) -> Problem {
        Problem { key: key.to_owned(), position, text: text.to_owned() }
    }

    /// Tells all mistakes at once, a line each, in the order of the file; those about keys that are not there stand where the store
    /// begins.
    pub fn error(&self, mut problems: Vec<Problem>) -> Error {
        let place = |problem: &Problem| problem.position.or(self.position).map(|place| (place.line, place.column));
        problems.sort_by_key(|problem| (place(problem), problem.position.is_some()));
        let store = self.store.as_ref().map(|name| format!("store.{name}.")).unwrap_or_default();
        let lines = problems.iter().map(|problem| {
            let position = problem.position.or(self.position);
            located(position, &format!("{store}{}: {}", problem.key, problem.text))
        });
        Error::config(lines.collect::<Vec<_>>().join("\n"))
    }

    fn read_table(&mut self, text: &str, prefix: &str, table: &DeTable<'_>, lookup: &mut Lookup<'_>) {
        for (name, value) in table {
            let position = Some(Position::of(text, name.span().start));
            let key = format!("{prefix}{}", name.get_ref());
            match value.get_ref() {
                DeValue::Table(table) if key == "tls" => self.read_table(text, "tls.", table, lookup),
                _ if key == "tls" => {
                    self.complain(&key, position, "must be a table, for example tls.ca-file = \"ca.pem\"".to_owned());
                }
                value => self.read_key(key, position, value, lookup),
            }
        }
    }

    fn read_key(&mut self, key: String, position: Option<Position>, value: &DeValue<'_>, lookup: &mut Lookup<'_>) {
        let Some(kind) = self.kind_of(&key, position) else { return };
        match read_value(kind, value, lookup) {
            Ok((value, is_looked_up)) => self.settings.push(Setting { key, value, position, is_looked_up }),
            Err(text) => self.complain(&key, position, text),
        }
    }

    /// The type of a key's value; what is no key is told.
    fn kind_of(&mut self, key: &str, position: Option<Position>) -> Option<Kind> {
        if let Some((_, kind)) = KEYS.iter().find(|(name, _)| *name == key) {
            return Some(*kind);
        }
        let hint = meant_by(key).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        self.complain(key, position, format!("there is no such key{hint}"));
        None
    }
}

/// Reads a value, and whether it came out of a reference.
fn read_value(kind: Kind, value: &DeValue<'_>, lookup: &mut Lookup<'_>) -> std::result::Result<(Value, bool), String> {
    match (kind, value) {
        (Kind::Text | Kind::Duration, DeValue::String(text)) => {
            Ok((Value::Text(expand(text, lookup)?), text.contains("%{")))
        }
        (Kind::Bool, DeValue::Boolean(value)) => Ok((Value::Bool(*value), false)),
        (Kind::Integer, DeValue::Integer(number)) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            number.map(|number| (Value::Integer(number), false)).map_err(|_| "the number is too large".to_owned())
        }
        _ => Err(format!("must be {kind}, not {}", type_of(value))),
    }
}

/// A path of Windows in double quotes has escapes that it does not mean.
fn hint_of_syntax(text: &str, position: Option<Position>) -> &'static str {
    let line = position.and_then(|position| text.lines().nth(position.line - 1)).unwrap_or_default();
    if line.contains('"') && line.contains('\\') {
        "; a backslash in double quotes begins an escape: write the text in single quotes"
    } else {
        ""
    }
}

/// What stands below `store`: a name, its place and its value.
#[derive(Clone, Copy)]
struct Named<'a, T> {
    name: &'a str,
    offset: usize,
    value: &'a T,
}

/// A store's table.
type NamedTable<'a> = Named<'a, DeTable<'a>>;

/// What stands below `store`, of whatever shape: other programs have their own things there.
fn stores<'a>(text: &str, document: &'a DeTable<'a>) -> Result<Vec<Named<'a, DeValue<'a>>>> {
    let shape = |offset: usize, problem: &str| Err(at(Some(Position::of(text, offset)), problem));
    let Some((name, stores)) = document.iter().find(|(name, _)| name.get_ref() == "store") else {
        return Err(Error::config("there is no store: write a section [store.\"s3\"] with type = \"s3\""));
    };
    let stores = match stores.get_ref() {
        DeValue::Table(stores) => stores,
        DeValue::Array(_) => {
            return shape(
                name.span().start,
                "store: is an array of tables; give each store a name, as in [store.\"s3\"]",
            );
        }
        _ => return shape(name.span().start, "store: must be a table of stores, as in [store.\"s3\"]"),
    };
    if let Some((name, _)) = stores.iter().find(|(name, value)| is_key_of_store(name.get_ref(), value.get_ref())) {
        return shape(
            name.span().start,
            "store: has the keys of a store in itself; write them below its name, as in [store.\"s3\"]",
        );
    }
    let named = |(name, value): (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)| Named {
        name: name.get_ref(),
        offset: name.span().start,
        value: value.get_ref(),
    };
    Ok(stores.iter().map(named).collect())
}

/// The table of a store; another shape is told, with the right one.
fn table<'a>(text: &str, store: &Named<'a, DeValue<'a>>) -> Result<NamedTable<'a>> {
    let name = store.name;
    let problem = match store.value {
        DeValue::Table(value) => return Ok(Named { name, offset: store.offset, value }),
        DeValue::Array(_) => format!("store.{name}: is an array, as [[store.{name}]] makes one; write [store.{name}]"),
        _ => format!("store.{name}: must be a table, as in [store.{name}]"),
    };
    Err(at(Some(Position::of(text, store.offset)), &problem))
}

/// True for what belongs into a store and stands beside the stores.
fn is_key_of_store(name: &str, value: &DeValue<'_>) -> bool {
    let is_table = matches!(value, DeValue::Table(_) | DeValue::Array(_));
    !is_table && KEYS.iter().any(|(key, _)| *key == name)
}

fn choose<'a>(text: &str, stores: &[Named<'a, DeValue<'a>>], name: Option<&str>) -> Result<NamedTable<'a>> {
    let tables = || stores.iter().filter_map(|store| table(text, store).ok());
    let s3 = || tables().filter(|store| type_key(store.value).is_some_and(|(_, value)| value == Some("s3")));
    let names = || s3().map(|store| format!("{:?}", store.name)).collect::<Vec<_>>().join(", ");
    let Some(name) = name else {
        return match (s3().next(), s3().nth(1)) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                Err(Error::config(format!("there are several stores with type = \"s3\": {}; name one", names())))
            }
            (None, _) => {
                // One of another shape may be the one that was meant.
                let shape = stores.iter().find_map(|store| table(text, store).err());
                Err(shape.unwrap_or_else(|| Error::config("there is no store with type = \"s3\"")))
            }
        };
    };
    let Some(found) = stores.iter().find(|store| store.name == name) else {
        return Err(Error::config(format!(
            "there is no store {name:?}; stores with type = \"s3\" here: [{}]",
            names()
        )));
    };
    let found = table(text, found)?;
    match type_key(found.value) {
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
    Error::config(located(position, problem))
}

fn located(position: Option<Position>, problem: &str) -> String {
    match position {
        Some(Position { line, column }) => format!("line {line}, column {column}: {problem}"),
        None => problem.to_owned(),
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
