//! hyper's own connection, one for each task: no pool, no signature, no check, the fewest headers.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderValue, Method, Request, Uri};
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::{Call, Client, SMALL};
use crate::Result;

/// What is read from a source at a time.
const PIECE: usize = 64 << 10;

/// One connection.
pub struct RawHyper {
    sender: SendRequest<SendBody>,
    host: HeaderValue,
    object: Uri,
    content: Bytes,
}

impl RawHyper {
    pub async fn connect(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: HeaderValue::try_from(server.to_string())?,
            object: format!("/bucket/size/{SMALL}").parse()?,
            content: vec![b'x'; SMALL].into(),
        })
    }

    /// Sends a request and reads the answer to its end; returns the length of its body.
    pub async fn exchange(&mut self, method: Method, uri: Uri, body: SendBody) -> Result<u64> {
        let length = body.length;
        let mut request = Request::new(body);
        if method == Method::PUT {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().insert(HOST, self.host.clone());
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(format!("the null server says {}", response.status()).into());
        }
        read_to_end(response.into_body()).await
    }
}

impl Client for RawHyper {
    const NAME: &'static str = crate::measure::BASELINE;

    async fn make(server: SocketAddr, count: usize) -> Result<Vec<Self>> {
        let mut clients = Vec::with_capacity(count);
        while clients.len() < count {
            clients.push(Self::connect(server).await?);
        }
        Ok(clients)
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        let (method, body, expected) = match call {
            Call::Put => (Method::PUT, SendBody::bytes(self.content.clone()), 0),
            Call::Get => (Method::GET, SendBody::empty(), SMALL as u64),
            Call::Head => (Method::HEAD, SendBody::empty(), 0),
            Call::Delete => (Method::DELETE, SendBody::empty(), 0),
        };
        let length = self.exchange(method, self.object.clone(), body).await?;
        if length == expected { Ok(()) } else { Err(format!("{call:?} gave {length} bytes").into()) }
    }
}

/// Reads an answer's body; returns its length.
pub async fn read_to_end(mut body: hyper::body::Incoming) -> Result<u64> {
    let mut length = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        length += frame?.data_ref().map_or(0, Bytes::len) as u64;
    }
    Ok(length)
}

/// A request's body.
pub struct SendBody {
    source: Source,
    length: u64,
}

enum Source {
    Bytes(Bytes),
    Reader(Box<dyn AsyncRead + Send + Unpin>, BytesMut),
    File(File),
}

impl SendBody {
    pub fn empty() -> Self {
        Self::bytes(Bytes::new())
    }

    pub fn bytes(bytes: Bytes) -> Self {
        Self { length: bytes.len() as u64, source: Source::Bytes(bytes) }
    }

    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, length: u64) -> Self {
        Self { source: Source::Reader(Box::new(reader), BytesMut::new()), length }
    }

    /// Read in place: a file in memory does not make the reactor wait, and no thread is cheaper than one.
    pub fn file(file: File, length: u64) -> Self {
        Self { source: Source::File(file), length }
    }
}

impl Body for SendBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.length == 0 {
            return Poll::Ready(None);
        }
        let bytes = match &mut self.source {
            Source::Bytes(bytes) => std::mem::take(bytes),
            Source::Reader(reader, buffer) => ready!(poll_reader(reader, buffer, cx))?,
            Source::File(file) => read_piece(file)?,
        };
        if bytes.is_empty() {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.length -= bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.length == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// One buffer is used again and again, once hyper has sent it.
fn poll_reader(
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    buffer.resize(PIECE, 0);
    let mut free = ReadBuf::new(buffer);
    ready!(Pin::new(reader).poll_read(cx, &mut free))?;
    let count = free.filled().len();
    Poll::Ready(Ok(buffer.split_to(count).freeze()))
}

fn read_piece(file: &mut File) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(4 * PIECE);
    file.take(4 * PIECE as u64).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
