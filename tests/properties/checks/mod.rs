//! One file a check: a function that takes any bytes and panics where an invariant breaks. `tests/properties` runs them
//! bounded, `fuzz/` without end.

#![allow(dead_code, reason = "each fuzz target includes this file and uses one check")]

pub mod builder;
pub mod chunks;
pub mod config;
pub mod endpoint;
pub mod etag;
pub mod headers;
pub mod list_page;
pub mod presign;
pub mod profile;
pub mod range;
pub mod resume;
pub mod retry_after;
pub mod service_error;

mod address;
mod canary;
mod dates;
mod input;
mod naive_xml;
mod percent;
