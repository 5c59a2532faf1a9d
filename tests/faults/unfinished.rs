//! H33: refusals whose body stops in its middle. What has arrived by then counts, above all the code: without it nobody can
//! tell what was refused.

use std::time::Duration;

use s3lite::{ErrorKind, Store};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::covers;
use crate::rig::{raw, take_request};

/// How long a client may wait for more of a refusal, and the carrier's own milliseconds.
const LONGEST: Duration = Duration::from_millis(5_100);

#[derive(Clone, Copy, Debug)]
enum End {
    Stall,
    Cut,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Chunked,
    Length,
}

/// A server whose refusals stop after these pieces.
fn stopping(status: &'static str, framing: Framing, pieces: &'static [&'static str], end: End) -> Store {
    let (store, _) = raw(move |mut stream, _| async move {
        if !take_request(&mut stream).await {
            return;
        }
        let framed = match framing {
            Framing::Chunked => "Transfer-Encoding: chunked",
            Framing::Length => "Content-Length: 1000",
        };
        let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n{framed}\r\n\r\n").as_bytes()).await;
        for piece in pieces {
            let piece = match framing {
                Framing::Chunked => format!("{:x}\r\n{piece}\r\n", piece.len()),
                Framing::Length => (*piece).to_owned(),
            };
            let _ = stream.write_all(piece.as_bytes()).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if matches!(end, End::Stall) {
            std::future::pending::<()>().await;
        }
    });
    store
}

const ENDS: [End; 2] = [End::Stall, End::Cut];
const FRAMINGS: [Framing; 2] = [Framing::Chunked, Framing::Length];

#[tokio::test(start_paused = true)]
async fn the_code_of_an_unfinished_refusal_is_kept() {
    covers(&["H33"]);
    let whole: &[&str] = &["<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>"];
    let pieces: &[&str] = &["<Error>", "<Code>Access", "Denied</Code>", "<Message>you may n"];
    for (pieces, end) in [whole, pieces].into_iter().flat_map(|pieces| ENDS.map(|end| (pieces, end))) {
        for framing in FRAMINGS {
            let (store, started) = (stopping("403 Forbidden", framing, pieces, end), Instant::now());
            let error = store.get("k").await.expect_err("refused");
            assert_eq!(error.code(), Some("AccessDenied"), "{framing:?} {end:?} {pieces:?}: {error}");
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::AccessDenied, 1), "{error}");
            assert!(started.elapsed() <= LONGEST, "{framing:?} {end:?}: {:?}", started.elapsed());
        }
    }
}

/// Writes and listings hear it just the same; the code may say more than the status.
#[tokio::test(start_paused = true)]
async fn the_code_counts_for_every_operation() {
    covers(&["H33"]);
    let pieces: &[&str] = &["<Error><Code>NoSuchBucket</Code>"];
    for (framing, end) in FRAMINGS.into_iter().flat_map(|framing| ENDS.map(|end| (framing, end))) {
        let store = stopping("404 Not Found", framing, pieces, end);
        let errors = [
            store.put("k", "x").await.err(),
            store.delete("k").await.err(),
            store.list(s3lite::ListObjectsV2::new()).next().await.err(),
        ];
        for (number, error) in errors.into_iter().enumerate() {
            let error = error.unwrap_or_else(|| panic!("{number}: refused"));
            assert!(error.is_no_such_bucket(), "{number} {framing:?} {end:?}: {error}");
        }
    }
}

/// Half a code is none: it might be the beginning of another.
#[tokio::test(start_paused = true)]
async fn half_a_code_is_none() {
    covers(&["H33"]);
    let pieces: &[&str] = &["<Error><Code>NoSuchBuck"];
    for (framing, end) in FRAMINGS.into_iter().flat_map(|framing| ENDS.map(|end| (framing, end))) {
        let (store, started) = (stopping("403 Forbidden", framing, pieces, end), Instant::now());
        let error = store.get("k").await.expect_err("refused");
        assert_eq!((error.kind(), error.code()), (ErrorKind::AccessDenied, None), "{framing:?} {end:?}: {error}");
        assert!(started.elapsed() <= LONGEST, "{framing:?} {end:?}: {:?}", started.elapsed());
    }
}
