//! Every number of the catalogue is shown by a test, waits for an operation, or does not concern a client.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::listed as trials;

/// The catalogue's chapters and how many rows each has.
const CHAPTERS: [(char, u32); 7] = [('N', 36), ('H', 40), ('S', 50), ('C', 19), ('I', 30), ('R', 24), ('X', 28)];

/// What a number may wait for.
const AWAITED: [&str; 7] =
    ["multipart", "copy", "batch delete", "refreshed credentials", "command line", "parallel download", "tagging"];

pub fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Number and reason of each line.
fn table(name: &str) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for line in text(&format!("tests/data/faults/{name}.tsv")).lines() {
        let (number, reason) = line.split_once('\t').unwrap_or_else(|| panic!("{name}: no tab in {line:?}"));
        assert!(!reason.trim().is_empty(), "{name}: {number} has no reason");
        assert!(rows.insert(number.to_owned(), reason.to_owned()).is_none(), "{name}: {number} stands there twice");
    }
    rows
}

#[test]
fn every_row_has_its_place() {
    let (tested, waiting, not_ours) = (table("tested"), table("waiting"), table("not-ours"));
    let mut known = 0;
    for (chapter, count) in CHAPTERS {
        for number in (1..=count).map(|row| format!("{chapter}{row}")) {
            let places = [&tested, &waiting, &not_ours].iter().filter(|table| table.contains_key(&number)).count();
            assert_eq!(places, 1, "{number} is in {places} of the three tables");
            known += 1;
        }
    }
    println!("faults: {} tested, {} waiting, {} not ours", tested.len(), waiting.len(), not_ours.len());
    assert_eq!(tested.len() + waiting.len() + not_ours.len(), known, "a number that the catalogue does not have");
}

#[test]
fn what_is_listed_as_tested_is_tested() {
    for (number, tests) in table("tested") {
        for test in tests.split(' ') {
            let (path, name) = test.split_once("::").unwrap_or_else(|| panic!("{number}: {test} is no test"));
            let source = text(path);
            let body = function(&source, name).unwrap_or_else(|| panic!("{number}: {path} has no test {name}"));
            let own = path.starts_with("tests/faults/");
            assert!(!own || covered(body).contains(&number.as_str()), "{test} does not say that it covers {number}");
        }
    }
}

#[test]
fn what_a_test_covers_is_listed() {
    let tested = table("tested");
    for (path, source) in sources() {
        for number in covered(&source).into_iter().filter(|number| !trials::is_row(number)) {
            assert!(tested.contains_key(number), "{path}: {number} is not listed as tested");
        }
    }
}

#[test]
fn what_waits_waits_for_something() {
    for (number, reason) in table("waiting") {
        assert!(AWAITED.iter().any(|awaited| reason.starts_with(awaited)), "{number} waits for {reason:?}");
    }
}

/// Path and text of every file of this suite.
pub fn sources() -> Vec<(String, String)> {
    sources_below("tests/faults")
}

fn sources_below(folder: &str) -> Vec<(String, String)> {
    let mut folders = vec![folder.to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder)).expect("the suite's folder")
        {
            let entry = entry.expect("an entry");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => folders.push(path),
                false => sources.push((path.clone(), text(&path))),
            }
        }
    }
    sources
}

/// A test under a paused clock alone says why it has no twin over real sockets, in every kind of runtime.
#[test]
fn what_has_no_twin_says_why() {
    let listed = table("paused");
    let mut paused = BTreeSet::new();
    for (path, source) in sources() {
        for rest in source.split(concat!("start_paused", " = true)]")).skip(1) {
            let Some((name, _)) = rest.split_once("async fn ").and_then(|(_, rest)| rest.split_once('(')) else {
                continue;
            };
            paused.insert(format!("{path}::{name}"));
        }
    }
    let gone: Vec<_> = listed.keys().filter(|test| !paused.contains(*test)).collect();
    assert!(gone.is_empty(), "listed, and not under a paused clock alone: {gone:?}");
    let unlisted: Vec<_> = paused.iter().filter(|test| !listed.contains_key(*test)).collect();
    assert!(unlisted.is_empty(), "without a twin, and without a reason: {unlisted:?}");
}

/// An attribute that makes a runtime makes one of one kind alone.
#[test]
fn no_test_of_the_client_runs_in_one_kind_of_runtime() {
    let attributes = [concat!("#[tokio::", "test]"), concat!("#[tokio::", "test(flavor")];
    for (path, source) in ["tests/faults", "tests/strict", "tests/system"].into_iter().flat_map(sources_below) {
        let found = attributes.into_iter().find(|attribute| source.contains(attribute));
        assert_eq!(found, None, "{path}");
    }
}

/// A test's text, from its name to the end of its block.
pub fn function<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let start = source.find(&format!("fn {name}("))?;
    let end = source[start..].find("\n}").map_or(source.len(), |end| start + end);
    Some(&source[start..end])
}

/// How a test begins to name its rows; in two parts, so that this file has none itself.
pub const CALL: &str = concat!("covers(", "&[");

/// The numbers in its calls of `covers`.
pub fn covered(source: &str) -> Vec<&str> {
    let calls = source.split(CALL).skip(1).filter_map(|rest| rest.split(']').next());
    calls.flat_map(|numbers| numbers.split('"').skip(1).step_by(2)).collect()
}
