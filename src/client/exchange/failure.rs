//! What a failed exchange or connection means, in words for an operator; the whole chain stays as the error's source.

use std::error::Error as StdError;
use std::io;

use crate::client::connection::address::Address;
use crate::client::connection::connect::{BoxError, ConnectTimeout};
use crate::client::connection::pool::MANY_HEADERS;
use crate::client::payload::source::SourceError;
use crate::config::Timeouts;
use crate::error::{Error, ErrorKind, Phase};

/// Says what a failure means, in words for an operator; the whole chain stays as its source. `unread` is what could not be read
/// of an answer.
pub(in crate::client) fn describe(error: hyper::Error, address: &Address, unread: &[u8]) -> Error {
    let host = address.host();
    let described = if let Some(source) = find::<SourceError>(&error) {
        Error::new(ErrorKind::Source, format!("{source}; the upload was broken off before its end"))
    } else if is_closed_unanswered(&error) {
        closed(address)
    } else if is_too_large(&error) {
        let message = format!("{host} answered with more than {MANY_HEADERS} headers, or too large ones");
        Error::new(ErrorKind::LimitExceeded, message)
    } else if is_foreign(&error) {
        let hint = "is it a store's endpoint, and does it speak plain http on this port?";
        Error::protocol(format!("{host} did not answer in HTTP: {hint}"))
    } else if let Some(header) = odd_header(unread) {
        let message =
            format!("{host} gave an answer whose header {header:?} has a control character, which HTTP forbids");
        Error::protocol(message)
    } else if error.is_parse() {
        Error::passing_protocol(format!("{host} gave an answer that is not right HTTP: {}", root_cause(&error)))
    } else {
        Error::new(ErrorKind::Interrupted, format!("the exchange with {host} broke: {}", root_cause(&error)))
    };
    described.with_source(error)
}

/// A new connection that is gone before anything was sent on it is none.
pub(in crate::client) fn closed_before_request(address: &Address) -> Error {
    let host = address.host();
    Error::new(ErrorKind::Connect, format!("{host} closed the connection before the request was begun"))
}

fn closed(address: &Address) -> Error {
    Error::new(ErrorKind::Interrupted, format!("{} closed the connection before it answered", address.host()))
}

/// A connection that ended before any byte of an answer: closed, reset, or never ready for the request.
pub(in crate::client) fn is_closed_unanswered(error: &hyper::Error) -> bool {
    let closed = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::NotConnected,
        io::ErrorKind::UnexpectedEof,
    ];
    // What the caller's own source says of itself is none of the connection's.
    if find::<SourceError>(error).is_some() {
        return false;
    }
    let io_closed = find::<io::Error>(error).is_some_and(|error| closed.contains(&error.kind()));
    io_closed || error.is_incomplete_message() || error.is_canceled()
}

/// hyper says so to servers by a method, and to clients only in words.
fn is_too_large(error: &hyper::Error) -> bool {
    error.to_string() == "message head is too large"
}

/// An answer that is no HTTP, or that comes before its request. Other damage to a head may pass; this does not.
fn is_foreign(error: &hyper::Error) -> bool {
    ["invalid HTTP version parsed", "received unexpected message from connection"].contains(&error.to_string().as_str())
}

/// The name of the first header of an answer's head that has a character which no header may have (RFC 9110 section 5.5).
fn odd_header(unread: &[u8]) -> Option<String> {
    let is_odd = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    let lines = unread.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let head = lines.take_while(|line| !line.is_empty()).skip(1);
    let line = head.into_iter().find(|line| line.iter().any(is_odd))?;
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let shown = name.iter().filter(|byte| byte.is_ascii_graphic()).take(60);
    Some(shown.map(|byte| char::from(*byte)).collect())
}

/// Says why there is no connection.
pub(in crate::client) fn describe_connect(error: BoxError, address: &Address, timeouts: &Timeouts) -> Error {
    let host = address.host();
    let described = if find::<ConnectTimeout>(&*error).is_some() {
        let limit = timeouts.connect;
        let message = format!("no connection to {host} within connect-timeout = {limit:?}");
        Error::new(ErrorKind::Timeout(Phase::Connect), message)
    } else if let Some(problem) = tls_problem(&*error) {
        Error::new(ErrorKind::Tls, format!("no TLS connection to {host}: {problem}"))
    } else if is_unresolved(&*error) {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let message = format!("there is no address for the host name {name}: {}", root_cause(&*error));
        // A resolver may have been restarting; a name that is wrong stays wrong.
        Error::new(ErrorKind::Connect, message).worth_one_more()
    } else {
        Error::new(ErrorKind::Connect, format!("cannot connect to {host}: {}", root_cause(&*error)))
    };
    described.with_source(error)
}

/// The host's name has no address. hyper-util says so in words alone.
fn is_unresolved(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.to_string() == "dns error" {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(feature = "tls")]
fn tls_problem(error: &(dyn StdError + 'static)) -> Option<String> {
    find(error).map(crate::client::connection::tls::problem)
}

#[cfg(not(feature = "tls"))]
fn tls_problem(_: &(dyn StdError + 'static)) -> Option<String> {
    None
}

/// Finds an error of a type in a chain, also inside an [`io::Error`], whose own source skips its content.
pub(in crate::client) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_with_an_odd_character_is_named() {
        for (unread, named) in [
            (&b"HTTP/1.1 200 OK\r\nA: b\r\nEtag: a\x1fb\r\n\r\n"[..], Some("Etag")),
            (b"HTTP/1.1 200 OK\nA: b\nEtag: a\x7f\n\n", Some("Etag")),
            (b"HTTP/1.1 200 OK\r\nA\x00B: c\r\n\r\n", Some("AB")),
            (b"HTTP/1.1 200 OK\r\nA: \tb c\r\nEtag: \x80\xff\r\n\r\n", None),
            (b"HTTP/1.1 200 O\x01K\r\nA: b\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nC: \x01\r\n", None),
            (b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", Some("A")),
            (b"", None),
        ] {
            assert_eq!(odd_header(unread).as_deref(), named, "{}", unread.escape_ascii());
        }
        let long = format!("HTTP/1.1 200 OK\r\n{}: \x01\r\n", "n".repeat(100));
        assert_eq!(odd_header(long.as_bytes()), Some("n".repeat(60)));
    }

    #[test]
    fn a_name_without_an_address_is_told_by_any_cause() {
        #[derive(Debug)]
        struct Caused(&'static str, Option<Box<Caused>>);
        impl std::fmt::Display for Caused {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }
        impl StdError for Caused {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                self.1.as_deref().map(|cause| cause as _)
            }
        }
        let caused = |text, by| Caused(text, Some(Box::new(Caused(by, None))));
        assert!(is_unresolved(&Caused("dns error", None)));
        assert!(is_unresolved(&caused("client error", "dns error")));
        assert!(!is_unresolved(&caused("client error", "refused")));
        assert_eq!(root_cause(&caused("client error", "refused")), "refused");
    }
}
