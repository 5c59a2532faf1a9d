//! The same store with another secret. It stays in memory: a copy of the file would be one of its secrets, too.

use std::path::Path;

use s3lite::{Reference, Store, StoreConfig};
use toml::de::{DeTable, DeValue};

use super::Outcome;

const WRONG: &str = "\"not-the-secret\"";

/// Opens the named store with a wrong secret; `None` if its section has none to replace.
pub fn open(path: &Path, name: &str) -> Outcome<Option<Store>> {
    let text = std::fs::read_to_string(path)?;
    let Some(text) = with_wrong_secret(&text, name)? else { return Ok(None) };
    let config = StoreConfig::from_toml(&text, name, &mut look_up)?;
    Ok(Some(Store::new(config)?))
}

/// Replaces the secret of one store, where it stands in the text, and of no other.
pub fn with_wrong_secret(text: &str, name: &str) -> Outcome<Option<String>> {
    let document = DeTable::parse(text).map_err(|_| "the store file is no TOML")?;
    let section = table(document.get_ref(), "store").and_then(|stores| table(stores, name));
    let Some(secret) = section.and_then(|section| section.get("secret-key")) else { return Ok(None) };
    let span = secret.span();
    Ok(Some([&text[..span.start], WRONG, &text[span.end..]].concat()))
}

fn table<'a>(parent: &'a DeTable<'_>, name: &str) -> Option<&'a DeTable<'a>> {
    match parent.get(name)?.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn look_up(reference: Reference<'_>) -> Result<String, String> {
    match reference {
        Reference::Env(name) => std::env::var(name).map_err(|error| format!("{name}: {error}")),
        Reference::File(path) => std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}")),
        other => Err(format!("{other:?} is not known here")),
    }
}
