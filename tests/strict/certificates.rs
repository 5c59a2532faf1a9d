//! The certificates of `tls.ca-file`: what people put there, in the forms in which their tools write it.

use std::path::Path;
use std::sync::Arc;

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, Store};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::support::authority::{Authority, SelfSigned};
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::StrictServer;
use crate::tls::{config, open, server};

/// Words of libraries, which say nothing to whoever made the certificate.
const FOREIGN: [&str; 5] = ["Other(", "OtherError", "CaUsedAsEndEntity", "UnsupportedCertVersion", "BadEncoding"];

fn trusting(server: &StrictServer, folder: &Folder, file: impl AsRef<[u8]>) -> Result<Store, Error> {
    let path = folder.file("ca.pem", file);
    config(server).set("tls.ca-file", path.to_str().expect("UTF-8")).build().and_then(Store::new)
}

/// Puts and gets an object by a server whose certificate is to be trusted by a file.
async fn assert_trusted(what: &str, tls: Arc<ServerConfig>, file: impl AsRef<[u8]>) {
    let (folder, server) = (Folder::new(), server(tls).await);
    let store = trusting(&server, &folder, file).unwrap_or_else(|error| panic!("{what}: {error}"));
    store.put("k", "content").await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(store.get("k").await.expect(what).bytes().await.expect(what), "content", "{what}");
    crate::assert_manners(&server);
}

/// What is said of a server that is not to be trusted: when its file is read, or when it is connected to. It is sent nothing.
async fn refusal(what: &str, tls: Arc<ServerConfig>, file: impl AsRef<[u8]>) -> String {
    let (folder, server) = (Folder::new(), server(tls).await);
    let error = match trusting(&server, &folder, file) {
        Ok(store) => {
            let error = store.put("k", "secret mail").await.expect_err(what);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Tls, 1), "{what}: {error}");
            error
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Config, "{what}: {error}");
            error
        }
    };
    assert!(server.requests().is_empty(), "{what}");
    let text = error.to_string();
    for word in FOREIGN {
        assert!(!text.contains(word), "{what}: {text}");
    }
    text
}

#[apply(in_every_runtime)]
async fn a_certificate_that_vouches_for_itself_is_trusted_by_its_file() {
    for (what, made) in [
        ("an authority", SelfSigned::authority as fn(&[&str]) -> SelfSigned),
        ("an authority for certificates", SelfSigned::strict_authority),
        ("no authority", SelfSigned::server),
    ] {
        let certificate = made(&["localhost"]);
        for version in [&TLS12, &TLS13] {
            assert_trusted(what, certificate.server_config_of(version), certificate.pem()).await;
        }
    }
}

#[apply(in_every_runtime)]
async fn a_certificate_that_vouches_for_itself_is_trusted_among_others() {
    let [one, two, three] = [(); 3].map(|()| SelfSigned::authority(&["localhost"]));
    let authority = Authority::new();
    let file = [one.pem(), authority.pem(), two.pem(), three.pem()].concat();
    for certificate in [&one, &two, &three] {
        assert_trusted("one of many", certificate.server_config(), &file).await;
    }
    assert_trusted("what an authority signed", authority.server_config(&["localhost"]), &file).await;
}

#[apply(in_every_runtime)]
async fn one_that_is_for_several_names_or_an_address_is_trusted() {
    let certificate = SelfSigned::authority(&["example.com", "*.example.com", "localhost", "127.0.0.1"]);
    assert_trusted("several names", certificate.server_config(), certificate.pem()).await;
    let (folder, certificate) = (Folder::new(), SelfSigned::authority(&["127.0.0.1"]));
    let server = server(certificate.server_config()).await;
    let path = folder.file("ca.pem", certificate.pem());
    let config = config(&server).set("endpoint", format!("https://{}", server.address()));
    open(config.set("tls.ca-file", path.to_str().expect("UTF-8"))).put("k", "x").await.expect("an address is a name");
}

