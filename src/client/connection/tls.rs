//! What a store trusts: rustls set up with an explicit provider, the configured roots and, if asked for, none at all.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::client::load;
use crate::config::{StoreConfig, TlsConfig, TlsRoots};
use crate::error::{Error, Result};

/// Builds rustls's configuration. The provider is named, never the process's default: an application may have another,
/// or two, and rustls then has none.
pub(in crate::client) fn client_config(tls: &TlsConfig, listed: Vec<CertificateDer<'static>>) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::config("TLS 1.2 and 1.3 are not available").with_source(error))?;
    let verifier: Arc<dyn ServerCertVerifier> = if tls.allow_invalid_certs {
        Arc::new(NoVerification(provider))
    } else {
        let roots = Arc::new(roots(tls, &listed)?);
        let webpki = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        let webpki = webpki.map_err(|error| Error::config("tls.roots: cannot be used").with_source(error))?;
        Arc::new(Trusted { webpki, listed })
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn roots(tls: &TlsConfig, listed: &[CertificateDer<'static>]) -> Result<RootCertStore> {
    let (mut roots, problem) = match tls.roots {
        TlsRoots::Bundled => (bundled()?, None),
        TlsRoots::Native => native(),
    };
    roots.add_parsable_certificates(listed.iter().cloned());
    if !roots.is_empty() {
        return Ok(roots);
    }
    let error = Error::config(
        "tls.roots: this system has no certification authorities; install its ca-certificates, set \
         tls.roots = \"bundled\", or name a tls.ca-file",
    );
    Err(match problem {
        Some(problem) => error.with_source(problem),
        None => error,
    })
}

/// The system's authorities. They are read once in a process, which takes milliseconds; where there are none, each time.
fn native() -> (RootCertStore, Option<rustls_native_certs::Error>) {
    static FOUND: OnceLock<RootCertStore> = OnceLock::new();
    if let Some(roots) = FOUND.get() {
        return (roots.clone(), None);
    }
    let (mut found, mut roots) = (rustls_native_certs::load_native_certs(), RootCertStore::empty());
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        FOUND.get_or_init(|| roots.clone());
    }
    (roots, found.errors.pop())
}

#[cfg(feature = "bundled-roots")]
fn bundled() -> Result<RootCertStore> {
    Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
}

#[cfg(not(feature = "bundled-roots"))]
fn bundled() -> Result<RootCertStore> {
    Err(Error::config("tls.roots: \"bundled\" needs the feature bundled-roots, without which this program was built"))
}

/// Reads the certificates of `tls.ca-file`.
pub(in crate::client) fn listed(config: &StoreConfig) -> Result<Vec<CertificateDer<'static>>> {
    let Some(path) = &config.tls().ca_file else { return Ok(Vec::new()) };
    read_listed(path).map_err(|error| {
        let store = config.store().map(|name| format!("store.{name}.")).unwrap_or_default();
        match config.ca_file_position {
            Some((line, column)) => error.within(format_args!("line {line}, column {column}: {store}tls.ca-file")),
            None => error.within(format_args!("{store}tls.ca-file")),
        }
    })
}

fn read_listed(path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |why: String| Error::config(format!("{path} {why}"));
    let bytes = load::certificates(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let pem = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let (mut listed, mut roots) = (Vec::new(), RootCertStore::empty());
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let number = listed.len() + 1;
        let odd = || format!("has a certificate that is none, number {number} of those in it");
        let certificate = certificate.map_err(|error| wrong(odd() + ": it is not PEM").with_source(error))?;
        roots.add(certificate.clone()).map_err(|error| wrong(odd()).with_source(error))?;
        listed.push(certificate);
    }
    if listed.is_empty() {
        return Err(wrong("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    Ok(listed)
}

/// Says what is wrong with a connection's TLS, and what to do.
pub(in crate::client) fn problem(error: &rustls::Error) -> String {
    use rustls::{CertificateError as Wrong, Error as Tls, InvalidMessage};
    match error {
        Tls::InvalidCertificate(Wrong::UnknownIssuer) => {
            "its certificate is from an authority that is not trusted; name the authority's certificate in tls.ca-file"
                .to_owned()
        }
        Tls::InvalidCertificate(Wrong::BadEncoding) => "its certificate cannot be read as one".to_owned(),
        Tls::InvalidCertificate(Wrong::Other(other)) => match other.to_string().as_str() {
            CA_AS_SERVER => {
                "its certificate is an authority's that vouches for itself, and is not trusted; name it in tls.ca-file"
                    .to_owned()
            }
            VERSION_1 => {
                "its certificate is of X.509 version 1, which names no hosts; make one of version 3 with a subjectAltName"
                    .to_owned()
            }
            other => format!("its certificate does not hold: {other}"),
        },
        Tls::InvalidCertificate(wrong) => format!("its certificate does not hold: {wrong}"),
        Tls::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it speaks plain http on this port; is the endpoint http://?".to_owned()
        }
        other => other.to_string(),
    }
}

/// What webpki calls two of its errors, which rustls hands on in words alone.
const CA_AS_SERVER: &str = "CaUsedAsEndEntity";
const VERSION_1: &str = "UnsupportedCertVersion";

/// Trusts what webpki trusts, and a certificate of `tls.ca-file` itself: `openssl req -x509` makes an authority of every
/// certificate, and webpki takes none for a server's.
#[derive(Debug)]
struct Trusted {
    webpki: Arc<WebPkiServerVerifier>,
    listed: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let verified = self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        // It is in time: webpki looks at that first.
        let is_authority = matches!(
            &verified,
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(other))) if other.to_string() == CA_AS_SERVER
        );
        if !is_authority || !self.listed.contains(end_entity) {
            return verified;
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
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
