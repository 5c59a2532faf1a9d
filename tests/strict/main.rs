//! What no server of another make can show: odd keys, lies, stalls, cuts. Against a strict server that checks every
//! signature with its own code, and misbehaves on request.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod certificates;
mod downloads;
mod keys;
mod listings;
mod manners;
mod opening;
mod resets;
mod resources;
mod stale;
mod stray;
mod timeouts;
mod tls;
mod uploads;
mod warnings;

#[path = "../support/strict/selftest/mod.rs"]
mod selftest;

use s3lite::{Store, StoreConfigBuilder};
use support::strict::{StrictConfig, StrictServer};

/// A strict server with its defaults.
async fn server() -> StrictServer {
    StrictServer::start(StrictConfig::default()).await
}

/// The configuration that leads to it. Each failure is to be seen as it is: there are no retries here but those that cost
/// nothing.
fn config(server: &StrictServer) -> StoreConfigBuilder {
    support::store::config(format!("http://{}", server.address())).set("max-retries", 0)
}

fn open(config: StoreConfigBuilder) -> Store {
    config.build().and_then(Store::new).expect("a valid configuration")
}

fn store(server: &StrictServer) -> Store {
    open(config(server))
}

/// Demands that the server found nothing wrong with any request.
fn assert_manners(server: &StrictServer) {
    for seen in server.requests() {
        let target = String::from_utf8_lossy(&seen.target);
        assert!(seen.refusal.is_none(), "{} {target}: {:?}", seen.method, seen.refusal);
    }
}
