//! One connection: reading, writing and ending it, with everything that arrives put into the log.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::http::{RequestHead, Wire};
use super::log::Seen;
use super::response::{RawResponse, status_of};
use super::service::{Shared, lock};

/// How long a connection that is closed with body bytes still coming is read on, so that no reset
/// overtakes the answer.
const LINGER: Duration = Duration::from_secs(2);

/// A byte stream that can be made to end in a reset.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes closing the socket send RST in place of FIN.
    fn reset_when_closed(&self) -> io::Result<()>;
}

impl Transport for TcpStream {
    fn reset_when_closed(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl<S: Transport> Transport for TlsStream<S> {
    fn reset_when_closed(&self) -> io::Result<()> {
        self.get_ref().0.reset_when_closed()
    }
}

/// What happens to the connection after a request.
pub enum Then {
    /// The next request is read.
    GoOn,
    /// The stream is dropped: the kernel sends FIN, or RST where bytes of the client are unread.
    Close,
}

/// A connection and what belongs to it.
pub struct Connection<S> {
    /// The stream, and what was read ahead.
    pub wire: Wire<S>,
    /// The server's state.
    pub shared: Arc<Shared>,
    /// Its number, from 1.
    pub number: usize,
    /// How many requests came on it so far.
    pub served: usize,
}

/// A request being served, with its place in the log.
pub struct Current {
    /// Its head.
    pub head: RequestHead,
    /// Index of its entry in the log.
    pub entry: usize,
}

impl<S: Transport> Connection<S> {
    /// Writes a body piece by piece.
    pub async fn trickle(&mut self, body: &[u8], chunk: usize, pause: Duration) -> io::Result<()> {
        for piece in body.chunks(chunk.max(1)) {
            tokio::time::sleep(pause).await;
            self.wire.stream.write_all(piece).await?;
            self.wire.stream.flush().await?;
        }
        Ok(())
    }

    /// Reads the body into the log, after `100 Continue` where the client waits for it and the server `consents`. Nothing
    /// is read, and nothing returned, when the head does not tell the body's length.
    pub async fn read_body(&mut self, current: &Current, consents: bool) -> io::Result<Option<Bytes>> {
        let expected = current.head.values("expect");
        if current.head.has("transfer-encoding") || current.head.content_length().is_err() {
            return Ok(None);
        }
        if consents && expected.iter().any(|value| value.eq_ignore_ascii_case(b"100-continue")) {
            self.wire.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            self.wire.stream.flush().await?;
        }
        self.receive(current).await?;
        Ok(Some(lock(&self.shared.log)[current.entry].body.clone()))
    }

    /// Reads the declared body into the log; what came of a broken one is there too.
    pub async fn receive(&mut self, current: &Current) -> io::Result<()> {
        let length = current.head.content_length().ok().flatten().unwrap_or(0);
        let mut body = Vec::new();
        let received = self.wire.read_body(length, &mut body).await;
        self.record(current, |seen| {
            seen.body = body.into();
            seen.complete = received.is_ok();
        });
        received
    }

    /// Logs and refuses bytes that are no request.
    pub async fn refuse_malformed(&mut self, raw: Vec<u8>, reason: &str) -> io::Result<Then> {
        let answer = self.shared.answer_malformed(reason).with("Connection", "close");
        self.served += 1;
        lock(&self.shared.log).push(Seen {
            connection: self.number,
            on_connection: self.served,
            target: raw,
            status: Some(answer.status),
            refusal: Some(reason.to_owned()),
            ..Seen::default()
        });
        self.wire.stream.write_all(&answer.head_bytes()).await?;
        self.wire.stream.write_all(&answer.body_bytes()).await?;
        self.finish_lingering().await
    }

    /// Begins a request's entry in the log.
    pub fn note(&self, head: &RequestHead) -> usize {
        let mut log = lock(&self.shared.log);
        log.push(Seen {
            connection: self.number,
            on_connection: self.served,
            method: head.method.clone(),
            target: head.target.clone(),
            headers: head.headers.clone(),
            ..Seen::default()
        });
        log.len() - 1
    }

    /// Adds to a request's entry in the log.
    pub fn record(&self, current: &Current, change: impl FnOnce(&mut Seen)) {
        change(&mut lock(&self.shared.log)[current.entry]);
    }

    /// Writes the answer's head and the given part of its body.
    pub async fn write(&mut self, current: &Current, answer: &RawResponse, body: &[u8]) -> io::Result<()> {
        self.record(current, |seen| seen.status = Some(answer.status));
        let mut bytes = answer.head_bytes();
        bytes.extend_from_slice(body);
        self.wire.stream.write_all(&bytes).await?;
        self.wire.stream.flush().await
    }

    /// Writes an answer as it is.
    pub async fn write_raw(&mut self, current: &Current, raw: &[u8]) -> io::Result<()> {
        self.record(current, |seen| seen.status = status_of(raw));
        self.wire.stream.write_all(raw).await?;
        self.wire.stream.flush().await
    }

    /// Ends the server's half; dropping the stream ends the other.
    pub async fn finish(&mut self) -> io::Result<Then> {
        self.wire.stream.shutdown().await?;
        Ok(Then::Close)
    }

    /// As [`Self::finish`], where the client may still be sending.
    pub async fn finish_lingering(&mut self) -> io::Result<Then> {
        self.wire.stream.shutdown().await?;
        // Running out of time is no failure: a client that sends for ever has had its answer.
        let _ = tokio::time::timeout(LINGER, self.wire.drain()).await;
        Ok(Then::Close)
    }

    /// Says nothing until the client goes away.
    pub async fn hold(&mut self) -> io::Result<Then> {
        self.wire.drain().await;
        Ok(Then::Close)
    }
}
