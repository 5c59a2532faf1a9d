//! A configuration made in code: any keys, any values, one pair a line.

use s3lite::{ErrorKind, StoreConfig, StoreConfigBuilder};

use super::canary::{self, CANARY};
use super::config;
use super::input::Input;

/// As for a file: no error shows a value, and neither does the builder.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut builder = StoreConfig::builder();
    while let Some((key, value)) = input.pair() {
        if key.contains(CANARY) {
            return;
        }
        builder = set(builder, &key, &value);
    }
    assert!(!format!("{builder:?}{builder:#?}").contains(CANARY));
    match builder.build() {
        Ok(config) => config::assert_usable(&config),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Config | ErrorKind::Credentials), "{error}");
            canary::assert_kept(&error);
        }
    }
}

/// A value has the type that it looks like.
fn set(builder: StoreConfigBuilder, key: &str, value: &str) -> StoreConfigBuilder {
    match (value, value.parse::<i64>()) {
        ("true" | "false", _) => builder.set(key, value == "true"),
        (_, Ok(number)) => builder.set(key, number),
        _ => builder.set(key, value),
    }
}
