//! What a store does, shown against servers of other makes.
//!
//! Without further ado it is s3s-fs inside this process, over http and https. With `S3LITE_TEST_ENDPOINT` and its like in
//! the environment it is that server instead (README, "Testing against your own server"). Where servers may differ, a case
//! asks the server and holds the client to what it then must do.

#[path = "../support/mod.rs"]
mod support;

mod conditions;
mod listing;
mod objects;
mod payloads;
mod presigned;
mod recorded;
mod refusals;
mod server;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use macro_rules_attribute::apply;

use server::Server;
use support::authority::Authority;
use support::embedded::EmbeddedServer;
use support::folder::Folder;
use support::strict::{StrictConfig, StrictServer};

use crate::support::runtimes::in_every_runtime;

/// No case may hang; the slowest takes a second.
const LIMIT: Duration = Duration::from_secs(120);

type Case = (&'static str, fn(Arc<Server>) -> Pin<Box<dyn Future<Output = ()> + Send>>);

/// Lists cases by name.
macro_rules! cases {
    ($($module:ident: $($case:ident),+;)+) => {
        [$($((concat!(stringify!($module), "::", stringify!($case)), |server| Box::pin($module::$case(server)))),+),+]
    };
}

const CASES: [Case; 31] = cases! {
    objects: sizes, files, readers, metadata, odd_keys, ranges, empty_ranges, deletion, many_at_once, prefix;
    payloads: every_signing, wrong_lengths, failing_source, cancelled, changed_file, encoded_content;
    listing: pages, delimiter, start_after, nothing, many_keys, raw;
    refusals: missing_object, missing_bucket, wrong_secret, unknown_key, anonymous;
    conditions: create_only, overwrite_only, reads;
    presigned: both_ways;
};

#[apply(in_every_runtime)]
async fn over_http() {
    if let Some(server) = Server::of_environment() {
        return check_if(!server.is_https(), server).await;
    }
    let folder = Folder::new();
    let (_running, server) = embedded(&folder, None).await;
    check(server).await;
}

#[apply(in_every_runtime)]
async fn over_https() {
    if let Some(server) = Server::of_environment() {
        return check_if(server.is_https(), server).await;
    }
    let folder = Folder::new();
    let authority = Authority::new();
    let (_running, server) = embedded(&folder, Some(&authority)).await;
    check(server).await;
}

/// An endpoint may be an address of IPv6, also for the client that knows nothing of S3.
#[apply(in_every_runtime)]
async fn over_ipv6() {
    let strict = StrictServer::start(StrictConfig { ipv6: true, ..StrictConfig::default() }).await;
    let server = Server {
        endpoint: format!("http://{}", strict.address()),
        region: "eu-central-1".to_owned(),
        access_key: "access".to_owned(),
        secret_key: "secret".to_owned(),
        bucket: "bucket".to_owned(),
        ca_file: None,
        style: "path".to_owned(),
    };
    assert!(server.endpoint.starts_with("http://[::1]:"), "{}", server.endpoint);
    presigned::both_ways(Arc::new(server)).await;
}

/// Runs the cases under the name that has the scheme of the environment's endpoint; the other has nothing to run then.
async fn check_if(is_named_so: bool, server: Server) {
    if is_named_so {
        check(server).await;
    } else {
        println!("no cases: the endpoint is {}", server.endpoint);
    }
}

async fn embedded(folder: &Folder, authority: Option<&Authority>) -> (EmbeddedServer, Server) {
    let objects = folder.path().join("objects");
    std::fs::create_dir(&objects).expect("a folder for the objects");
    let tls = authority.map(|authority| authority.server_config(&["localhost"]));
    let running = EmbeddedServer::start(&objects, "access", "secret", tls).await.expect("the server starts");
    running.create_bucket("conformance").expect("a bucket");
    let ca_file = authority.map(|authority| folder.file("ca.pem", authority.pem()));
    let server = Server {
        endpoint: running.endpoint(),
        region: "us-east-1".to_owned(),
        access_key: "access".to_owned(),
        secret_key: "secret".to_owned(),
        bucket: "conformance".to_owned(),
        ca_file,
        style: "path".to_owned(),
    };
    (running, server)
}

/// Runs every case and names all that fail.
async fn check(server: Server) {
    let server = Arc::new(server);
    let mut failures = Vec::new();
    for (name, case) in CASES {
        let run = tokio::time::timeout(LIMIT, tokio::spawn(case(server.clone())));
        match run.await {
            Ok(Ok(())) => {}
            Ok(Err(_panicked)) => {
                // Below what the panic has printed.
                eprintln!("in the case {name} against {}", server.endpoint);
                failures.push(name.to_owned());
            }
            Err(_) => {
                eprintln!("the case {name} hangs against {}", server.endpoint);
                failures.push(format!("{name} (hangs)"));
            }
        }
    }
    println!("{} cases against {}", CASES.len(), server.endpoint);
    assert!(failures.is_empty(), "{} of {} cases fail: {}", failures.len(), CASES.len(), failures.join(", "));
}
