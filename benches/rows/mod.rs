//! The rows of the table, one file for each kind.

pub mod listing;
pub mod signing;
pub mod small;
pub mod stream;
