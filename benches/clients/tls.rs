//! TLS for raw hyper: set up as s3lite does it, with the same provider, versions and roots.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Result;

/// Whose authorities are trusted, beside the null server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots {
    Bundled,
    Native,
}

impl Roots {
    /// As a store's configuration calls them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::Native => "native",
        }
    }
}

pub fn client_config(roots: Roots, authority: &Path) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut store = RootCertStore::empty();
    match roots {
        Roots::Bundled => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::Native => drop(store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    store.add(CertificateDer::from_pem_file(authority)?)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

pub async fn shake_hands(config: ClientConfig, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("127.0.0.1")?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}
