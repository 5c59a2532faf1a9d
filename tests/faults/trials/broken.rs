//! T14a, without chance: a connection whose writing side breaks at a byte, when the answer has just arrived on the other side.

use macro_rules_attribute::apply;
use std::io::{self, Cursor};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use s3lite::{ErrorKind, Payload, PutObject, Store};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{MARK, TAG};
use crate::covers;
use crate::rig::{answer, config, everywhere};

const SIZE: usize = 900 << 10;

/// Takes so many bytes, then fails all writes; only then there is an answer to read, and after it the end.
struct Breaking {
    room: usize,
    write_error: io::ErrorKind,
    answer: Cursor<Vec<u8>>,
    /// What follows the answer; an orderly end, if nothing.
    read_error: Option<io::ErrorKind>,
    reading: Option<Waker>,
}

impl AsyncWrite for Breaking {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.room == 0 {
            if let Some(reading) = self.reading.take() {
                reading.wake();
            }
            return Poll::Ready(Err(self.write_error.into()));
        }
        let count = bytes.len().min(self.room);
        self.room -= count;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Breaking {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.room > 0 {
            self.reading = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.answer).poll_read(cx, buffer);
        match self.read_error {
            Some(error) if buffer.filled().len() == before && buffer.remaining() > 0 => Poll::Ready(Err(error.into())),
            _ => read,
        }
    }
}

/// A store all of whose connections break so.
fn breaking(room: usize, errors: (io::ErrorKind, Option<io::ErrorKind>), answer: Vec<u8>) -> Store {
    let config = config().set("expect-continue", "off").set("max-retries", 0).build().expect("valid");
    let dial = move |_| {
        let (answer, reading) = (Cursor::new(answer.clone()), None);
        let (write_error, read_error) = errors;
        let stream = Breaking { room, write_error, answer, read_error, reading };
        async move { Ok(stream) }
    };
    Store::dialed_by(config, dial).expect("a store")
}

/// The ways in which a connection ends whose peer closed with bytes unread.
const ENDS: [(io::ErrorKind, Option<io::ErrorKind>); 4] = [
    (io::ErrorKind::BrokenPipe, None),
    (io::ErrorKind::BrokenPipe, Some(io::ErrorKind::ConnectionReset)),
    (io::ErrorKind::ConnectionReset, Some(io::ErrorKind::ConnectionReset)),
    (io::ErrorKind::ConnectionReset, None),
];

/// In the head, right behind it, in the first bytes of the body, between two writes, in its last bytes.
const ROOMS: [usize; 7] = [100, 700, 5000, 64 << 10, 400 << 10, 500_000, SIZE - 1];

fn payload(number: usize) -> Payload {
    let body = vec![7; SIZE];
    if number == 0 { Payload::bytes(body) } else { Payload::reader(Cursor::new(body), SIZE as u64) }
}

#[apply(everywhere)]
async fn t14a_a_write_that_breaks_is_not_the_end() {
    covers(&["T14a"]);
    for (status, code, kind) in [
        ("403 Forbidden", "AccessDenied", ErrorKind::AccessDenied),
        ("412 Precondition Failed", "PreconditionFailed", ErrorKind::Precondition),
        ("503 Slow Down", "SlowDown", ErrorKind::Throttled),
    ] {
        let refusal = answer(status, MARK, &format!("<Error><Code>{code}</Code></Error>"));
        for ends in ENDS {
            for room in ROOMS {
                for form in 0..2 {
                    let put = PutObject::new("k").if_none_match("*");
                    let error = breaking(room, ends, refusal.clone()).put(put, payload(form)).await;
                    let (error, what) = (error.expect_err("refused"), format!("{ends:?}, {room}, {form}"));
                    assert_eq!((error.kind(), error.code()), (kind, Some(code)), "{what}: {error}");
                    assert_eq!((error.attempts(), error.is_outcome_unknown()), (1, false), "{what}: {error}");
                }
            }
        }
    }
}

/// An answer that is cut counts by its status, as a refusal's does that never ends (catalogue H33).
#[apply(everywhere)]
async fn t14a_a_refusal_that_is_cut_behind_its_head_is_one() {
    covers(&["T14a"]);
    for ends in ENDS {
        let refusal =
            format!("HTTP/1.1 403 Forbidden\r\n{MARK}Content-Length: 1000\r\n\r\n<Error><Code>AccessDenied</Code>");
        let error = breaking(500_000, ends, refusal.into_bytes()).put("k", payload(1)).await.expect_err("refused");
        assert_eq!((error.kind(), error.code()), (ErrorKind::AccessDenied, Some("AccessDenied")), "{ends:?}: {error}");
        assert!(!error.is_outcome_unknown(), "{ends:?}: {error}");
    }
}

/// Without a whole head nothing is known; and a success before the body was taken is none, broken or not.
#[apply(everywhere)]
async fn t14a_a_write_that_breaks_without_a_refusal_is_unknown() {
    covers(&["T14a"]);
    let success = answer("200 OK", &format!("{MARK}{TAG}"), "");
    let cut = format!("HTTP/1.1 403 Forbidden\r\n{MARK}").into_bytes();
    for answered in [Vec::new(), cut, success] {
        for ends in ENDS {
            for room in ROOMS {
                let error = breaking(room, ends, answered.clone()).put("k", payload(1)).await.expect_err("not taken");
                let what = format!("{ends:?}, {room}, {}", String::from_utf8_lossy(&answered));
                assert!(matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Protocol), "{what}: {error}");
                assert!(error.is_outcome_unknown(), "{what}: {error}");
            }
        }
    }
}
