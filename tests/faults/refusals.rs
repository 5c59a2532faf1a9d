//! S9 to S12, C1, H25 to H28: who asks, when by whose clock, and in which region.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Store, StoreConfigBuilder};

use crate::covers;
use crate::rig::{Rig, config, everywhere, read, refusal, reply};
use crate::support::authority::Authority;
use crate::support::folder::Folder;
use crate::support::strict::{Act, StrictConfig};

fn seeded() -> (Rig, Store) {
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    (rig, store)
}

/// However far the clocks are apart, it costs one refusal, once.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_is_corrected_once() {
    covers(&["S9", "H40", "C17"]);
    for hours in [-3, -1, 1, 3] {
        let (rig, store) = seeded();
        rig.server.set_clock_offset(hours * 3600);
        for _ in 0..3 {
            assert_eq!(read(&store, "k").await.expect("corrected"), b"hello");
        }
        let refused = rig.requests().iter().filter(|seen| seen.status == Some(403)).count();
        assert_eq!((refused, rig.requests().len()), (1, 4), "{hours}");
        // The clock is set right meanwhile.
        rig.server.set_clock_offset(0);
        assert_eq!(read(&store, "k").await.expect("corrected again"), b"hello");
        rig.assert_sound(store).await;
    }
    for age in [false, true] {
        let (rig, store) = seeded();
        rig.server.set_clock_offset(3 * 3600);
        rig.server.always(Act::mutate(move |answer| match age {
            true => answer.set_header("Age", "60"),
            false => answer.remove_header("Date"),
        }));
        let error = read(&store, "k").await.expect_err("nothing to go by");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::ClockSkew, 1), "{error}");
    }
}

/// A clock that is minutes off is refused by nobody. Successes teach what it lacks, one of them a second.
#[tokio::test(start_paused = true)]
async fn successes_teach_the_time() {
    covers(&["S9"]);
    let (rig, store) = seeded();
    rig.server.set_clock_offset(120);
    read(&store, "k").await.expect("close enough");
    read(&store, "k").await.expect("by the server's clock");
    // The same second has nothing more to tell, and the next one has.
    rig.server.set_clock_offset(0);
    read(&store, "k").await.expect("close enough");
    read(&store, "k").await.expect("close enough");
    tokio::time::advance(Duration::from_secs(1)).await;
    read(&store, "k").await.expect("close enough");
    read(&store, "k").await.expect("by the server's clock");
    let dates: Vec<_> = rig.requests().iter().map(|seen| seen.header("x-amz-date").expect("a date")).collect();
    assert!(dates[0] < dates[1] && dates[1..5].is_sorted() && dates[5] < dates[4], "{dates:?}");
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn wrong_keys_are_refused_once_and_shown_nowhere() {
    covers(&["S10", "S12", "X2"]);
    let (rig, _) = seeded();
    for (key, secret) in [("access", "w-r-o-n-g-canary"), ("AKIDCANARY", "secret")] {
        let store = rig.open(config().set("access-key", key).set("secret-key", secret));
        let before = rig.requests().len();
        let error = store.put("k", "x").await.expect_err("refused");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::AccessDenied, 1), "{error}");
        assert!(!error.is_outcome_unknown() && !format!("{error} {error:?}").contains("canary"), "{error:?}");
        assert_eq!(rig.requests().len(), before + 1);
    }
}

#[apply(everywhere)]
async fn credentials_that_are_not_accepted_are_said() {
    covers(&["C3"]);
    let (rig, store) = seeded();
    for (status, code) in
        [("400 Bad Request", "ExpiredToken"), ("403 Forbidden", "ExpiredToken"), ("400 Bad Request", "InvalidToken")]
    {
        rig.server.next(refusal(status, code));
        let error = store.get("k").await.expect_err(code);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Credentials, Some(code)), "{error}");
    }
    rig.assert_sound(store).await;
}

/// Temporary keys without their token are sent as they are, and refused by the service.
#[apply(everywhere)]
async fn temporary_keys_need_their_token() {
    covers(&["C19"]);
    let rig = Rig::of(StrictConfig { session_token: Some("token".into()), ..StrictConfig::default() });
    let error = rig.store().get("k").await.expect_err("the token is missing");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::AccessDenied, 1), "{error}");
    let store = rig.open(config().set("security-token", "token"));
    assert!(store.get("k").await.expect_err("there is nothing").is_not_found());
}

/// What an operator needs to know who copied two of three values.
#[apply(everywhere)]
async fn a_refusal_of_temporary_keys_without_a_token_says_what_is_missing() {
    covers(&["C19", "S12"]);
    let rig = Rig::new();
    let temporary = || config().set("access-key", "ASIAIOSFODNN7EXAMPLE");
    for code in ["AccessDenied", "InvalidAccessKeyId"] {
        for (config, missing) in [
            (temporary(), true),
            (temporary().set("security-token", "token"), false),
            (config().set("access-key", "AKIAIOSFODNN7EXAMPLE"), false),
        ] {
            rig.server.next(refusal("403 Forbidden", code));
            let error = rig.open(config).get("k").await.expect_err(code);
            assert_eq!(
                (error.kind(), error.code(), error.attempts()),
                (ErrorKind::AccessDenied, Some(code), 1),
                "{error}"
            );
            let text = error.to_string();
            assert_eq!(text.contains("security-token"), missing, "{code}: {text}");
            assert!(!text.contains("EXAMPLE"), "keys of accounts are not shown: {text}");
        }
    }
    rig.server.next(refusal("404 Not Found", "NoSuchKey"));
    let error = rig.open(temporary()).get("k").await.expect_err("it is not there");
    assert!(!error.to_string().contains("security-token"), "the keys were good: {error}");
}

