//! The catalogue of faults, row by row: what goes wrong between a client and S3, and what this client makes of it.
//!
//! Each test names the numbers of the catalogue that it shows. `tests/data/faults` says of every number which test shows it,
//! for which operation it waits, or why it does not concern a client; `completeness` holds the two together.
//!
//! Two rigs: `memory` is a network in memory under a paused clock, where an hour takes no time; the strict server over real
//! sockets is for what the kernel does itself. The two never mix: a paused clock runs ahead of a socket.

#[path = "../support/mod.rs"]
mod support;

mod line;
mod memory;
mod model;
mod rig;

mod again;
mod ambiguity;
mod answers;
mod breaking;
mod cancelling;
mod chance;
mod completeness;
mod connecting;
mod consent;
mod early;
mod foreign;
mod input;
mod keys;
mod leftovers;
mod listings;
mod moving;
mod observing;
mod pooling;
mod random;
mod reading;
mod refusals;
mod regions;
mod reserved;
mod runtimes;
mod settling;
mod sizes;
mod sources;
mod throttling;
mod trailers;
mod unfinished;
mod waiting;

/// Names the rows of the catalogue that a test shows. `completeness` reads it in the source.
fn covers(_rows: &[&str]) {}
