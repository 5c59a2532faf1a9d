//! Every row of what trials by other programs found is shown by a test: `tests/data/trials.tsv` says by which.

use std::collections::{BTreeMap, BTreeSet};

use crate::completeness::{CALL, covered, function, sources, text};

/// How many rows there are with each letter, by the numbers of the first and the last.
const CHAPTERS: [(u32, u32); 4] = [(1, 9), (10, 27), (30, 36), (40, 51)];

/// The rows that have a letter, and the last one.
const LETTERS: [(u32, char); 7] = [(3, 'a'), (8, 'd'), (13, 'b'), (14, 'f'), (26, 'd'), (32, 'a'), (35, 'a')];

/// Row and tests of each line.
fn table() -> BTreeMap<String, Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in text("tests/data/trials.tsv").lines() {
        let (row, tests) = line.split_once('\t').unwrap_or_else(|| panic!("no tab in {line:?}"));
        let tests: Vec<_> = tests.split(' ').map(str::to_owned).collect();
        assert!(rows.insert(row.to_owned(), tests).is_none(), "{row} stands there twice");
    }
    rows
}

fn rows() -> BTreeSet<String> {
    let numbers = CHAPTERS.into_iter().flat_map(|(first, last)| first..=last).map(|number| format!("T{number}"));
    let letters = LETTERS.into_iter().flat_map(|(number, last)| ('a'..=last).map(move |it| format!("T{number}{it}")));
    numbers.chain(letters).collect()
}

/// True for a number of these rows, as opposed to one of the catalogue of faults.
pub fn is_row(number: &str) -> bool {
    number.starts_with('T')
}

#[test]
fn every_row_of_the_trials_has_a_test() {
    let (table, rows) = (table(), rows());
    for row in &rows {
        assert!(table.contains_key(row), "{row} has no test");
    }
    for row in table.keys() {
        assert!(rows.contains(row), "{row} is no row");
    }
    println!("trials: {} of {} rows tested", table.len(), rows.len());
}

#[test]
fn what_is_listed_for_a_row_of_the_trials_is_a_test() {
    for (row, tests) in table() {
        for test in tests {
            let (path, name) = test.split_once("::").unwrap_or_else(|| panic!("{row}: {test} is no test"));
            let source = text(path);
            let body = function(&source, name).unwrap_or_else(|| panic!("{row}: {path} has no test {name}"));
            let own = path.starts_with("tests/faults/");
            assert!(!own || covered(body).contains(&row.as_str()), "{test} does not say that it covers {row}");
        }
    }
}

#[test]
fn what_covers_a_row_of_the_trials_is_listed_for_it() {
    let table = table();
    for (path, source) in sources() {
        for call in source.match_indices(CALL).map(|(at, _)| at) {
            let rows = covered(&source[call..]);
            let count = source[call..].split(']').next().expect("a list").matches('"').count() / 2;
            let name = source[..call].rsplit("fn ").next().and_then(|rest| rest.split('(').next()).expect("a test");
            let test = format!("{path}::{name}");
            for row in rows.into_iter().take(count).filter(|row| is_row(row)) {
                let listed = table.get(row).unwrap_or_else(|| panic!("{test}: {row} is not listed"));
                assert!(listed.contains(&test), "{test} is not listed for {row}");
            }
        }
    }
}
