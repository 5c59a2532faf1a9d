//! The catalogue of faults, row by row: what goes wrong between a client and S3, and what this client makes of it.
//!
//! Each test names the numbers of the catalogue that it shows. `tests/data/faults` says of every number which test shows it,
//! for which operation it waits, or why it does not concern a client; `completeness` holds the two together. `trials` has the
//! rows of what programs found that no one wrote for this crate; `tests/data/trials.tsv` and `listed` are the same for them.
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
mod budget;
mod cancelling;
mod chance;
mod changing;
mod clocks;
mod completeness;
mod connecting;
mod consent;
mod early;
mod foreign;
mod handover;
mod input;
mod interleavings;
mod keeping;
mod keys;
mod leftovers;
mod listed;
mod listings;
mod moving;
mod observing;
mod pooling;
mod random;
mod ranges;
mod reading;
mod refusals;
mod regions;
mod reserved;
mod runtimes;
mod settling;
mod sizes;
mod sources;
mod stray;
mod throttling;
mod trailers;
mod trials;
mod turns;
mod unfinished;
mod waiting;

/// Names the rows of the catalogue that a test shows. `completeness` reads it in the source.
fn covers(_rows: &[&str]) {}
