//! Bytes that come on a connection that waits for nothing, over real sockets: the connection ends, and nobody is given them.

use macro_rules_attribute::apply;
use s3lite::{Store, StoreConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::open;
use crate::support::request::take_request;
use crate::support::runtimes::in_every_runtime;

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\nhello";
const STRAY: &[u8] = b"HTTP/1.1 200 OK\r\nETag: \"s\"\r\nContent-Length: 5\r\n\r\nstray";

/// Answers one request; on its first connection with more than an answer, once it is told to. Tells when that connection is gone.
async fn serve(listener: TcpListener, extra: &[u8], go: oneshot::Receiver<()>, is_gone: oneshot::Sender<()>) {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    assert!(take_request(&mut stream).await, "the first request");
    stream.write_all(HELLO).await.expect("it is read");
    go.await.expect("it is told to");
    stream.write_all(extra).await.expect("it is taken");
    assert!(!take_request(&mut stream).await, "no other request comes here");
    is_gone.send(()).expect("it is waited for");
    let (mut stream, _) = listener.accept().await.expect("another connection");
    while take_request(&mut stream).await && stream.write_all(HELLO).await.is_ok() {}
}

async fn read(store: &Store) -> Vec<u8> {
    store.get("k").await.expect("the head").bytes().await.expect("its bytes").to_vec()
}

#[apply(in_every_runtime)]
async fn bytes_that_nobody_asked_for_end_an_idle_connection() {
    for extra in [STRAY, b"x", b"\r\n\r\n", b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let ((go, told), (says_gone, is_gone)) = (oneshot::channel(), oneshot::channel());
        let server = tokio::spawn(async move { serve(listener, extra, told, says_gone).await });
        let config = StoreConfig::builder().set("endpoint", endpoint).set("region", "x").set("bucket", "bucket");
        let store = open(config.set("anonymous", true));
        assert_eq!(read(&store).await, b"hello");
        go.send(()).expect("the server waits");
        is_gone.await.expect("the connection ends");
        assert_eq!(read(&store).await, b"hello");
        drop(store);
        server.await.expect("the server");
    }
}
