//! What is asked of the operating system, and what becomes of its refusals: bytes that are forced to the disk, names that are
//! taken, names with several addresses, files that fail in their middle.
//!
//! Some functions of the C library have their place taken in this program, see `calls`. That works as it does here on Linux
//! with the GNU C library, so elsewhere there is nothing to test.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

#[path = "../support/mod.rs"]
mod support;

mod calls;

mod addresses;
mod files;
mod roots;
mod sources;

use s3lite::StoreConfigBuilder;
use support::strict::{StrictConfig, StrictServer};

/// A strict server with its defaults.
async fn server() -> StrictServer {
    StrictServer::start(StrictConfig::default()).await
}

/// The configuration that leads to it.
fn config(server: &StrictServer) -> StoreConfigBuilder {
    support::store::config(format!("http://{}", server.address()))
}

/// Names the rows of what was found that a test shows.
fn covers(_rows: &[&str]) {}
