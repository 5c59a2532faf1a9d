//! What the client asks of Tokio beside sockets: threads for what blocks, timers, a future off the hot path.

pub(super) mod blocking;
pub(super) mod rare;
pub(super) mod timer;
