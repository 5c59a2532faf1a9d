//! A server that does as little as it can: what it costs would hide what the clients cost.
//!
//! It runs in a process of its own, so that the client process's CPU time and allocations are the client's alone. It
//! checks nothing: no signature, no body. It serves HTTP/1.1 on loopback with keep-alive:
//!
//! ```text
//! PUT                     takes the body, throws it away             200 with an ETag
//! GET /bucket/size/N      N bytes                                    200; HEAD the same without them
//! GET /bucket?list-type=2 a page of 1,000 keys, 100,000 in all       200
//! DELETE                                                             204
//! ```

mod connection;
mod listing;

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use tokio::net::TcpListener;
use tokio::runtime::Builder;

use self::listing::Listing;
use crate::Result;
use crate::measure::{Cores, pinned_self};

pub use self::listing::{KEYS, PAGES, TOKEN};

/// The argument that makes this program the server.
pub const NULL_SERVER: &str = "--null-server";

/// The server's process; it ends with this value.
pub struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    pub fn start(pinned: bool) -> Result<Self> {
        let mut command = match pinned_self(Cores::first).filter(|_| pinned) {
            Some(command) => command,
            None => Command::new(env::current_exe()?),
        };
        let mut process = command.arg(NULL_SERVER).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().expect("the output was asked for as a pipe");
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse::<u16>().map_err(|_| "the null server did not start")?;
        Ok(Self { process, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Waiting closes the pipe first, which ends the server.
        let _ = self.process.wait();
    }
}

/// Serves until the parent's end of the pipe closes, however the parent ends.
pub fn run() -> Result<()> {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    Builder::new_current_thread().enable_io().build()?.block_on(serve())
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let listing = Arc::new(Listing::new());
    println!("{}", listener.local_addr()?.port());
    io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let listing = listing.clone();
        // A client that hangs up is no failure of the server.
        tokio::spawn(async move { connection::serve(stream, &listing).await.ok() });
    }
}
