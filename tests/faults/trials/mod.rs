//! What trials by other programs found, row by row (T1 to T51): answers that are not what they say, and beside each lie the
//! honest answers of real servers that it resembles. A lie is never taken for an object, a listing or a success; an honest
//! answer is never refused.

mod broken;
mod calls;
mod checksums;
mod clocks;
mod early;
mod encodings;
mod entries;
mod errors;
#[cfg(unix)]
mod files;
mod framing;
mod headers;
mod heads;
mod listings;
mod load;
mod marks;
mod objects;
mod outage;
mod patience;
mod ranges;
mod resuming;
mod sending;
mod service;
#[cfg(unix)]
mod sources;
mod uploads;
mod values;
mod writes;

use std::sync::Arc;

use s3lite::{Error, ErrorKind, Store};
use tokio::io::AsyncWriteExt;

use crate::memory::Network;
use crate::rig::{raw, take_request};

/// The headers by which S3 marks an answer of its own.
pub const MARK: &str = "x-amz-request-id: 4442587FB7D0A2F9\r\n";

/// A strong tag.
pub const TAG: &str = "ETag: \"e\"\r\n";

/// An answer with S3's mark and a strong tag, whatever else its head says of its body.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{MARK}{TAG}{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// A body in one chunk.
pub fn chunk(body: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
}

/// A store whose server gives the same bytes to every request and closes behind them.
pub fn closing(answer: impl Into<Vec<u8>>) -> (Store, Arc<Network>) {
    let answer = answer.into();
    raw(move |mut stream, _| {
        let answer = answer.clone();
        async move {
            if take_request(&mut stream).await {
                // A client that has heard enough may be gone.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        }
    })
}

/// Demands that an answer was refused as none of S3's, or as one that was cut.
pub fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) -> Error {
    let error = match result {
        Ok(taken) => panic!("{what}: taken for {taken:.60?}"),
        Err(error) => error,
    };
    assert!(matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Truncated), "{what}: {:?}: {error}", error.kind());
    error
}
