//! Connections: who may have one, where it leads, what is trusted, which are idle, and the body that one carries.

pub(super) mod address;
pub(super) mod body;
pub(super) mod connect;
pub(super) mod lease;
pub(super) mod permits;
pub(super) mod pool;
pub(super) mod resolver;
#[cfg(feature = "tls")]
pub(super) mod tls;
pub(super) mod watch;
pub(super) mod wire;
