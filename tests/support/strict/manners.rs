//! What S3, or a proxy in front of it, demands of a request besides the signature.

use super::canonical::lossy;
use super::error::S3Error;
use super::http::RequestHead;

/// Refuses a head that some S3 server refuses, or that some proxy between client and server would
/// change.
pub fn check(head: &RequestHead, default_port: u16) -> Result<(), S3Error> {
    no_transfer_encoding(head)?;
    one_host(head, default_port)?;
    length_is_told(head)?;
    nothing_about_a_missing_body(head)
}

/// S3 refuses chunked transfer coding: its own `aws-chunked` has a length.
fn no_transfer_encoding(head: &RequestHead) -> Result<(), S3Error> {
    match head.values("transfer-encoding")[..] {
        [] => Ok(()),
        [coding, ..] => Err(S3Error::not_implemented(format!("Transfer-Encoding in a request: {}", lossy(coding)))),
    }
}

/// A default port in Host is dropped by proxies, and the signature breaks with it.
fn one_host(head: &RequestHead, default_port: u16) -> Result<(), S3Error> {
    let host = head.only("host").map_err(S3Error::invalid_request)?;
    let host = host.ok_or_else(|| S3Error::invalid_request("no Host header"))?;
    if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(S3Error::invalid_request(format!("not a host: {host:?}")));
    }
    if host.ends_with(&format!(":{default_port}")) {
        return Err(S3Error::invalid_request(format!("Host with the scheme's default port: {host}")));
    }
    Ok(())
}

fn length_is_told(head: &RequestHead) -> Result<(), S3Error> {
    let length = head.content_length().map_err(S3Error::invalid_request)?;
    if length.is_none() && matches!(head.method.as_str(), "PUT" | "POST") {
        return Err(S3Error::new(411, "MissingContentLength", format!("{} without Content-Length", head.method)));
    }
    Ok(())
}

/// Servers compute the signature of a request without body as if it had no headers of a body.
fn nothing_about_a_missing_body(head: &RequestHead) -> Result<(), S3Error> {
    let method = head.method.as_str();
    if !matches!(method, "GET" | "HEAD" | "DELETE") {
        return Ok(());
    }
    if head.has("content-type") {
        return Err(S3Error::invalid_request(format!("{method} with Content-Type")));
    }
    let length = head.content_length().map_err(S3Error::invalid_request)?;
    match length {
        Some(length) if length > 0 || method != "DELETE" => {
            Err(S3Error::invalid_request(format!("{method} with Content-Length: {length}")))
        }
        _ => Ok(()),
    }
}
