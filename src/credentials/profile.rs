//! The shared credentials and config files: their text in, one profile's properties out.
//!
//! The format is the SDKs' (AWS SDKs and Tools Reference Guide, "Shared config and credentials files"), as their common
//! parser tests define it: prefixes, comments, continuations, merging. The texts are never shown in errors.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// Which of the two files a text is: the config file prefixes its profiles with `profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Config,
    Credentials,
}

/// The profiles of a file, each with its properties.
pub(crate) type Profiles = BTreeMap<String, Properties>;

/// A profile's properties, some of which are secret; their names are in lower case.
type Properties = BTreeMap<String, Zeroizing<String>>;

/// Reads a file's text.
///
/// # Errors
///
/// The line, counted from 1, and what is wrong with it.
pub(crate) fn parse(kind: FileKind, text: &str) -> Result<Profiles, String> {
    let mut parser = Parser { kind, profiles: Profiles::new(), section: Section::None, property: None };
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        parser.line(line).map_err(|problem| format!("line {}: {problem}", index + 1))?;
    }
    Ok(parser.profiles)
}

/// Merges the two files' profiles: what the credentials file says of a property counts.
pub(crate) fn merge(mut config: Profiles, credentials: Profiles) -> Profiles {
    for (name, properties) in credentials {
        config.entry(name).or_default().extend(properties);
    }
    config
}

struct Parser {
    kind: FileKind,
    profiles: Profiles,
    section: Section,
    /// The property that an indented line continues.
    property: Option<Property>,
}

enum Section {
    /// Before the first header.
    None,
    /// A profile that counts.
    Profile(String),
    /// One that does not: an invalid name, a `[default]` beaten by a `[profile default]`, an SSO session.
    Ignored,
}

struct Property {
    name: String,
    /// A property whose own value is empty holds sub-properties.
    holds_sub_properties: bool,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let is_comment = line.starts_with(['#', ';']);
        if is_comment || line.trim().is_empty() {
            return Ok(());
        }
        if line.starts_with([' ', '\t']) {
            return self.continuation(line.trim());
        }
        match line.strip_prefix('[') {
            Some(header) => self.header(header),
            None => self.property(line),
        }
    }

    fn header(&mut self, header: &str) -> Result<(), String> {
        let Some((name, rest)) = header.split_once(']') else {
            return Err("Profile definition must end with ']'".to_owned());
        };
        if !matches!(rest.trim_start().chars().next(), None | Some('#' | ';')) {
            return Err("Profile definition must end with ']', and only a comment may follow".to_owned());
        }
        self.property = None;
        self.section = self.section_named(name.trim());
        if let Section::Profile(name) = &self.section {
            self.profiles.entry(name.clone()).or_default();
        }
        Ok(())
    }

    fn section_named(&mut self, header: &str) -> Section {
        let prefixed = header.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).map(str::trim);
        let name = match (self.kind, prefixed) {
            (FileKind::Config, Some(name)) => name,
            (FileKind::Config, None) if header == "default" => header,
            (FileKind::Credentials, None) => header,
            (FileKind::Config, None) | (FileKind::Credentials, Some(_)) => return Section::Ignored,
        };
        if name == "default" && self.kind == FileKind::Config && self.default_is_beaten(prefixed.is_some()) {
            return Section::Ignored;
        }
        if is_name(name) { Section::Profile(name.to_owned()) } else { Section::Ignored }
    }

    /// In a config file `[profile default]` beats `[default]`, whichever comes first.
    fn default_is_beaten(&mut self, prefixed: bool) -> bool {
        const MARK: &str = "profile default";
        if !prefixed {
            return self.profiles.contains_key(MARK);
        }
        if self.profiles.insert(MARK.to_owned(), BTreeMap::new()).is_none() {
            self.profiles.remove("default");
        }
        false
    }

    fn property(&mut self, line: &str) -> Result<(), String> {
        if matches!(self.section, Section::None) {
            return Err("Expected a profile definition".to_owned());
        }
        let line = without_comment(line);
        let Some((name, value)) = line.split_once('=') else {
            return Err("Expected an '=' sign defining a property".to_owned());
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if name.is_empty() {
            return Err("Property did not have a name".to_owned());
        }
        self.property = Some(Property { name: name.clone(), holds_sub_properties: value.is_empty() });
        if let Some(properties) = self.properties().filter(|_| is_name(&name)) {
            properties.insert(name, value.to_owned().into());
        }
        Ok(())
    }

    fn continuation(&mut self, text: &str) -> Result<(), String> {
        if matches!(self.section, Section::None) {
            return Err("Expected a profile definition, found continuation".to_owned());
        }
        let Some(property) = self.property.take() else {
            return Err("Expected a property definition, found continuation".to_owned());
        };
        if property.holds_sub_properties {
            check_sub_property(text)?;
        }
        if let Some(value) = self.properties().and_then(|properties| properties.get_mut(&property.name)) {
            value.push('\n');
            value.push_str(text);
        }
        self.property = Some(property);
        Ok(())
    }

    fn properties(&mut self) -> Option<&mut Properties> {
        match &self.section {
            Section::Profile(name) => self.profiles.get_mut(name),
            Section::None | Section::Ignored => None,
        }
    }
}

fn check_sub_property(text: &str) -> Result<(), String> {
    match text.split_once('=') {
        None => Err("Expected an '=' sign defining a sub-property".to_owned()),
        Some((name, _)) if name.trim().is_empty() => Err("Sub-property did not have a name".to_owned()),
        Some(_) => Ok(()),
    }
}

/// A comment in a property's line starts after white space; a `#` or `;` inside a value belongs to it.
fn without_comment(line: &str) -> &str {
    let starts = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| line.find(mark));
    starts.min().map_or(line, |start| &line[..start])
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-/.%@_:+".contains(&b))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The SDKs' own cases; see `tests/data/README.md` for their origin.
    const CASES: &str = include_str!("../../tests/data/profile-parser-tests.json");
    const COUNT: usize = 65;

    #[test]
    fn official_cases() {
        let suite: Value = serde_json::from_str(CASES).expect("the suite is JSON");
        let cases = suite["tests"].as_array().expect("a list of cases");
        assert_eq!(cases.len(), COUNT);
        let failures: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
        assert!(failures.is_empty(), "{} of {COUNT} fail:\n{}", failures.len(), failures.join("\n"));
    }

    fn plain(profiles: &Profiles) -> Value {
        let plain = |properties: &Properties| -> BTreeMap<String, String> {
            properties.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
        };
        profiles.iter().map(|(name, properties)| (name.clone(), serde_json::json!(plain(properties)))).collect()
    }

    fn check(case: &Value) -> Result<(), String> {
        let read = |name: &str, kind| parse(kind, case["input"][name].as_str().unwrap_or_default());
        let merged = read("configFile", FileKind::Config).and_then(|config| {
            let mut merged = merge(config, read("credentialsFile", FileKind::Credentials)?);
            merged.remove("profile default");
            Ok(merged)
        });
        let (name, output) = (&case["name"], &case["output"]);
        let fits = match (&merged, output["errorContaining"].as_str()) {
            (Err(problem), Some(expected)) => problem.contains(expected),
            (Ok(profiles), None) => plain(profiles) == output["config"]["profiles"],
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("{name}: expected {output}, got {merged:?}")) }
    }
}
