//! Every reader of foreign text against thousands of inputs nobody would write: seeds of `corpus/`, mutated, and bytes by
//! chance. The checks are those of the fuzz targets in `fuzz/`; here they run bounded and seeded.
//!
//! `S3LITE_PROPERTY_INPUTS` sets how many inputs each check gets.

mod checks;
mod generator;

use std::path::Path;

use generator::Generator;

/// The same inputs in every run, so that a failure is one for everybody.
const SEED: u64 = 0x5333_6c69_7465;

/// Together below ten seconds in a debug build.
const INPUTS: usize = 3000;

/// Runs one check on its seeds as they are, then on what is made of them.
fn run(name: &str, check: fn(&[u8])) {
    let seeds = seeds(name);
    for seed in &seeds {
        check_one(name, check, seed);
    }
    let mut generator = Generator::new(SEED, seeds);
    for _ in 0..inputs() {
        check_one(name, check, &generator.next_input());
    }
}

/// A failure shows the input, in a form that goes into a test.
fn check_one(name: &str, check: fn(&[u8]), input: &[u8]) {
    let outcome = std::panic::catch_unwind(|| check(input));
    assert!(outcome.is_ok(), "{name} fails, seed {SEED:#x}, on b\"{}\"", input.escape_ascii());
}

fn inputs() -> usize {
    let asked = std::env::var("S3LITE_PROPERTY_INPUTS").ok();
    asked.map_or(INPUTS, |count| count.parse().expect("S3LITE_PROPERTY_INPUTS is a number"))
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/properties/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect()
}

/// One test a check, so that they run side by side.
macro_rules! properties {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name), checks::$name::check);
            }
        )+

        /// A check without a fuzz target, or a target without a check, is one that somebody forgot.
        #[test]
        fn every_check_is_a_fuzz_target() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
            // The published package has no fuzz targets.
            let Ok(entries) = std::fs::read_dir(folder) else { return };
            let mut targets: Vec<String> = entries
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().replace(".rs", ""))
                .collect();
            targets.sort();
            assert_eq!(targets, [$(stringify!($name)),+]);
        }
    };
}

properties! {
    builder
    chunks
    config
    endpoint
    etag
    headers
    list_page
    presign
    profile
    range
    resume
    retry_after
    service_error
}
