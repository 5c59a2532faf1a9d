//! A certificate authority that lives as long as the test: certificates to
//! trust, and the ways in which one must not be trusted.
//!
//! All dates are fixed, far enough from the present that no clock decides
//! whether a test passes.

#![allow(dead_code, reason = "each test that includes this file uses a part of it")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SigningKey, date_time_ymd,
};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion};

const IN_FORCE: Range<i32> = 2000..3000;
const EXPIRED: Range<i32> = 2000..2001;
const NOT_YET_VALID: Range<i32> = 2999..3000;

static MADE: AtomicUsize = AtomicUsize::new(1);

/// A root certificate and its key, made by [`Authority::new`] and trusted by
/// nobody who is not given its [`pem`](Authority::pem).
///
/// The `names` of a certificate are DNS names and IP addresses.
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority unlike any other.
    pub fn new() -> Self {
        // Under one name, the certificates of two authorities would differ in
        // the signature alone: corrupt to a client, and not of an unknown issuer.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let mut params = params(&format!("s3lite test authority {number}"), &[], IN_FORCE);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = CertifiedIssuer::self_signed(params, new_key()).expect("the parameters of the root are complete");
        Self { root }
    }

    /// The root certificate, as the text of a CA file.
    pub fn pem(&self) -> String {
        self.root.pem()
    }

    /// The root certificate as one of version 1, which has no extensions: not even one that says it is an authority.
    pub fn pem_of_version_1(&self) -> String {
        pem(&version_1(self.root.der(), self.root.key()))
    }

    /// A server whose certificate is in force.
    pub fn server_config(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.server_config_offering(names, &[])
    }

    /// As [`server_config`](Authority::server_config), and it negotiates one of
    /// the ALPN protocols of `alpn`, such as `b"http/1.1"`.
    pub fn server_config_offering(&self, names: &[&str], alpn: &[&[u8]]) -> Arc<ServerConfig> {
        self.issue(names, IN_FORCE, alpn)
    }

    /// A server whose certificate was in force once.
    pub fn expired(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.issue(names, EXPIRED, &[])
    }

    /// A server whose certificate will be in force one day.
    pub fn not_yet_valid(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.issue(names, NOT_YET_VALID, &[])
    }

    /// A server whose certificate is in force, but vouched for by itself alone.
    pub fn self_signed(names: &[&str]) -> Arc<ServerConfig> {
        let key = new_key();
        let certificate =
            server_params(names, IN_FORCE).self_signed(&key).expect("the parameters of a server are complete");
        config(certificate.der().clone(), &key, &[])
    }

    fn issue(&self, names: &[&str], years: Range<i32>, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        let key = new_key();
        let certificate =
            server_params(names, years).signed_by(&key, &self.root).expect("the parameters of a server are complete");
        config(certificate.der().clone(), &key, alpn)
    }
}

/// A certificate that vouches for itself alone, and the server that presents it.
pub struct SelfSigned {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl SelfSigned {
    /// As `openssl req -x509` makes it: an authority without bounds, for any use.
    pub fn authority(names: &[&str]) -> Self {
        Self::of_years(names, IN_FORCE)
    }

    pub fn expired(names: &[&str]) -> Self {
        Self::of_years(names, EXPIRED)
    }

    pub fn not_yet_valid(names: &[&str]) -> Self {
        Self::of_years(names, NOT_YET_VALID)
    }

    /// An authority that may sign certificates and is not said to be a server.
    pub fn strict_authority(names: &[&str]) -> Self {
        let mut params = params("s3lite test server", names, IN_FORCE);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        Self::of(params)
    }

    /// No authority, as careful tools make it.
    pub fn server(names: &[&str]) -> Self {
        let mut params = server_params(names, IN_FORCE);
        params.is_ca = IsCa::ExplicitNoCa;
        Self::of(params)
    }

    /// Of version 1, as `openssl x509 -req` makes it: without extensions, and so without names but the subject's.
    pub fn of_version_1() -> Self {
        let Self { certificate, key } = Self::server(&["localhost"]);
        Self { certificate: version_1(&certificate, &key), key }
    }

    pub fn pem(&self) -> String {
        pem(&self.certificate)
    }

