//! N36, H10, H18: bytes that come where no answer is due: behind an answer, or on a connection that waits for none.

use macro_rules_attribute::apply;
use std::future::ready;
use std::io;
use std::time::Duration;

use s3lite::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

use crate::covers;
use crate::rig::{answer, config, everywhere, parrot, raw, read, take_request};

/// What comes where no answer is due, beside an answer.
fn strays() -> [Vec<u8>; 4] {
    let stray = answer("200 OK", "ETag: \"s\"\r\n", "stray");
    [stray, b"x".to_vec(), b"\r\n\r\n".to_vec(), b"HTTP/1.1 200 OK\r\n".to_vec()]
}

fn hello() -> Vec<u8> {
    answer("200 OK", "ETag: \"e\"\r\n", "hello")
}

/// Bytes that follow an answer are never given to the next reader, whether that comes at once or later.
#[apply(everywhere)]
async fn stray_bytes_end_the_connection() {
    covers(&["N36", "H10", "H18"]);
    for (extra, at_once) in strays().into_iter().flat_map(|extra| [true, false].map(|at_once| (extra.clone(), at_once)))
    {
        let bytes = [hello(), extra.clone()].concat();
        let (store, network) = raw(move |mut stream, number| {
            let answer = if number == 1 { bytes.clone() } else { hello() };
            async move { while take_request(&mut stream).await && stream.write_all(&answer).await.is_ok() {} }
        });
        for _ in 0..3 {
            assert_eq!(read(&store, "k").await.expect("an answer"), b"hello", "{extra:?}");
            if !at_once {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert_eq!(network.dialed(), 2, "{extra:?}");
    }
    // A body where there is none.
    for status in ["204 No Content", "304 Not Modified"] {
        let (store, _) = parrot(answer(status, "ETag: \"e\"\r\n", "body"));
        for _ in 0..2 {
            let answer = store.delete("k").await;
            assert_eq!(answer.is_ok(), status.starts_with("204"), "{status}: {answer:?}");
        }
    }
}

/// A store whose connections end with the test.
fn held() -> (Store, mpsc::UnboundedReceiver<DuplexStream>) {
    let (ends, of_the_test) = mpsc::unbounded_channel();
    let dial = move |_| {
        let (client, server) = tokio::io::duplex(64 << 10);
        ready(ends.send(server).map(|()| client).map_err(io::Error::other))
    };
    let config = config().set("max-retries", 0).build().expect("a valid configuration");
    (Store::dialed_by(config, dial).expect("a store"), of_the_test)
}

/// Takes a request from a new connection and answers it.
async fn answer_anew(ends: &mut mpsc::UnboundedReceiver<DuplexStream>) -> DuplexStream {
    let mut end = ends.recv().await.expect("another connection");
    assert!(take_request(&mut end).await);
    end.write_all(&hello()).await.expect("it is read");
    end
}

/// The bytes have come, and nobody has looked at them yet, when the next request is put on the connection: it is not sent
/// there. On another thread, hyper may have looked just before they came, and takes the request in the same turn.
#[tokio::test(start_paused = true)]
async fn stray_bytes_are_found_before_the_next_request_is_sent() {
    covers(&["N36", "H10"]);
    for extra in strays() {
        let (store, mut ends) = held();
        let (first, mut end) = tokio::join!(read(&store, "k"), answer_anew(&mut ends));
        assert_eq!(first.expect("an answer"), b"hello");
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        // Taken without a turn for anybody else.
        end.write_all(&extra).await.expect("there is room");
        let both = async { tokio::join!(read(&store, "k"), answer_anew(&mut ends)) };
        let both = tokio::time::timeout(Duration::from_secs(60), both).await;
        let (second, _end) = both.unwrap_or_else(|_| panic!("{extra:?}: it was sent there"));
        assert_eq!(second.expect("an answer"), b"hello", "{extra:?}");
        assert_eq!(end.read(&mut [0; 10]).await.unwrap_or(0), 0, "{extra:?}: no byte of it was sent");
    }
}
