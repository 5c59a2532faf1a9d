//! The store that leads to a server of these tests.

use s3lite::{StoreConfig, StoreConfigBuilder};

/// A store at an endpoint, with the keys that its server knows.
pub fn config(endpoint: String) -> StoreConfigBuilder {
    StoreConfig::builder()
        .set("endpoint", endpoint)
        .set("region", "eu-central-1")
        .set("bucket", "bucket")
        .set("access-key", "access")
        .set("secret-key", "secret")
}