/// It is that certificate, that name, that time and that key, or it is nothing.
#[apply(in_every_runtime)]
async fn nothing_but_that_certificate_is_trusted() {
    let trusted = SelfSigned::authority(&["localhost"]);
    for (what, other) in [
        ("another authority of the same name", SelfSigned::authority(&["localhost"])),
        ("another server of the same name", SelfSigned::server(&["localhost"])),
    ] {
        let text = refusal(what, other.server_config(), trusted.pem()).await;
        assert!(text.contains("tls.ca-file"), "{what}: {text}");
    }
    for (what, certificate, reason) in [
        ("another name", SelfSigned::authority(&["example.com"]), "not valid for name"),
        ("another name, no authority", SelfSigned::server(&["example.com"]), "not valid for name"),
        ("expired", SelfSigned::expired(&["localhost"]), "expired"),
        ("not yet valid", SelfSigned::not_yet_valid(&["localhost"]), "not valid yet"),
    ] {
        let text = refusal(what, certificate.server_config(), certificate.pem()).await;
        assert!(text.contains(reason), "{what}: {text}");
    }
}

/// A certificate is no secret: whoever copies it has not its key.
#[apply(in_every_runtime)]
async fn a_copy_of_that_certificate_is_not_trusted() {
    for certificate in [SelfSigned::authority(&["localhost"]), SelfSigned::server(&["localhost"])] {
        for version in [&TLS12, &TLS13] {
            refusal("another key", certificate.impostor_of(version), certificate.pem()).await;
        }
    }
}

#[apply(in_every_runtime)]
async fn one_that_nobody_trusts_is_told_what_to_do() {
    for certificate in [SelfSigned::authority(&["localhost"]), SelfSigned::server(&["localhost"])] {
        let text = refusal("unknown", certificate.server_config(), Authority::new().pem()).await;
        assert!(text.contains("tls.ca-file"), "{text}");
    }
}

/// As `openssl req -x509 -subj /CN=localhost` makes it: either that is enough, or it is said what is missing.
#[apply(in_every_runtime)]
async fn one_without_alternative_names_is_trusted_or_told_so() {
    let (folder, certificate) = (Folder::new(), SelfSigned::authority(&[]));
    let server = server(certificate.server_config()).await;
    let store = trusting(&server, &folder, certificate.pem()).expect("a certificate");
    if let Err(error) = store.put("k", "x").await {
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
        assert!(error.to_string().contains("subjectAltName"), "{error}");
    }
}

#[apply(in_every_runtime)]
async fn a_certificate_of_version_1_is_called_so() {
    let certificate = SelfSigned::of_version_1();
    for version in [&TLS12, &TLS13] {
        let text = refusal("in the file", certificate.server_config_of(version), certificate.pem()).await;
        assert!(text.contains("version 1"), "{text}");
        let text = refusal("unknown", certificate.server_config_of(version), Authority::new().pem()).await;
        assert!(text.contains("version 1"), "{text}");
    }
}

/// Old authorities are of version 1, and what they signed is as good as ever.
#[apply(in_every_runtime)]
async fn an_authority_of_version_1_is_an_authority() {
    let authority = Authority::new();
    let tls = authority.server_config(&["localhost"]);
    assert_trusted("version 1", tls.clone(), authority.pem_of_version_1()).await;
    let file = [SelfSigned::authority(&["localhost"]).pem(), authority.pem_of_version_1()].concat();
    assert_trusted("version 1 among others", tls, file).await;
}

