//! The clients: s3lite, and below it raw hyper, the floor that no client on hyper can get under, and hyper-util's pool.

pub mod pooled_hyper;
pub mod raw_hyper;
pub mod store;

use std::future::Future;
use std::net::SocketAddr;

use crate::Result;

/// The size of a small object.
pub const SMALL: usize = 4 << 10;

/// A small operation.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Put,
    Get,
    Head,
    Delete,
}

/// Does small operations, one at a time.
pub trait Client: Sized + Send + 'static {
    const NAME: &'static str;

    /// Makes as many clients as there are tasks, as a program with that many tasks would.
    fn make(server: SocketAddr, count: usize) -> impl Future<Output = Result<Vec<Self>>>;

    /// Does one operation to its end: the last byte of the answer was read.
    fn call(&mut self, call: Call) -> impl Future<Output = Result<()>> + Send;
}
