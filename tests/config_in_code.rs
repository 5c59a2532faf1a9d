//! Values as programs have them: numbers of every width, durations, text from an environment.

use std::time::Duration;

use s3lite::{Error, ErrorKind, StoreConfig, StoreConfigBuilder};

fn base() -> StoreConfigBuilder {
    StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1")
}

fn refused(builder: StoreConfigBuilder) -> String {
    let error: Error = builder.build().expect_err("a mistake");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    error.to_string()
}

#[test]
fn numbers_may_have_any_width() {
    let most = |builder: StoreConfigBuilder| builder.build().expect("a number").max_connections();
    let key = "max-connections";
    assert_eq!(most(base().set(key, 5)), 5, "a literal");
    assert_eq!(most(base().set(key, 5u8)), 5);
    assert_eq!(most(base().set(key, 5u16)), 5);
    assert_eq!(most(base().set(key, 5u32)), 5);
    assert_eq!(most(base().set(key, 5u64)), 5);
    assert_eq!(most(base().set(key, 5usize)), 5);
    assert_eq!(most(base().set(key, 5i32)), 5);
    assert_eq!(most(base().set(key, 5i64)), 5);
    assert_eq!(most(base().set(key, "5")), 5);
    assert_eq!(most(base().set(key, String::from(" 5\n"))), 5);
    let retries = |builder: StoreConfigBuilder| builder.build().expect("a number").retry_policy().max_retries;
    assert_eq!(retries(base().set("max-retries", 7u32)), 7);
    assert_eq!(retries(base().set("max-retries", 0usize)), 0);
    assert_eq!(retries(base().set("max-retries", "0")), 0);
}

#[test]
fn numbers_out_of_range_name_their_key() {
    for builder in [
        base().set("max-connections", 0u32),
        base().set("max-connections", -1),
        base().set("max-connections", u32::MAX),
        base().set("max-connections", u64::MAX),
        base().set("max-connections", usize::MAX),
        base().set("max-connections", i64::MIN),
        base().set("max-connections", "65536"),
    ] {
        let text = refused(builder);
        assert!(text.starts_with("max-connections: ") && text.contains("1 to 65535"), "{text}");
    }
}

#[test]
fn durations_are_durations() {
    let timeouts = |builder: StoreConfigBuilder| builder.build().expect("a duration").timeouts();
    assert_eq!(timeouts(base().set("timeout", Duration::from_secs(5))).head, Duration::from_secs(5));
    assert_eq!(timeouts(base().set("connect-timeout", Duration::from_millis(1500))).connect.as_millis(), 1500);
    assert_eq!(timeouts(base().set("idle-timeout", Duration::from_secs(90))).idle, Duration::from_secs(90));
    assert_eq!(timeouts(base().set("queue-timeout", Duration::from_secs(1))).queue, Duration::from_secs(1));
    let operation = timeouts(base().set("operation-timeout", Duration::from_secs(3600))).operation;
    assert_eq!(operation, Some(Duration::from_secs(3600)));
    assert_eq!(timeouts(base().set("timeout", "5s")).head, Duration::from_secs(5));
}

#[test]
fn durations_that_make_no_sense_name_their_key() {
    for key in ["timeout", "connect-timeout", "idle-timeout", "queue-timeout", "operation-timeout"] {
        let text = refused(base().set(key, Duration::ZERO));
        assert!(text.starts_with(&format!("{key}: ")) && text.contains("zero"), "{text}");
        // Cut to what a clock can be moved by, or refused.
        if let Err(error) = base().set(key, Duration::MAX).build() {
            assert!(error.to_string().starts_with(&format!("{key}: ")), "{error}");
        }
        // Shorter than what a file can say; if it is taken, it is not taken for zero.
        if let Ok(config) = base().set("timeout", Duration::from_nanos(1)).build() {
            assert!(!config.timeouts().head.is_zero());
        }
    }
}

/// A number without a unit may be seconds or milliseconds: nobody is to guess.
#[test]
fn a_number_is_no_duration() {
    for builder in [base().set("timeout", 30), base().set("timeout", 30u64), base().set("timeout", "30")] {
        let text = refused(builder);
        assert!(text.starts_with("timeout: ") && text.contains("\"30s\""), "{text}");
    }
}

