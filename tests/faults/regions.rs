//! H25, H28 over the wire: where a store dials once it hears that its bucket is elsewhere. Within AWS's own names, to the
//! named region; never to another partition's domain, which is another party.

use std::sync::{Arc, Mutex};

use macro_rules_attribute::apply;
use s3lite::{Error, Store, StoreConfigBuilder};

use crate::covers;
use crate::rig::{Rig, config, everywhere, read, reply};
use crate::support::authority::Authority;
use crate::support::folder::Folder;
use crate::support::strict::{Act, StrictConfig};

const HOME: &str = "bucket.s3.us-east-1.amazonaws.com";
const FRANKFURT: &str = "bucket.s3.eu-central-1.amazonaws.com";

/// AWS in memory, with a bucket in Frankfurt and a store that looks for it in Virginia.
struct Aws {
    rig: Rig,
    config: StoreConfigBuilder,
    dialed: Arc<Mutex<Vec<String>>>,
    _folder: Folder,
}

impl Aws {
    fn new() -> Self {
        let (folder, authority) = (Folder::new(), Authority::new());
        let path = folder.file("ca.pem", authority.pem());
        let rig = Rig::of(StrictConfig {
            base_hosts: [HOME, FRANKFURT].map(|host| host["bucket.".len()..].to_owned()).to_vec(),
            tls: Some(authority.server_config(&[HOME, FRANKFURT])),
            ..StrictConfig::default()
        });
        rig.server.bucket().seed("k", "hello");
        let config = config()
            .set("endpoint", "")
            .set("region", "us-east-1")
            .set("tls.roots", "bundled")
            .set("tls.ca-file", path.to_str().expect("UTF-8"));
        Self { rig, config, dialed: Arc::default(), _folder: folder }
    }

    fn open(&self, follow: bool) -> Store {
        let config = self.config.clone().set("follow-region", follow).build().expect("a valid configuration");
        let (network, dialed) = (self.rig.network.clone(), self.dialed.clone());
        let dial = move |uri: http::Uri| {
            dialed.lock().expect("nobody panics here").push(uri.to_string());
            network.clone().dial()
        };
        Store::dialed_by(config, dial).expect("a store")
    }

    /// The hosts that were dialed, in their order, each once in a row.
    fn dialed(&self) -> Vec<String> {
        let mut hosts: Vec<_> = self.dialed.lock().expect("nobody panics here").iter().map(|uri| host(uri)).collect();
        hosts.dedup();
        hosts
    }

    /// Host and region of each request's signature.
    fn signed(&self) -> Vec<(String, bool)> {
        let frankfurt = |text: String| text.contains("/eu-central-1/s3/aws4_request");
        let seen = self.rig.requests().into_iter();
        seen.map(|seen| {
            let signature = seen.header("authorization").expect("a signature");
            (seen.header("host").expect("a host"), frankfurt(signature))
        })
        .collect()
    }
}

fn host(uri: &str) -> String {
    let uri: http::Uri = uri.parse().expect("a URI");
    assert_eq!(uri.scheme_str(), Some("https"), "{uri}");
    uri.host().expect("a host").to_owned()
}

/// The two forms in which S3 says that a bucket is elsewhere.
fn elsewhere(region: &str) -> [Act; 2] {
    let malformed = format!(
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong; expecting '{region}'\
         </Message><Region>{region}</Region></Error>"
    );
    let moved = "<Error><Code>PermanentRedirect</Code></Error>";
    [
        reply("301 Moved Permanently", &format!("x-amz-bucket-region: {region}\r\n"), moved),
        reply("400 Bad Request", "", &malformed),
    ]
}

fn assert_names(error: &Error, region: &str) {
    assert!(error.is_wrong_region() && error.attempts() == 1, "{error}");
    assert_eq!(error.service().and_then(|service| service.region.as_deref()), Some(region), "{error}");
    assert!(error.to_string().contains(region), "{error}");
}

