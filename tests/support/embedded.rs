//! An S3 server inside the test process: [s3s] answers the requests, and
//! s3s-fs keeps the objects under a folder.
//!
//! It shares no code with the client, so what both agree on is not one mistake
//! made twice.
//!
//! [s3s]: https://github.com/Nugine/s3s

#![allow(dead_code, reason = "each test and example that includes this file uses a part of it")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::S3Result;
use s3s::auth::SimpleAuth;
use s3s::host::{S3Host, VirtualHost};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// A running server; dropping it closes the port and every connection.
///
/// Requests are path-style, or virtual-host style below `localhost`
/// (`Host: BUCKET.localhost`).
pub struct EmbeddedServer {
    folder: PathBuf,
    address: SocketAddr,
    scheme_and_host: &'static str,
    accepting: JoinHandle<()>,
}

impl EmbeddedServer {
    /// Serves `folder`, which must exist, on a free loopback port.
    ///
    /// Every request must be signed with the one key pair. With `tls` the port
    /// speaks HTTPS only.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or no port can be bound.
    pub async fn start(
        folder: &Path,
        access_key: &str,
        secret_key: &str,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        let service = service_over(folder, access_key, secret_key)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let scheme_and_host = match tls {
            Some(_) => "https://localhost",
            None => "http://127.0.0.1",
        };
        Ok(Self {
            folder: folder.to_owned(),
            address: listener.local_addr()?,
            scheme_and_host,
            accepting: tokio::spawn(accept(listener, service, tls.map(TlsAcceptor::from))),
        })
    }

    /// The address the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint to give a client, `http://127.0.0.1:PORT` or
    /// `https://localhost:PORT`.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.scheme_and_host, self.address.port())
    }

    /// Makes an empty bucket; one that exists is left as it is.
    ///
    /// # Errors
    ///
    /// The folder of the bucket cannot be made.
    pub fn create_bucket(&self, name: &str) -> io::Result<()> {
        std::fs::create_dir_all(self.folder.join(name))
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn service_over(folder: &Path, access_key: &str, secret_key: &str) -> io::Result<S3Service> {
    let files =
        FileSystem::new(folder).map_err(|error| io::Error::other(format!("{}: {error:?}", folder.display())))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
    builder.set_host(BelowLocalhost);
    Ok(builder.build())
}

/// Names a bucket by `BUCKET.localhost`, whatever the port. s3s does not ask
/// about a `Host` that is an IP address.
struct BelowLocalhost;

impl S3Host for BelowLocalhost {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host.split_once(':').map_or(host, |(name, _port)| name);
        Ok(match name.strip_suffix(".localhost") {
            Some(bucket) => VirtualHost::new("localhost").with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

/// Owns the connections, so that aborting this task ends them too.
async fn accept(listener: TcpListener, service: S3Service, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, service.clone(), tls.clone()));
            }
            // Most likely out of file descriptors, until a connection ends.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection until either side closes it.
///
/// A client that breaks off, or does not trust the certificate, is a case under
/// test: it is the client that reports it.
async fn serve(stream: TcpStream, service: S3Service, tls: Option<TlsAcceptor>) {
    let _ = stream.set_nodelay(true);
    let http = http1::Builder::new();
    match tls {
        None => {
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        }
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            }
        }
    }
}
