//! A plain HTTP client that knows nothing of S3, for presigned URLs: one request, one connection, raw bytes.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Status and body of an answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Sends a request for a URL; `ca` is the PEM of whom to trust for https.
pub async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8], ca: Option<&str>) -> Answer {
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let (host, _) = rest.split_once('/').expect("a path");
    let target = &rest[host.len()..];
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if method == "PUT" {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    let default_port = if scheme == "https" { "443" } else { "80" };
    let (name, port) = match host.rsplit_once(':') {
        // Of an address of IPv6, the last colon is one of its own unless it stands behind the bracket.
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, default_port),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, port.parse().expect("a port"))).await.expect("a connection");
    let request = [head.as_bytes(), body].concat();
    match scheme {
        "https" => exchange(tls(stream, name, ca.expect("whom to trust")).await, &request).await,
        _ => exchange(stream, &request).await,
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Answer {
    stream.write_all(request).await.expect("the request is taken");
    let mut raw = Vec::new();
    // A server may end TLS without a close_notify once the answer is complete.
    let _ = stream.read_to_end(&mut raw).await;
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n").expect("the head of an answer");
    let head = String::from_utf8_lossy(&raw[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let body = raw[end + 4..].to_vec();
    Answer { status, body: if head.contains("transfer-encoding: chunked") { unchunked(&body) } else { body } }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|window| window == b"\r\n").expect("a chunk's size");
        let size = std::str::from_utf8(&body[..end]).expect("hexadecimal digits");
        let size = usize::from_str_radix(size.trim(), 16).expect("hexadecimal digits");
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
}

async fn tls(stream: TcpStream, name: &str, ca: &str) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate.expect("PEM")).expect("a certificate");
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a TLS connection")
}
