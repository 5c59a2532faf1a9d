//! A service with one object under every key, which is slow, breaks and stalls as it is told; nothing of it is checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use s3lite::{Store, StoreConfigBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::{MARK, TAG};
use crate::line::ServerEnd;
use crate::memory::Network;
use crate::rig::{config, open};

/// A request of which the head was read.
pub struct Asked {
    pub method: String,
    pub target: String,
    /// Its number among all, from 1.
    pub number: usize,
    /// How many bytes of the object it is to bring.
    pub left: usize,
}

impl Asked {
    /// True for the first request of a download, and not for one that goes on.
    pub fn is_get(&self) -> bool {
        self.method == "GET" && !self.target.contains('?')
    }
}

/// What becomes of a request.
pub enum Act {
    Normal,
    /// The connection is closed without an answer.
    Close,
    /// As before, once so many requests wait for it.
    CloseTogether(usize),
    /// There is none.
    Stall,
    /// This is the answer.
    Raw(Vec<u8>),
    /// As before, and the connection is closed behind it.
    RawThenClose(Vec<u8>),
    /// The head of a GET's answer, then its body in these steps, then what is left of it.
    Body(Vec<Step>),
}

pub enum Step {
    Give(usize),
    Wait(Duration),
    Close,
    /// As before, once so many requests wait for it.
    CloseTogether(usize),
    /// Nothing more comes.
    Stall,
}

/// The service, and the way to it.
pub struct Service {
    pub network: Arc<Network>,
    state: Arc<State>,
}

struct State {
    object: Vec<u8>,
    act: Box<dyn Fn(&Asked) -> Act + Send + Sync>,
    requests: AtomicUsize,
    stored: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
    together: watch::Sender<usize>,
}

impl Service {
    pub fn new(object: Vec<u8>, act: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        let (requests, stored, open, most) = Default::default();
        let (act, together) = (Box::new(act), watch::Sender::new(0));
        let state = Arc::new(State { object, act, requests, stored, open, most, together });
        let network = Network::to({
            let state = state.clone();
            move |stream| drop(tokio::spawn(serve(stream, state.clone())))
        });
        Self { network, state }
    }

    /// A service that does all as it should.
    pub fn sound(object: Vec<u8>) -> Self {
        Self::new(object, |_| Act::Normal)
    }

    pub fn store(&self) -> Store {
        self.open(config())
    }

    /// Nothing is signed: what takes long is no part of these tests.
    pub fn open(&self, config: StoreConfigBuilder) -> Store {
        open(&self.network, config.set("access-key", "").set("secret-key", "").set("anonymous", true))
    }

    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How often the object was put, byte for byte.
    pub fn stored(&self) -> usize {
        self.state.stored.load(Ordering::SeqCst)
    }

    /// How many connections were open at once, as far as the service knows.
    pub fn most_connections(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }
}

impl State {
    /// Waits until so many requests wait; those that come later wait for nothing.
    async fn together(&self, count: usize) {
        self.together.send_modify(|waiting| *waiting += 1);
        let _ = self.together.subscribe().wait_for(|waiting| *waiting >= count).await;
    }
}

/// Bytes that differ from place to place, made quickly.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bytes.chunks_mut(1000).zip(1_u32..).for_each(|(piece, number)| piece.fill((number % 251) as u8));
    bytes
}

async fn serve(mut stream: ServerEnd, state: Arc<State>) {
    let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
    state.most.fetch_max(open, Ordering::SeqCst);
    while exchange(&mut stream, &state).await.is_some() {}
    state.open.fetch_sub(1, Ordering::SeqCst);
}

/// One request and its answer; `None` at the end of the connection.
async fn exchange(stream: &mut ServerEnd, state: &State) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |name: &str| {
        let line =
            head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
        line.map(|(_, value)| value.to_owned())
    };
    if header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().expect("a length"))];
    stream.read_exact(&mut body).await.ok()?;
    let start = header("range").and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse().ok());
    let left = state.object.len() - start.unwrap_or(0);
    let number = state.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let mut words = head.split(' ').map(str::to_owned);
    let asked = Asked { method: words.next()?, target: words.next()?, number, left };
    let steps = match (state.act)(&asked) {
        Act::Normal => Vec::new(),
        Act::Close => return None,
        Act::CloseTogether(count) => {
            state.together(count).await;
            return None;
        }
        Act::Stall => {
            // Until the client is gone.
            let _ = stream.read_u8().await;
            return None;
        }
        Act::Raw(answer) => return stream.write_all(&answer).await.ok(),
        Act::RawThenClose(answer) => {
            let _ = stream.write_all(&answer).await;
            return None;
        }
        Act::Body(steps) => steps,
    };
    if asked.method == "PUT" && body == state.object {
        state.stored.fetch_add(1, Ordering::SeqCst);
    }
    if !asked.is_get() {
        return stream.write_all(answer(&asked, state.object.len()).as_bytes()).await.ok();
    }
    stream.write_all(head_of_get(start, state.object.len()).as_bytes()).await.ok()?;
    give(stream, state, left, steps).await
}

fn head_of_get(start: Option<usize>, size: usize) -> String {
    let Some(start) = start else {
        return format!("HTTP/1.1 200 OK\r\n{MARK}{TAG}Content-Length: {size}\r\n\r\n");
    };
    let (range, length) = (format!("bytes {start}-{}/{size}", size - 1), size - start);
    format!("HTTP/1.1 206 X\r\n{MARK}{TAG}Content-Range: {range}\r\nContent-Length: {length}\r\n\r\n")
}

/// The answer to what is no GET of an object.
fn answer(asked: &Asked, size: usize) -> String {
    let framed = |body: &str| format!("HTTP/1.1 200 OK\r\n{MARK}{TAG}Content-Length: {}\r\n\r\n{body}", body.len());
    match asked.method.as_str() {
        "HEAD" => format!("HTTP/1.1 200 OK\r\n{MARK}{TAG}Content-Length: {size}\r\n\r\n"),
        "DELETE" => format!("HTTP/1.1 204 No Content\r\n{MARK}\r\n"),
        "GET" if asked.target.contains("list-type") => framed(
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>",
        ),
        "GET" => framed("<Tagging><TagSet></TagSet></Tagging>"),
        _ => framed(""),
    }
}

/// Gives an object's last bytes in steps.
async fn give(stream: &mut ServerEnd, state: &State, left: usize, steps: Vec<Step>) -> Option<()> {
    let mut rest = &state.object[state.object.len() - left..];
    for step in steps {
        match step {
            Step::Give(count) => {
                let (given, after) = rest.split_at(count.min(rest.len()));
                stream.write_all(given).await.ok()?;
                rest = after;
            }
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Close => return None,
            Step::CloseTogether(count) => {
                state.together(count).await;
                return None;
            }
            Step::Stall => {
                // Until the client is gone.
                let _ = stream.read_u8().await;
                return None;
            }
        }
    }
    stream.write_all(rest).await.ok()
}