/// RFC 7468: what stands around the blocks is for people, whatever they write in.
#[apply(in_every_runtime)]
async fn text_around_certificates_is_read_over() {
    let authority = Authority::new();
    let tls = authority.server_config(&["localhost"]);
    let (pem, other) = (authority.pem(), Authority::new().pem());
    let bytes = |parts: &[&[u8]]| parts.concat();
    for (what, file) in [
        ("a byte order mark", bytes(&[b"\xef\xbb\xbf", pem.as_bytes()])),
        ("Latin-1 before", bytes(&[b"Aussteller: M\xfcnchen\n", pem.as_bytes()])),
        ("Latin-1 behind", bytes(&[pem.as_bytes(), b"# gro\xdf\n"])),
        ("Latin-1 between", bytes(&[other.as_bytes(), b"Soci\xe9t\xe9 G\xe9n\xe9rale\n", pem.as_bytes()])),
        ("Latin-1 in front of a block's text", bytes(&[b"\xe9\n\xe9\xe9 = \"x\"\n\n", pem.as_bytes(), b"\xff\xfe"])),
        ("UTF-8", bytes(&["# größer, 日本\n".as_bytes(), pem.as_bytes()])),
        ("a mark and Latin-1", bytes(&[b"\xef\xbb\xbf# \xfc\n", pem.as_bytes()])),
        ("line breaks of Windows", pem.replace('\n', "\r\n").into_bytes()),
        ("no last line break", pem.trim_end().as_bytes().to_vec()),
        ("blank lines", format!("\n\n{pem}\n\n").into_bytes()),
        ("text as openssl writes it", format!("Certificate:\n    Data:\n        Version: 3 (0x2)\n{pem}").into_bytes()),
        ("comments as Mozilla's", format!("# Issuer: CN=x\n# MD5 Fingerprint: 00:11\n{pem}").into_bytes()),
        ("twice the same", format!("{pem}{pem}").into_bytes()),
        ("a key before it", format!("{KEY}{pem}").into_bytes()),
        ("a key behind it", format!("{pem}{KEY}").into_bytes()),
    ] {
        assert_trusted(what, tls.clone(), file).await;
    }
}

/// Not a key, but it has the form of one: files of servers hold both.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nQ0FOQVJZ\n-----END PRIVATE KEY-----\n";

/// What `Store::new` says of a file, without the file's name.
fn said_of(folder: &Folder, file: impl AsRef<[u8]>) -> String {
    let path = folder.file("ca.pem", file);
    let text = told(&path);
    text.replace(path.to_str().expect("UTF-8"), "FILE")
}

fn told(path: &Path) -> String {
    let config = s3lite::StoreConfig::builder()
        .set("region", "eu-central-1")
        .set("bucket", "bucket")
        .set("anonymous", true)
        .set("endpoint", "https://localhost")
        .set("tls.roots", "bundled")
        .set("tls.ca-file", path.to_str().expect("UTF-8"));
    let error = config.build().and_then(Store::new).expect_err("a mistake");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let text = error.to_string();
    assert!(!format!("{error} {error:?}").contains("CANARY"), "{text}");
    text
}

/// Does a text have a number, as digits of their own?
fn has_number(text: &str, number: usize) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits == number.to_string())
}

#[test]
fn one_odd_certificate_among_many_is_told_by_its_number() {
    let folder = Folder::new();
    let block = |content: &str| format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n");
    let good: Vec<String> = (0..11).map(|_| Authority::new().pem()).collect();
    let cut = good[0].lines().take(5).collect::<Vec<_>>().join("\n");
    for (what, odd) in [
        ("no certificate", block("AAAA")),
        ("text", block("Q0FOQVJZIENBTkFSWQ==")),
        ("no base64", block("CANARY!")),
        ("cut, and ended", format!("{cut}\n-----END CERTIFICATE-----\n")),
        ("empty", block("")),
    ] {
        for number in [1, 2, 3, 7, 12] {
            let mut blocks: Vec<&str> = good.iter().map(String::as_str).collect();
            blocks.insert(number - 1, &odd);
            let text = said_of(&folder, blocks.concat());
            assert!(text.contains("tls.ca-file") && has_number(&text, number), "{what}, {number}: {text}");
        }
    }
}

#[test]
fn a_file_of_another_kind_is_told_what_it_should_be() {
    let folder = Folder::new();
    let pem = Authority::new().pem();
    for (what, file) in [
        ("nothing", Vec::new()),
        ("a key alone", KEY.as_bytes().to_vec()),
        ("DER", b"\x30\x82\x01\x0a\x02\x82\x01\x01\x00\xff\xfe\xe9".to_vec()),
        ("text", b"CANARY".to_vec()),
        ("UTF-16", pem.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("base64 alone", b"Q0FOQVJZ\n".to_vec()),
    ] {
        let text = said_of(&folder, file);
        assert!(text.contains("tls.ca-file") && text.contains("PEM"), "{what}: {text}");
    }
    let text = said_of(&folder, pem.lines().take(5).collect::<Vec<_>>().join("\n"));
    assert!(text.contains("tls.ca-file"), "cut: {text}");
    let text = told(&folder.path().join("none.pem"));
    assert!(text.contains("tls.ca-file") && text.contains("none.pem"), "{text}");
}
