//! A server that does as little as it can: what it costs would hide what the clients cost.
//!
//! It runs in a process of its own, so that the client process's CPU time and allocations are the client's alone. It
//! checks nothing: no signature, no body. It serves HTTP/1.1 on loopback with keep-alive, on one port plain and on another
//! over TLS:
//!
//! ```text
//! PUT                     takes the body, throws it away             200 with an ETag
//! GET /bucket/size/N      N bytes                                    200; HEAD the same without them
//! GET /bucket/crc64nvme/N the same, and their checksum in the head   200; HEAD the same without them
//! GET /bucket?list-type=2 a page of 1,000 keys, 100,000 in all       200
//! DELETE                                                             204
//! ```

mod certificate;
mod checksum;
mod connection;
mod listing;
mod pace;
mod site;

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

use self::listing::Listing;
use crate::Result;
use crate::measure::{Cores, pinned_self};

pub use self::checksum::CHECKSUMMED;
pub use self::listing::{KEYS, PAGES, TOKEN};
pub use self::pace::unpace;
pub use self::site::Site;

/// The argument that makes this program the server; the file for its certificate follows.
pub const NULL_SERVER: &str = "--null-server";

/// The server's process; it ends with this value.
pub struct Server {
    process: Child,
    site: Site,
}

impl Server {
    pub fn start(pinned: bool) -> Result<Self> {
        let mut command = match pinned_self(Cores::first).filter(|_| pinned) {
            Some(command) => command,
            None => Command::new(env::current_exe()?),
        };
        let authority = env::temp_dir().join(format!("s3lite-bench-{}.pem", std::process::id()));
        command.arg(NULL_SERVER).arg(&authority);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().expect("the output was asked for as a pipe");
        BufReader::new(output).read_line(&mut line)?;
        let mut ports = line.split_ascii_whitespace().map(str::parse::<u16>);
        let (Some(Ok(http)), Some(Ok(https))) = (ports.next(), ports.next()) else {
            return Err("the null server did not start".into());
        };
        Ok(Self { process, site: Site { http, https, authority } })
    }

    pub fn site(&self) -> Site {
        self.site.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Waiting closes the pipe first, which ends the server.
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.site.authority);
    }
}

/// Serves until the parent's end of the pipe closes, however the parent ends.
pub fn run(authority: &Path) -> Result<()> {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let (certificate, acceptor) = certificate::made()?;
    fs::write(authority, certificate)?;
    Builder::new_current_thread().enable_io().build()?.block_on(serve(acceptor))
}

async fn serve(acceptor: TlsAcceptor) -> Result<()> {
    let plain = TcpListener::bind(("127.0.0.1", 0)).await?;
    let encrypted = TcpListener::bind(("127.0.0.1", 0)).await?;
    unpace(&plain);
    unpace(&encrypted);
    let listing = Arc::new(Listing::new());
    println!("{} {}", plain.local_addr()?.port(), encrypted.local_addr()?.port());
    io::stdout().flush()?;
    tokio::try_join!(accept(plain, None, &listing), accept(encrypted, Some(acceptor), &listing))?;
    Ok(())
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, listing: &Arc<Listing>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A client that hangs up is no failure of the server.
        tokio::spawn(greet(stream, acceptor.clone(), listing.clone()));
    }
}

async fn greet(stream: TcpStream, acceptor: Option<TlsAcceptor>, listing: Arc<Listing>) -> io::Result<()> {
    match acceptor {
        Some(acceptor) => connection::serve(acceptor.accept(stream).await?, &listing).await,
        None => connection::serve(stream, &listing).await,
    }
}
