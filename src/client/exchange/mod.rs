//! One request and the head of its response over one connection, each phase bounded; the body of the response as it comes.

pub(super) mod failure;
pub(super) mod incoming;
pub(super) mod transport;
pub(super) mod watchdog;
