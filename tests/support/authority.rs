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
    KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
