//! A plain HTTP client that knows nothing of S3: it fetches a presigned URL.

use std::sync::Arc;

use http::Uri;
use hyper::body::{Body, Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use s3lite::StoreConfig;

use super::Outcome;

/// Fetches a URL and counts the bytes of the answer.
pub async fn get(config: &StoreConfig, url: &str) -> Outcome<u64> {
    let client: Client<_, String> = Client::builder(TokioExecutor::new()).build(connector(config)?);
    let response = client.get(url.parse::<Uri>()?).await?;
    if !response.status().is_success() {
        return Err(format!("the presigned URL gave {}", response.status()).into());
    }
    count(response.into_body()).await
}

async fn count(mut body: Incoming) -> Outcome<u64> {
    let mut total = 0;
    while let Some(frame) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {
        total += frame?.into_data().map_or(0, |bytes: Bytes| bytes.len() as u64);
    }
    Ok(total)
}

/// Trusts what the store's own configuration trusts.
fn connector(config: &StoreConfig) -> Outcome<HttpsConnector<HttpConnector>> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &config.tls().ca_file {
        for certificate in CertificateDer::pem_file_iter(path)? {
            roots.add(certificate?)?;
        }
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build())
}
