//! Stands between a store and a server, and keeps what the server answers, byte for byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A way to a server on which one request at a time goes out.
pub struct Recorder {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    answers: Vec<Vec<u8>>,
    /// Bytes of a request have gone out since the last ones of an answer came.
    asked: bool,
}

impl Recorder {
    /// Leads to a server by plain http.
    pub async fn start(endpoint: &str) -> Self {
        let server = endpoint.strip_prefix("http://").expect("recordings are made by plain http").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, kept) = (listener.local_addr().expect("an address"), Arc::<Mutex<Kept>>::default());
        tokio::spawn(accept(listener, server, kept.clone()));
        Self { address, kept }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The answers since the last look. A call may be over before the last bytes of a chunked one are here.
    pub async fn take(&self) -> Vec<String> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let answers = std::mem::take(&mut lock(&self.kept).answers);
        answers.into_iter().map(|answer| String::from_utf8(answer).expect("nothing but text is answered")).collect()
    }
}

async fn accept(listener: TcpListener, server: String, kept: Arc<Mutex<Kept>>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(&server).await.expect("the server listens");
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let (asks, answers) = (kept.clone(), kept.clone());
        tokio::spawn(pass(from_client, to_server, move |_| lock(&asks).asked = true));
        tokio::spawn(pass(from_server, to_client, move |bytes| lock(&answers).answered(bytes)));
    }
}

/// Shows what it passes on before the other side can have it.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, show: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        show(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

impl Kept {
    fn answered(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.asked) || self.answers.is_empty() {
            self.answers.push(Vec::new());
        }
        self.answers.last_mut().expect("one was begun").extend_from_slice(bytes);
    }
}

fn lock(kept: &Mutex<Kept>) -> std::sync::MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
