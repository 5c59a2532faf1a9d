//! Puts a text and gets it again, with hyper, its pool and rustls, unsigned: `floor URL`.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Body;
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("a URL")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let connector =
        HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let put = Request::put(&url).body("hello".to_owned())?;
    read(client.request(put).await?).await?;
    let get = Request::get(&url).body(String::new())?;
    println!("{} bytes", read(client.request(get).await?).await?);
    Ok(())
}

async fn read(response: Response<Incoming>) -> Result<usize, Box<dyn std::error::Error>> {
    if !response.status().is_success() {
        return Err(response.status().as_str().into());
    }
    let (mut body, mut length) = (response.into_body(), 0);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        length += frame?.data_ref().map_or(0, |data| data.len());
    }
    Ok(length)
}
