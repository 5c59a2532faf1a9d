//! The clients: s3lite, and below it raw hyper, the floor that no client on hyper can get under, and hyper-util's pool.

mod body;
mod dial;
pub mod pooled_hyper;
pub mod raw_hyper;
pub mod store;
mod tls;

use std::future::Future;
use std::net::SocketAddr;

use crate::Result;
use crate::server::{CHECKSUMMED, Site};

pub use self::body::SendBody;
pub use self::tls::Roots;

/// An object of the server's.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    pub size: usize,
    /// Whether S3 has its checksum and names it in the answer, as it does of whatever was uploaded since 2024.
    pub is_checksummed: bool,
}

impl Object {
    /// What small rows put and get.
    pub const SMALL: Self = Self::of(4 << 10);

    pub const fn of(size: usize) -> Self {
        Self { size, is_checksummed: false }
    }

    pub const fn with_checksum(self) -> Self {
        Self { is_checksummed: true, ..self }
    }

    pub fn key(self) -> String {
        format!("{}/{}", if self.is_checksummed { CHECKSUMMED } else { "size" }, self.size)
    }
}

/// What a connection runs over.
#[derive(Clone, Copy, Debug)]
pub enum Over {
    Http,
    Https(Roots),
}

impl Over {
    /// Where the server takes connections of this kind.
    pub fn server(self, site: &Site) -> SocketAddr {
        match self {
            Self::Http => site.http(),
            Self::Https(_) => site.https(),
        }
    }
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Put,
    Get,
    Head,
    Delete,
}

/// Does operations on one object, one at a time.
pub trait Client: Sized + Send + 'static {
    const NAME: &'static str;

    /// Makes as many clients as there are tasks, as a program with that many tasks would.
    fn make(site: &Site, count: usize, object: Object) -> impl Future<Output = Result<Vec<Self>>>;

    /// Does one operation to its end: the last byte of the answer was read.
    fn call(&mut self, call: Call) -> impl Future<Output = Result<()>> + Send;
}