#[test]
fn values_of_another_kind_name_their_key() {
    for (key, builder) in [
        ("bucket", base().set("bucket", 5u32)),
        ("bucket", base().set("bucket", Duration::from_secs(1))),
        ("use-fips", base().set("use-fips", 1u8)),
        ("use-fips", base().set("use-fips", Duration::from_secs(1))),
        ("max-retries", base().set("max-retries", true)),
        ("max-retries", base().set("max-retries", Duration::from_secs(3))),
        ("timeout", base().set("timeout", true)),
    ] {
        let text = refused(builder);
        assert!(text.starts_with(&format!("{key}: must be ")), "{text}");
    }
}

#[test]
fn several_mistakes_are_told_together() {
    let builder = base().set("timeout", Duration::ZERO).set("nope", 1u32).set("max-connections", "many");
    let text = refused(builder);
    let mut keys: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["max-connections", "nope", "timeout"], "{text}");
}

/// What is set twice counts as it was set last, mistakes included.
#[test]
fn the_last_of_two_values_counts() {
    let config = base().set("max-connections", 0u32).set("max-connections", "8").build().expect("the last is good");
    assert_eq!(config.max_connections(), 8);
    let text = refused(base().set("max-connections", 8u32).set("max-connections", "0"));
    assert_eq!(text.lines().count(), 1, "{text}");
}

/// In code nothing is looked up, and a secret may be any text.
#[test]
fn a_secret_in_code_may_look_like_a_reference() {
    for secret in ["$ECRET_1", "${SECRET}", "a${b}", "%SECRET%", "{env:x"] {
        let config = base().set("access-key", "AKIAEXAMPLE").set("secret-key", secret);
        config.build().unwrap_or_else(|error| panic!("{secret}: {error}"));
    }
}

/// Hosts of S3 that name no region go with any.
#[test]
fn a_host_of_aws_without_a_region_goes_with_any() {
    for host in
        ["https://s3-accelerate.amazonaws.com", "https://s3-external-1.amazonaws.com", "https://s3.amazonaws.com"]
    {
        base().set("endpoint", host).build().unwrap_or_else(|error| panic!("{host}: {error}"));
    }
    let other = base().set("endpoint", "https://s3-eu-west-1.amazonaws.com");
    assert!(refused(other).contains("eu-west-1"));
}

/// What is not written is as the README says, and what is written is so.
#[test]
fn what_concerns_uploads_and_checks_is_at_hand() {
    let told = |builder: StoreConfigBuilder| {
        let config = builder.build().expect("valid");
        (config.expect_continue(), config.verify_after_write(), config.verify_checksum(), config.put_id())
    };
    let default = told(base());
    assert_eq!(default, (Some(1 << 20), false, true, true));
    assert_eq!(told(base().set("expect-continue", "5B")), (Some(5), default.1, default.2, default.3));
    assert_eq!(told(base().set("expect-continue", "off")), (None, default.1, default.2, default.3));
    assert_eq!(told(base().set("verify-after-write", true)), (default.0, true, default.2, default.3));
    assert_eq!(told(base().set("verify-checksum", false)), (default.0, default.1, false, default.3));
    assert_eq!(told(base().set("put-id", false)), (default.0, default.1, default.2, false));
}

/// Keys that proxies change are refused where the section asks for it, and nowhere else.
#[test]
fn strict_keys_are_asked_for() {
    for (strict, key, is_taken) in [(false, "a/../b", true), (true, "a/../b", false), (true, "a/b", true)] {
        let config = base().set("strict-keys", strict).build().expect("valid");
        assert_eq!(config.check_key(key).is_ok(), is_taken, "{strict} {key}");
    }
}

#[test]
fn what_concerns_retries_is_at_hand() {
    let told = |builder: StoreConfigBuilder| {
        let policy = builder.build().expect("valid").retry_policy();
        (policy.max_retries, policy.timeout, policy.base, policy.longest)
    };
    let (seconds, milliseconds) = (Duration::from_secs, Duration::from_millis);
    assert_eq!(told(base()), (3, seconds(30), milliseconds(100), seconds(20)));
    let other = base().set("max-retries", 5).set("retry-timeout", "7s");
    let other = other.set("retry-base-delay", "8ms").set("retry-max-delay", "9s");
    assert_eq!(told(other), (5, seconds(7), milliseconds(8), seconds(9)));
}