/// No attempt goes out with the signature of another.
#[apply(everywhere)]
async fn every_attempt_is_signed_anew() {
    covers(&["C1"]);
    let (rig, store) = seeded();
    rig.server.set_clock_offset(3600);
    rig.server.next(Act::Normal);
    rig.server.next(Act::CloseBeforeReply);
    rig.server.next(refusal("503 Slow Down", "SlowDown"));
    assert_eq!(read(&store, "k").await.expect("the fourth try"), b"hello");
    let dates: Vec<_> = rig.requests().iter().map(|seen| seen.header("x-amz-date").expect("a date")).collect();
    assert!(dates.len() == 4 && dates[0] < dates[1], "{dates:?}");
    assert!(rig.requests()[1..].iter().all(|seen| seen.refusal.is_none()), "each verifies by the server's clock");
}

#[apply(everywhere)]
async fn a_redirect_is_never_followed() {
    covers(&["H26", "H27", "X8", "X9"]);
    let (rig, store) = seeded();
    for location in ["http://127.0.0.2:1/", "https://evil.example/", "http://169.254.169.254/", "/elsewhere", "http://"]
    {
        for status in ["301 X", "302 X", "303 X", "307 X", "308 X"] {
            rig.server.next(reply(status, &format!("Location: {location}\r\n"), ""));
            let error = store.put("k", "secret mail").await.expect_err(status);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Redirect, 1), "{error}");
        }
    }
    assert_eq!((rig.requests().len(), rig.network.dialed()), (25, 1), "nothing went anywhere else");
    let named = "<Error><Code>PermanentRedirect</Code><Endpoint>evil.example</Endpoint></Error>";
    rig.server.next(reply("301 Moved", "x-amz-bucket-region: us-west-2\r\n", named));
    let error = store.get("k").await.expect_err("elsewhere");
    assert!(error.is_wrong_region() && error.to_string().contains("us-west-2"), "{error}");
    rig.assert_sound(store).await;
}

/// AWS in memory: a bucket in Ireland.
fn ireland(folder: &Folder) -> (Rig, StoreConfigBuilder) {
    let hosts = ["s3.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"];
    let authority = Authority::new();
    let path = folder.file("ca.pem", authority.pem());
    let names = hosts.map(|host| format!("bucket.{host}"));
    let rig = Rig::of(StrictConfig {
        region: "eu-west-1".into(),
        base_hosts: hosts.map(str::to_owned).to_vec(),
        tls: Some(authority.server_config(&[&names[0], &names[1]])),
        ..StrictConfig::default()
    });
    let path = path.to_str().expect("UTF-8");
    let config = config().set("endpoint", "").set("region", "us-east-1").set("tls.ca-file", path);
    (rig, config.set("tls.roots", "bundled"))
}

#[tokio::test(start_paused = true)]
async fn the_right_region_is_followed_where_that_is_allowed() {
    covers(&["H25", "H28"]);
    let folder = Folder::new();
    let moved = |headers: &str| reply("301 Moved", headers, "<Error><Code>PermanentRedirect</Code></Error>");
    for named in [None, Some("x-amz-bucket-region: eu-west-1\r\n")] {
        let (rig, config) = ireland(&folder);
        rig.server.bucket().seed("k", "hello");
        if let Some(headers) = named {
            rig.server.next(moved(headers));
        }
        let store = rig.open(config.clone().set("follow-region", true).set("max-retries", 0));
        assert_eq!(read(&store, "k").await.expect("in the right region"), b"hello");
        assert_eq!(read(&store, "k").await.expect("at once"), b"hello");
        let hosts: Vec<_> = rig.requests().iter().map(|seen| seen.header("host").expect("a host")).collect();
        assert_eq!(hosts.len(), 3, "learned once: {hosts:?}");
        assert!(hosts[1..].iter().all(|host| host == "bucket.s3.eu-west-1.amazonaws.com"), "{hosts:?}");

        let store = rig.open(config);
        let error = read(&store, "k").await.expect_err("not allowed");
        assert!(error.is_wrong_region(), "{error}");
        assert_eq!(error.service().and_then(|service| service.region.as_deref()), Some("eu-west-1"));
    }
    // A name that would lead elsewhere is no region.
    for evil in ["evil.example/", "eu-west-1.evil.com", "x y"] {
        let (rig, config) = ireland(&folder);
        rig.server.next(moved(&format!("x-amz-bucket-region: {evil}\r\n")));
        let store = rig.open(config.set("follow-region", true));
        assert!(read(&store, "k").await.is_err());
        assert_eq!(rig.requests().len(), 1, "{evil}");
    }
}