    pub fn server_config(&self) -> Arc<ServerConfig> {
        presenting(&self.certificate, &self.key, ALL_VERSIONS)
    }

    pub fn server_config_of(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        presenting(&self.certificate, &self.key, &[version])
    }

    /// A server that presents this certificate, which everybody can copy, but has another key.
    pub fn impostor_of(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        presenting(&self.certificate, &new_key(), &[version])
    }

    fn of_years(names: &[&str], years: Range<i32>) -> Self {
        let mut params = params("localhost", names, years);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.use_authority_key_identifier_extension = true;
        Self::of(params)
    }

    fn of(params: CertificateParams) -> Self {
        let key = new_key();
        let certificate = params.self_signed(&key).expect("the parameters of a server are complete");
        Self { certificate: certificate.der().clone(), key }
    }
}

/// A certificate as PEM has it (RFC 7468).
fn pem(certificate: &CertificateDer<'_>) -> String {
    let base64 = base64(certificate);
    let lines: Vec<&str> = (0..base64.len()).step_by(64).map(|at| &base64[at..base64.len().min(at + 64)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |three: &[u8]| {
        let number = three.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let digit = |index: usize| DIGITS[(number >> (18 - 6 * index)) as usize & 63] as char;
        (0..4).map(move |index| if index <= three.len() { digit(index) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(digits).collect()
}

/// Makes one of version 1 out of a certificate: without version and extensions, and signed anew.
fn version_1(certificate: &CertificateDer<'_>, key: &KeyPair) -> CertificateDer<'static> {
    let [(_, signed), algorithm, _] = elements(elements(certificate)[0].1)[..] else {
        panic!("a certificate has three")
    };
    let plain = elements(signed).into_iter().filter(|(tag, _)| !matches!(tag, 0xa0 | 0xa3));
    let signed = element(0x30, &plain.flat_map(|(tag, content)| element(tag, content)).collect::<Vec<u8>>());
    let signature = [vec![0], key.sign(&signed).expect("a key signs")].concat();
    let whole = [signed, element(algorithm.0, algorithm.1), element(0x03, &signature)].concat();
    element(0x30, &whole).into()
}

/// An element of DER: its tag, its length, its content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match u16::try_from(content.len()).expect("certificates are small") {
        length @ 0..=127 => vec![length as u8],
        length @ 128..=255 => vec![0x81, length as u8],
        length => [&[0x82][..], &length.to_be_bytes()].concat(),
    };
    [&[tag], &length[..], content].concat()
}

/// The elements of DER, one after the other: the tag and the content of each.
fn elements(mut rest: &[u8]) -> Vec<(u8, &[u8])> {
    let mut elements = Vec::new();
    while let [tag, first, after @ ..] = rest {
        let (length, after) = match *first {
            0x81 => (usize::from(after[0]), &after[1..]),
            0x82 => (usize::from(after[0]) << 8 | usize::from(after[1]), &after[2..]),
            length => (usize::from(length), after),
        };
        let (content, after) = after.split_at(length);
        elements.push((*tag, content));
        rest = after;
    }
    elements
}

/// Presents a certificate whatever its key.
#[derive(Debug)]
struct Presented(Arc<CertifiedKey>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn presenting(
    certificate: &CertificateDer<'static>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("rcgen writes PKCS#8 keys");
    let key = ring::sign::any_supported_type(&key).expect("ring signs with it");
    let presented = Presented(Arc::new(CertifiedKey::new(vec![certificate.clone()], key)));
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("ring serves both TLS versions");
    Arc::new(builder.with_no_client_auth().with_cert_resolver(Arc::new(presented)))
}

fn server_params(names: &[&str], years: Range<i32>) -> CertificateParams {
    let mut params = params("s3lite test server", names, years);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

fn params(common_name: &str, names: &[&str], years: Range<i32>) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("the names of a test are ASCII");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(years.start, 1, 1);
    params.not_after = date_time_ymd(years.end, 1, 1);
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness for a key")
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair, alpn: &[&[u8]]) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("rcgen writes PKCS#8 keys");
    // The provider is named, because a process with two of them has no default.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring serves both TLS versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the certificate was made for this key");
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}
