//! The strict server's own tests: a judge must be judged first.
//!
//! One test target includes them beside `mod support;`, so that they do not run again in each of
//! the others.

mod acts;
mod chunked;
mod client;
mod examples;
mod forms;
mod listings;
mod refusals;
mod semantics;
mod uploads;
