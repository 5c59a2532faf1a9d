//! The rows of the table, one file for each kind.

pub mod cold;
pub mod instructions;
mod lazy_file;
pub mod listing;
pub mod memory;
pub mod signing;
pub mod small;
pub mod stream;
pub mod throughput;
