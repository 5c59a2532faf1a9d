//! What a store trusts: rustls set up with an explicit provider, the configured roots and, if asked for, none at all.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::load;
use crate::config::{TlsConfig, TlsRoots};
use crate::error::{Error, Result};

/// Builds rustls's configuration. The provider is named, never the process's default: an application may have another,
/// or two, and rustls then has none.
pub(super) fn client_config(tls: &TlsConfig) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::config("TLS 1.2 and 1.3 are not available").with_source(error))?;
    if tls.allow_invalid_certs {
        let verifier = Arc::new(NoVerification(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    Ok(builder.with_root_certificates(roots(tls)?).with_no_client_auth())
}

fn roots(tls: &TlsConfig) -> Result<RootCertStore> {
    let (mut roots, mut problem) = (RootCertStore::empty(), None);
    match tls.roots {
        TlsRoots::Bundled => add_bundled(&mut roots)?,
        TlsRoots::Native => {
            let mut found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            problem = found.errors.pop();
        }
    }
    if let Some(path) = &tls.ca_file {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        let error = Error::config(
            "tls.roots: this system has no certification authorities; install its ca-certificates, set \
             tls.roots = \"bundled\", or name a tls.ca-file",
        );
        return Err(match problem {
            Some(problem) => error.with_source(problem),
            None => error,
        });
    }
    Ok(roots)
}

#[cfg(feature = "bundled-roots")]
fn add_bundled(roots: &mut RootCertStore) -> Result<()> {
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    Ok(())
}

#[cfg(not(feature = "bundled-roots"))]
fn add_bundled(_: &mut RootCertStore) -> Result<()> {
    Err(Error::config("tls.roots: \"bundled\" needs the feature bundled-roots, without which this program was built"))
}

fn add_file(roots: &mut RootCertStore, path: &str) -> Result<()> {
    let wrong = |why: &str| Error::config(format!("tls.ca-file: {path} {why}"));
    let text = load::certificates(path)?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| wrong("is not PEM").with_source(error))?;
        roots.add(certificate).map_err(|error| wrong("holds an invalid certificate").with_source(error))?;
        count += 1;
    }
    if count == 0 { Err(wrong("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")) } else { Ok(()) }
}

/// Accepts every certificate, as `tls.allow-invalid-certs` says, also those that cannot be parsed: webpki knows no version 1,
/// which self-signed ones often are.
struct NoVerification(Arc<CryptoProvider>);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for NoVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoVerification")
    }
}