#[tokio::test(start_paused = true)]
async fn another_region_is_followed_to_its_own_host() {
    covers(&["H25", "H28"]);
    for act in elsewhere("eu-central-1") {
        let aws = Aws::new();
        aws.rig.server.next(act);
        let store = aws.open(true);
        assert_eq!(read(&store, "k").await.expect("in the right region"), b"hello");
        let (home, frankfurt) = ((HOME.to_owned(), false), (FRANKFURT.to_owned(), true));
        assert_eq!(aws.signed(), [home.clone(), frankfurt.clone()], "one attempt more");
        store.put("p", "x").await.expect("at once");
        assert_eq!(aws.signed(), [home, frankfurt.clone(), frankfurt], "learned");
        assert_eq!(aws.dialed(), [HOME, FRANKFURT]);
        aws.rig.assert_sound(store).await;
    }
}

/// A connection is its host's alone: a request for another would go to the wrong one, signed.
#[tokio::test(start_paused = true)]
async fn a_connection_of_the_wrong_region_is_not_used_for_the_right_one() {
    covers(&["H25"]);
    let aws = Aws::new();
    let store = aws.open(true);
    aws.rig.server.next(reply("200 OK", "ETag: \"e\"\r\n", "hello"));
    let held = store.get("k").await.expect("as if it were at home");
    let [moved, _] = elsewhere("eu-central-1");
    aws.rig.server.next(moved);
    store.head("k").await.expect("in the right region");
    // From now on the connection of the wrong region is the one that was used last.
    assert_eq!(held.bytes().await.expect("its bytes"), "hello");
    store.head("k").await.expect("in the right region");
    let mut hosts = vec![""; aws.rig.server.connections() + 1];
    for (seen, (host, _)) in aws.rig.requests().iter().zip(&aws.signed()) {
        let known = if host == HOME { HOME } else { FRANKFURT };
        let first = std::mem::replace(&mut hosts[seen.connection], known);
        assert!(first.is_empty() || first == known, "connection {} carries both", seen.connection);
    }
    aws.rig.assert_sound(store).await;
}

/// Credentials of one partition are nobody else's business: its name has another owner.
#[apply(everywhere)]
async fn another_partition_is_never_dialed() {
    covers(&["H25", "H28", "X9"]);
    for region in ["cn-north-1", "us-gov-west-1", "us-iso-east-1"] {
        for act in elsewhere(region) {
            let aws = Aws::new();
            aws.rig.server.always(act);
            let store = aws.open(true);
            assert_names(&read(&store, "k").await.expect_err("another partition"), region);
            assert_names(&store.put("k", "x").await.expect_err("another partition"), region);
            assert_eq!(aws.rig.requests().len(), 2, "{region}: no further request");
            assert_eq!(aws.dialed(), [HOME], "{region}");
        }
    }
}

#[apply(everywhere)]
async fn another_region_is_named_where_it_is_not_followed() {
    covers(&["H25", "H28"]);
    for act in elsewhere("eu-central-1") {
        let aws = Aws::new();
        aws.rig.server.next(act);
        let store = aws.open(false);
        assert_names(&read(&store, "k").await.expect_err("not allowed"), "eu-central-1");
        assert_eq!((aws.rig.requests().len(), aws.dialed()), (1, vec![HOME.to_owned()]));
    }
}

/// Two regions that each name the other end after one step.
#[apply(everywhere)]
async fn regions_that_point_at_each_other_end() {
    covers(&["H25"]);
    let aws = Aws::new();
    let [there, _] = elsewhere("eu-central-1");
    let [back, _] = elsewhere("us-east-1");
    for act in [&there, &back, &there, &back] {
        aws.rig.server.next(act.clone());
    }
    let store = aws.open(true);
    let error = read(&store, "k").await.expect_err("a circle");
    assert!(error.is_wrong_region(), "{error}");
    assert_eq!(aws.rig.requests().len(), 2, "followed once");
}
