//! What the tests stand on: servers of another make, a certificate authority, a plain HTTP client.

#![allow(dead_code, reason = "each test that includes this file uses a part of it")]

pub mod authority;
pub mod embedded;
pub mod folder;
pub mod pieces;
pub mod plain;
pub mod request;
pub mod runtimes;
pub mod store;
pub mod strict;
