//! hyper's own connection, one for each task: no pool, no signature, no check, the fewest headers.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderValue, Method, Request, Uri};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::dial::{dial, dial_unpaced};
use super::{Call, Client, Object, Over, SendBody, tls};
use crate::Result;
use crate::server::Site;

/// One connection.
pub struct RawHyper {
    sender: SendRequest<SendBody>,
    host: HeaderValue,
    object: Uri,
    content: Bytes,
}

impl RawHyper {
    pub async fn connect(site: &Site, over: Over) -> Result<Self> {
        let server = over.server(site);
        Self::over(dial(server).await?, server, site, over).await
    }

    /// Connects for a stream.
    pub async fn connect_unpaced(site: &Site, over: Over) -> Result<Self> {
        let server = over.server(site);
        Self::over(dial_unpaced(server).await?, server, site, over).await
    }

    async fn over(stream: TcpStream, server: SocketAddr, site: &Site, over: Over) -> Result<Self> {
        match over {
            Over::Http => Self::start(server, stream).await,
            Over::Https(roots) => {
                let config = tls::client_config(roots, &site.authority)?;
                Self::start(server, tls::shake_hands(config, stream).await?).await
            }
        }
    }

    async fn start(server: SocketAddr, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let (object, content) = (Uri::default(), Bytes::new());
        Ok(Self { sender, host: HeaderValue::try_from(server.to_string())?, object, content })
    }

    /// Sends a request; returns the body of its answer.
    pub async fn send(&mut self, method: Method, uri: Uri, body: SendBody) -> Result<Incoming> {
        let length = body.length();
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
        Ok(response.into_body())
    }

    /// Sends a request and reads the answer to its end; returns the length of its body.
    pub async fn exchange(&mut self, method: Method, uri: Uri, body: SendBody) -> Result<u64> {
        read_to_end(self.send(method, uri, body).await?).await
    }

    /// Asks for an object of a size; returns its body.
    pub async fn get(&mut self, size: usize) -> Result<Incoming> {
        let object = format!("/bucket/{}", Object::of(size).key()).parse()?;
        self.send(Method::GET, object, SendBody::empty()).await
    }
}

impl Client for RawHyper {
    const NAME: &'static str = crate::measure::BASELINE;

    async fn make(site: &Site, count: usize, object: Object) -> Result<Vec<Self>> {
        let uri: Uri = format!("/bucket/{}", object.key()).parse()?;
        let content = Bytes::from(vec![b'x'; object.size]);
        let mut clients = Vec::with_capacity(count);
        while clients.len() < count {
            let client = Self::connect(site, Over::Http).await?;
            clients.push(Self { object: uri.clone(), content: content.clone(), ..client });
        }
        Ok(clients)
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        let size = self.content.len() as u64;
        let (method, body, expected) = match call {
            Call::Put => (Method::PUT, SendBody::bytes(self.content.clone()), 0),
            Call::Get => (Method::GET, SendBody::empty(), size),
            Call::Head => (Method::HEAD, SendBody::empty(), 0),
            Call::Delete => (Method::DELETE, SendBody::empty(), 0),
        };
        let length = self.exchange(method, self.object.clone(), body).await?;
        if length == expected { Ok(()) } else { Err(format!("{call:?} gave {length} bytes").into()) }
    }
}

/// Reads an answer's body; returns its length.
pub async fn read_to_end(mut body: Incoming) -> Result<u64> {
    let mut length = 0;
    while let Some(bytes) = next_piece(&mut body).await? {
        length += bytes.len() as u64;
    }
    Ok(length)
}

/// Reads the next bytes of an answer's body.
pub async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>> {
    let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await else { return Ok(None) };
    Ok(Some(frame?.into_data().unwrap_or_default()))
}
