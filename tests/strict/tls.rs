//! Certificates: one that holds is accepted, every other refused with its reason and the mend, and nothing is sent.

use std::sync::Arc;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Store, StoreConfig, StoreConfigBuilder};
use tokio_rustls::rustls::ServerConfig;

use crate::support::authority::Authority;
use crate::support::embedded::EmbeddedServer;
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::support::store;
use crate::support::strict::{StrictConfig, StrictServer};

pub(super) async fn server(tls: Arc<ServerConfig>) -> StrictServer {
    StrictServer::start(StrictConfig { tls: Some(tls), ..StrictConfig::default() }).await
}

pub(super) fn config(server: &StrictServer) -> StoreConfigBuilder {
    store::config(format!("https://localhost:{}", server.address().port()))
        .set("tls.roots", "bundled")
        .set("max-retries", 0)
}

pub(super) fn open(config: StoreConfigBuilder) -> Store {
    config.build().and_then(Store::new).expect("a valid configuration")
}

fn trusting(server: &StrictServer, folder: &Folder, authority: &Authority) -> StoreConfigBuilder {
    let path = folder.file("ca.pem", authority.pem());
    config(server).set("tls.ca-file", path.to_str().expect("UTF-8"))
}

#[apply(in_every_runtime)]
async fn a_private_authority_is_trusted_by_its_file() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = server(authority.server_config(&["localhost"])).await;
    let store = open(trusting(&server, &folder, &authority));
    store.put("k", vec![1; 300_000]).await.expect("it is stored");
    assert_eq!(store.get("k").await.expect("it is there").bytes().await.expect("its bytes").len(), 300_000);
    crate::assert_manners(&server);
}

#[apply(in_every_runtime)]
async fn a_certificate_that_does_not_hold_is_refused() {
    let (folder, authority) = (Folder::new(), Authority::new());
    for (name, tls, reason) in [
        ("wrong name", authority.server_config(&["example.com"]), "not valid for name"),
        ("expired", authority.expired(&["localhost"]), "expired"),
        ("not yet valid", authority.not_yet_valid(&["localhost"]), "not valid yet"),
        ("unknown authority", Authority::new().server_config(&["localhost"]), "tls.ca-file"),
        ("self-signed", Authority::self_signed(&["localhost"]), "tls.ca-file"),
    ] {
        let server = server(tls).await;
        let error = open(trusting(&server, &folder, &authority)).put("k", "secret mail").await.expect_err(name);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Tls, 1), "{name}: {error}");
        assert!(error.to_string().contains(reason), "{name}: {error}");
        assert!(server.requests().is_empty(), "{name}");
        let lax = open(config(&server).set("tls.allow-invalid-certs", true));
        lax.put("k", "x").await.unwrap_or_else(|error| panic!("{name}, allowed: {error}"));
    }
}

#[apply(in_every_runtime)]
async fn plain_http_and_tls_are_told_apart() {
    let folder = Folder::new();
    let plain = EmbeddedServer::start(folder.path(), "access", "secret", None).await.expect("the server starts");
    let https = StoreConfig::builder()
        .set("endpoint", format!("https://{}", plain.address()))
        .set("region", "x")
        .set("bucket", "bucket")
        .set("anonymous", true)
        .set("tls.roots", "bundled");
    let error = open(https).get("k").await.expect_err("no TLS here");
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("plain http on this port"), "{error}");
    let tls = server(Authority::new().server_config(&["localhost"])).await;
    let error = crate::store(&tls).get("k").await.expect_err("TLS here");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("does it speak plain http"), "{error}");
}

/// HTTP/2 switched on by accident has only slowed S3 clients down.
#[apply(in_every_runtime)]
async fn a_server_that_offers_http_2_gets_http_1() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = server(authority.server_config_offering(&["localhost"], &[b"h2", b"http/1.1"])).await;
    open(trusting(&server, &folder, &authority)).put("k", "x").await.expect("HTTP/1.1");
}

#[test]
fn a_wrong_ca_file_is_an_error_at_once() {
    let folder = Folder::new();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (content, reason) in
        [(Some(""), "no certificate"), (Some(broken), "certificate that is none"), (None, "cannot be read")]
    {
        let path = folder.path().join("ca.pem");
        match content {
            Some(content) => std::fs::write(&path, content).expect("a file"),
            None => std::fs::remove_file(&path).expect("no file"),
        }
        let config = StoreConfig::builder()
            .set("region", "x")
            .set("bucket", "bucket")
            .set("anonymous", true)
            .set("endpoint", "https://localhost")
            .set("tls.ca-file", path.to_str().expect("UTF-8"));
        let error = config.build().and_then(Store::new).expect_err(reason);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(reason) && error.to_string().contains("tls.ca-file"), "{error}");
    }
}
