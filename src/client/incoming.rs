//! A body on its way in: every wait bounded by `idle-timeout`, its connection's permit held until it is read or dropped.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Incoming};
use std::future::poll_fn;
use std::pin::Pin;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::transport::Unsent;
use crate::error::{Error, ErrorKind, Phase, Result};

/// The body of an answer, as it arrives.
pub(super) struct IncomingBody {
    body: Incoming,
    idle: Duration,
    _permit: OwnedSemaphorePermit,
    _unsent: Option<Unsent>,
}

impl IncomingBody {
    pub fn new(body: Incoming, idle: Duration, permit: OwnedSemaphorePermit, unsent: Option<Unsent>) -> Self {
        Self { body, idle, _permit: permit, _unsent: unsent }
    }

    /// The next bytes, `None` at the end that the framing announced. Cancel safe.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let next = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
            match timeout(self.idle, next).await {
                Err(_) => return Err(stalled(self.idle)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(broken(error)),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(_trailers) => {}
                },
            }
        }
    }

    /// The length that the framing announces; `None` for chunked bodies and those that end with the connection.
    pub fn announced(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Reads the whole, which must not exceed a limit.
    pub async fn whole(&mut self, limit: usize) -> Result<Bytes> {
        let (bytes, complete) = self.beginning(limit).await?;
        if complete {
            return Ok(bytes);
        }
        Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("the answer is larger than the {limit} bytes that are read of it"),
        ))
    }

    /// Reads up to a limit; true if that was all.
    pub async fn beginning(&mut self, limit: usize) -> Result<(Bytes, bool)> {
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        while let Some(bytes) = self.chunk().await? {
            match &first {
                None => first = Some(bytes),
                Some(start) => {
                    if rest.is_empty() {
                        rest.extend_from_slice(start);
                    }
                    rest.extend_from_slice(&bytes);
                }
            }
            if rest.len().max(first.as_ref().map_or(0, Bytes::len)) > limit {
                rest.truncate(limit);
                return Ok((rest.freeze(), false));
            }
        }
        // Most small answers are one piece, which needs no copy.
        Ok((if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() }, true))
    }
}

fn stalled(idle: Duration) -> Error {
    Error::new(ErrorKind::Timeout(Phase::Body), format!("no byte of the answer came for idle-timeout = {idle:?}"))
}

fn broken(error: hyper::Error) -> Error {
    Error::new(ErrorKind::Truncated, "the answer ended before it was complete").with_source(error)
}
