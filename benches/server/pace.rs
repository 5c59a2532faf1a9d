//! What a stream costs is not to depend on who paces it.

use std::os::fd::AsFd;

#[cfg(target_os = "linux")]
use socket2::SockRef;

/// Gives a socket, or all that a listener accepts, the congestion control that every Linux has. BBR, which some machines have as
/// their default, sends by a clock: on loopback a stream then takes twice the CPU time, and each connection another one.
#[cfg(target_os = "linux")]
pub fn unpace(socket: &impl AsFd) {
    // Where it cannot be set, the figures spread more.
    let _ = SockRef::from(socket).set_tcp_congestion(b"reno");
}

#[cfg(not(target_os = "linux"))]
pub fn unpace(_: &impl AsFd) {}
