//! Connections to the null server.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::server::unpace;

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
