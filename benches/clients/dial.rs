//! Connections whose cost does not depend on luck.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::TcpStream;

/// Connects as every client does.
pub async fn dial(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connects for a stream, which no clock is to pace.
pub async fn dial_unpaced(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = dial(server).await?;
    unpace(&stream);
    Ok(stream)
}

/// Gives a socket, or all that a listener accepts, the congestion control that every Linux has. BBR, which some machines have as
/// their default, sends by a clock: on loopback a stream then takes twice the CPU time, and each connection another one.
#[cfg(target_os = "linux")]
pub fn unpace(socket: &impl AsFd) {
    // Where it cannot be set, the figures spread more.
    let _ = SockRef::from(socket).set_tcp_congestion(b"reno");
}

#[cfg(not(target_os = "linux"))]
pub fn unpace(_: &impl AsFd) {}
