//! The TOML text of a configuration: any bytes.

use s3lite::{CredentialSource, ErrorKind, Reference, StoreConfig};
use toml::de::{DeTable, DeValue};

use super::address;
use super::canary::{self, CANARY};

/// No error shows a value, wherever the text breaks; what is accepted has an address and keeps its secret.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if names_canary(&text) {
        return;
    }
    let mut lookup = |reference: Reference<'_>| match reference {
        Reference::Env("SECRET") => Ok(CANARY.to_owned()),
        _ => Err("it is not there".to_owned()),
    };
    check_result(&text.parse());
    check_result(&StoreConfig::from_toml(&text, "s3", &mut lookup));
}

fn check_result(result: &s3lite::Result<StoreConfig>) {
    match result {
        Ok(config) => assert_usable(config),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Config | ErrorKind::Credentials), "{error}");
            canary::assert_kept(error);
        }
    }
}

/// What a store is made of without another check.
pub fn assert_usable(config: &StoreConfig) {
    assert!(address::is_host(config.endpoint().host()), "{:?}", config.endpoint());
    let timeouts = config.timeouts();
    let bounds = [timeouts.connect, timeouts.head, timeouts.idle, timeouts.queue];
    assert!(bounds.into_iter().chain(timeouts.operation).all(|bound| !bound.is_zero()), "{timeouts:?}");
    assert!((1..=65_535).contains(&config.max_connections()));
    assert!(config.retry_policy().max_retries <= 100);
    if let CredentialSource::Given(credentials) = config.credentials() {
        let id = credentials.access_key_id();
        let public = [id, config.bucket(), config.region().as_str(), config.endpoint().host()].concat();
        assert!(public.contains(CANARY) || !format!("{config:?}").contains(CANARY), "{config:?}");
    }
}

/// Names are shown, and must be: a mutation that makes a name of the secret is no fault of the reader.
fn names_canary(text: &str) -> bool {
    DeTable::parse(text).is_ok_and(|document| any_name(document.get_ref()))
}

fn any_name(table: &DeTable<'_>) -> bool {
    table.iter().any(|(name, value)| {
        let below = match value.get_ref() {
            DeValue::Table(table) => any_name(table),
            _ => false,
        };
        below || name.get_ref().contains(CANARY)
    })
}
