//! Where a bucket lives: the official cases of S3's endpoint rules, the ways to spell an endpoint, and regions.
//!
//! The official cases are `data/s3-endpoints.json`, the spellings `data/endpoint-spellings.json`.

use s3lite::{
    AddressingStyle, Endpoint, EndpointParameters, EndpointUrl, Error, ErrorKind, GetObject, KeyPrefix, ListObjectsV2,
    Operation, Region, StoreConfig,
};
use serde_json::Value;

/// The official texts that ours says in other words, with a word of ours.
const OWN_WORDS: [(&str, &str); 3] = [
    ("Invalid region: region was not a valid DNS name.", "is no region"),
    ("A region must be set when sending requests to S3.", "is no region"),
    ("Custom endpoint `abcde://nota#url` was not a valid URI", "the scheme must be http or https"),
];

fn rows(json: &str) -> Vec<Value> {
    serde_json::from_str(json).expect("invariant: the data is a JSON array")
}

fn text<'a>(row: &'a Value, name: &str) -> Option<&'a str> {
    row.get(name).map(|value| value.as_str().expect("invariant: a text"))
}

fn flag(row: &Value, name: &str) -> bool {
    row.get(name).is_some_and(|value| value.as_bool().expect("invariant: true or false"))
}

/// Runs every row and names each that fails.
fn walk(rows: &[Value], check: impl Fn(&Value) -> Result<(), String>) {
    let failures: Vec<String> =
        rows.iter().filter_map(|row| check(row).err().map(|problem| format!("{row}\n  {problem}"))).collect();
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn expect_eq(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, not {expected:?}")) }
}

fn expect_config_error(error: &Error, word: &str) -> Result<(), String> {
    if error.kind() != ErrorKind::Config {
        return Err(format!("the error is of kind {:?}", error.kind()));
    }
    let shown = error.to_string();
    if shown.contains(word) { Ok(()) } else { Err(format!("the error is {shown:?}, without {word:?}")) }
}

/// The URL of a bucket: that of a request without a key.
fn bucket_url(endpoint: &Endpoint) -> String {
    let request = ListObjectsV2::new().request(&KeyPrefix::default()).expect("invariant: a listing needs nothing");
    endpoint.target(&request).to_string().split('?').next().unwrap_or_default().to_owned()
}

fn key_url(endpoint: &Endpoint, key: &str) -> String {
    let request = GetObject::new(key).request(&KeyPrefix::default()).expect("invariant: a key that S3 takes");
    endpoint.target(&request).to_string()
}

#[test]
fn official_cases() {
    let rows = rows(include_str!("data/s3-endpoints.json"));
    assert_eq!(rows.len(), 120, "cases are missing");
    assert_eq!(rows.iter().filter(|row| row.get("error").is_some()).count(), 35, "error cases are missing");
    walk(&rows, |row| match (resolve(row), text(row, "error")) {
        (Ok(endpoint), None) => check_url(row, &endpoint),
        (Err(error), Some(official)) => expect_config_error(&error, our_words(official)),
        (Ok(endpoint), Some(_)) => Err(format!("no error, but {}", bucket_url(&endpoint))),
        (Err(error), None) => Err(error.to_string()),
    });
}

fn our_words(official: &str) -> &str {
    OWN_WORDS.iter().find(|(text, _)| *text == official).map_or(official, |(_, ours)| ours)
}

fn resolve(row: &Value) -> Result<Endpoint, Error> {
    let region = Region::new(text(row, "region").unwrap_or_default())?;
    let url = text(row, "endpoint").map(EndpointUrl::parse).transpose()?;
    Endpoint::resolve(&EndpointParameters {
        region: &region,
        bucket: text(row, "bucket"),
        url: url.as_ref(),
        addressing: style(row),
        use_dualstack: flag(row, "use_dualstack"),
        use_fips: flag(row, "use_fips"),
        use_accelerate: flag(row, "use_accelerate"),
    })
}

/// The style that the suite means.
///
/// Without `force_path_style` its rules address a custom endpoint in virtual-host style if the bucket and the host allow
/// it. Ours is path style there by decision, because most compatible stores have no wildcard name; so the walker asks for
/// virtual-host style by name. Where the suite falls back to path style by itself, `auto` must do so too.
fn style(row: &Value) -> AddressingStyle {
    let virtual_is_possible = |endpoint: &str, bucket: &str| {
        let authority = endpoint.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
        let is_address = authority.split(':').next().unwrap_or_default().parse::<std::net::Ipv4Addr>().is_ok();
        let dots_fit = endpoint.starts_with("http://") || !bucket.contains('.');
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        !is_address && dots_fit && bucket.chars().all(fits)
    };
    match (text(row, "endpoint"), text(row, "bucket")) {
        _ if flag(row, "force_path_style") => AddressingStyle::Path,
        (Some(endpoint), Some(bucket)) if virtual_is_possible(endpoint, bucket) => AddressingStyle::Virtual,
        _ => AddressingStyle::Auto,
    }
}

fn check_url(row: &Value, endpoint: &Endpoint) -> Result<(), String> {
    let url = text(row, "url").ok_or("the case has neither url nor error")?;
    let has_path = url.split("://").nth(1).is_some_and(|rest| rest.contains('/'));
    // A request always has a path; the suite leaves out the bare slash.
    let expected = if has_path { url.to_owned() } else { format!("{url}/") };
    expect_eq("the bucket's URL", &bucket_url(endpoint), &expected)?;
    expect_eq("a key's URL", &key_url(endpoint, "a/../b c"), &format!("{url}/a/../b%20c"))?;
    expect_eq("the signing region", endpoint.signing_region(), text(row, "signing_region").unwrap_or_default())
}

#[test]
fn endpoint_spellings() {
    let rows = rows(include_str!("data/endpoint-spellings.json"));
    assert!(rows.len() >= 90, "only {} spellings", rows.len());
    walk(&rows, |row| match (store(row), text(row, "error")) {
        (Ok(config), None) => check_spelling(row, config.endpoint()),
        (Err(error), Some(word)) => {
            expect_config_error(&error, word)?;
            expect_config_error(&error, if word.contains("allow-http") { word } else { "endpoint" })?;
            if error.to_string().contains("PASSWORD") { Err("the error shows the password".to_owned()) } else { Ok(()) }
        }
        (Ok(config), Some(_)) => Err(format!("no error, but {}", bucket_url(config.endpoint()))),
        (Err(error), None) => Err(error.to_string()),
    });
}

/// What a user gets who writes the row's endpoint.
fn store(row: &Value) -> Result<StoreConfig, Error> {
    StoreConfig::builder()
        .set("bucket", text(row, "bucket").unwrap_or("bucket"))
        .set("region", "eu-central-1")
        .set("addressing", text(row, "addressing").unwrap_or_default())
        .set("allow-http", flag(row, "allow_http"))
        .set("endpoint", text(row, "endpoint").expect("invariant: every row has an endpoint"))
        .build()
}

fn check_spelling(row: &Value, endpoint: &Endpoint) -> Result<(), String> {
    let expected = |name| text(row, name).ok_or_else(|| format!("the row has no {name}"));
    let (scheme, host, path) = (text(row, "scheme").unwrap_or("https"), expected("host")?, expected("path")?);
    expect_eq("the scheme", endpoint.scheme().as_str(), scheme)?;
    expect_eq("Host", endpoint.host(), host)?;
    expect_eq("a key's URL", &key_url(endpoint, "k"), &format!("{scheme}://{host}{path}/k"))?;
    let bare = if path.is_empty() { "/" } else { path };
    expect_eq("the bucket's URL", &bucket_url(endpoint), &format!("{scheme}://{host}{bare}"))
}

#[test]
fn regions_lead_to_partitions() {
    for (region, host) in [
        ("eu-central-1", "bucket.s3.eu-central-1.amazonaws.com"),
        ("us-east-1", "bucket.s3.us-east-1.amazonaws.com"),
        ("mars-north-7", "bucket.s3.mars-north-7.amazonaws.com"),
        ("cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn"),
        ("cn-future-9", "bucket.s3.cn-future-9.amazonaws.com.cn"),
        ("us-gov-west-1", "bucket.s3.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "bucket.s3.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "bucket.s3.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "bucket.s3.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", "bucket.s3.us-isof-south-1.csp.hci.ic.gov"),
        ("eusc-de-east-1", "bucket.s3.eusc-de-east-1.amazonaws.eu"),
    ] {
        let config = StoreConfig::builder().set("bucket", "bucket").set("region", region).build();
        let config = config.unwrap_or_else(|error| panic!("{region}: {error}"));
        assert_eq!(config.endpoint().host(), host, "{region}");
        assert_eq!(config.endpoint().signing_region(), region);
    }
}

#[test]
fn a_region_cannot_lead_elsewhere() {
    let long = "a".repeat(300);
    for region in [
        "",
        " ",
        "us east",
        "us/east",
        "us-east-1/",
        "us-east-1.evil.com",
        "us-east-1#",
        "us-east-1?",
        "us@evil",
        "-us",
        "us-",
        "us\r\neast",
        "us\0",
        "usé",
        "us:1",
        "%2e",
        &long,
    ] {
        let error = Region::new(region).expect_err(region);
        assert_eq!(error.kind(), ErrorKind::Config, "{region:?}");
    }
}

#[test]
fn auto_chooses_the_style_the_name_allows() {
    for (bucket, endpoint, url) in [
        ("bucket", "", "https://bucket.s3.eu-central-1.amazonaws.com/"),
        ("my.bucket", "", "https://s3.eu-central-1.amazonaws.com/my.bucket"),
        ("bucket", "https://minio", "https://minio/bucket"),
        ("bucket", "https://s3.eu-central-1.amazonaws.com", "https://bucket.s3.eu-central-1.amazonaws.com/"),
        ("my.bucket", "https://s3.eu-central-1.amazonaws.com", "https://s3.eu-central-1.amazonaws.com/my.bucket"),
        ("Old_Bucket", "https://minio", "https://minio/Old_Bucket"),
        ("bucket", "https://192.0.2.1", "https://192.0.2.1/bucket"),
        ("bucket", "https://[2001:db8::1]:9000", "https://[2001:db8::1]:9000/bucket"),
    ] {
        let config =
            StoreConfig::builder().set("bucket", bucket).set("region", "eu-central-1").set("endpoint", endpoint);
        let config = config.build().unwrap_or_else(|error| panic!("{bucket} {endpoint}: {error}"));
        assert_eq!(bucket_url(config.endpoint()), url, "{bucket} {endpoint}");
    }
}

/// `data/bucket-names.json`: which names AWS and servers of other makes can have.
#[test]
fn bucket_names() {
    let rows = rows(include_str!("data/bucket-names.json"));
    assert!(rows.len() >= 60, "only {} names", rows.len());
    walk(&rows, |row| {
        let name = text(row, "name").ok_or("the row has no name")?;
        for (column, endpoint) in [("aws", ""), ("custom", "https://minio")] {
            let Some(valid) = row.get(column) else { continue };
            let store =
                StoreConfig::builder().set("bucket", name).set("region", "eu-central-1").set("endpoint", endpoint);
            match (store.build(), valid.as_bool().ok_or("not true or false")?) {
                (Ok(config), true) => expect_eq("the bucket", config.bucket(), name)?,
                (Err(error), false) => expect_config_error(&error, "bucket: is no name for a bucket: ")?,
                (Ok(_), false) => return Err(format!("{column}: is accepted")),
                (Err(error), true) => return Err(format!("{column}: {error}")),
            }
        }
        Ok(())
    });
}

/// The first rule that a name breaks is the one that is told.
#[test]
fn what_is_wrong_with_a_bucket_is_said() {
    let (longest, tenant) = ("b".repeat(64), format!("{}:bucket", "t".repeat(255)));
    for (name, endpoint, words) in [
        ("arn:aws:s3:::mail", "", "an ARN"),
        ("arn:aws:s3:::mail", "https://ceph", "an ARN"),
        ("arn:b:c", "https://ceph", "an ARN"),
        ("arm:b:c", "https://ceph", "one colon at most"),
        ("arn:mail", "https://ceph", ""),
        ("arn:mail", "", "one colon at most"),
        ("s3://mail", "", "no slash"),
        ("mail/in", "", "no slash"),
        ("s3:mail", "https://ceph", ""),
        ("Mail", "", "on AWS it may have"),
        ("ma il", "", "it may have lower-case"),
        (&longest, "", "3 to 63 characters"),
        (&longest, "https://ceph", ""),
        (&tenant, "https://ceph", ""),
        (&format!("t{tenant}"), "https://ceph", "3 to 63 characters"),
    ] {
        let store = StoreConfig::builder().set("bucket", name).set("region", "eu-central-1").set("endpoint", endpoint);
        match store.build() {
            Ok(_) => assert_eq!(words, "", "{name} is taken"),
            Err(error) => assert!(!words.is_empty() && error.to_string().contains(words), "{name}: {error}"),
        }
    }
}

/// AWS's own partitions name a region for what has none.
#[test]
fn pseudo_regions_belong_to_their_partitions() {
    for (region, suffix, sibling) in [
        ("aws-global", ".amazonaws.com", "eu-central-1"),
        ("aws-cn-global", ".amazonaws.com.cn", "cn-north-1"),
        ("aws-us-gov-global", ".amazonaws.com", "us-gov-west-1"),
        ("aws-iso-global", ".c2s.ic.gov", "us-iso-east-1"),
        ("aws-iso-b-global", ".sc2s.sgov.gov", "us-isob-east-1"),
        ("aws-iso-e-global", ".cloud.adc-e.uk", "eu-isoe-west-1"),
        ("aws-iso-f-global", ".csp.hci.ic.gov", "us-isof-south-1"),
    ] {
        let name = Region::new(region).expect(region);
        let endpoint = Endpoint::resolve(&parameters(&name, "bucket", None)).expect(region);
        assert!(endpoint.host().ends_with(suffix), "{region}: {}", endpoint.host());
        assert!(name.shares_partition(sibling), "{region} and {sibling}");
        for other in ["eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"] {
            let same = other == sibling;
            assert_eq!(name.shares_partition(other), same, "{region} and {other}");
        }
    }
}

fn parameters<'a>(region: &'a Region, bucket: &'a str, url: Option<&'a EndpointUrl>) -> EndpointParameters<'a> {
    EndpointParameters {
        region,
        bucket: Some(bucket),
        url,
        addressing: AddressingStyle::Virtual,
        use_dualstack: false,
        use_fips: false,
        use_accelerate: false,
    }
}

/// What S3's rules cannot put before a host is not put there because somebody asks for it.
#[test]
fn virtual_style_is_for_buckets_that_fit_into_a_host() {
    let region = Region::new("eu-central-1").expect("a region");
    let urls = ["https://h.example", "http://h.example"].map(|url| EndpointUrl::parse(url).expect("an endpoint"));
    let long = "a".repeat(64);
    for bucket in
        ["a", "ab", "192.168.1.1", "10.0.0.1", "Mail", "my_bucket", "-ab", "ab-", "a..b", "", "..", "a/b", &long]
    {
        for url in urls.iter().map(Some).chain([None]) {
            match Endpoint::resolve(&parameters(&region, bucket, url)) {
                Err(error) => expect_config_error(&error, "").expect("a mistake of the configuration"),
                Ok(endpoint) => panic!("{bucket:?}: {}", endpoint.host()),
            }
        }
    }
    for (bucket, url, host) in [
        ("abc", Some(&urls[0]), "abc.h.example"),
        ("my.bucket", Some(&urls[1]), "my.bucket.h.example"),
        ("192.168.1", Some(&urls[1]), "192.168.1.h.example"),
        ("abc", None, "abc.s3.eu-central-1.amazonaws.com"),
    ] {
        let endpoint = Endpoint::resolve(&parameters(&region, bucket, url)).expect(bucket);
        assert_eq!(endpoint.host(), host);
    }
}

/// 253 characters resolve, and a port is none of them.
#[test]
fn a_host_of_the_longest_length_is_taken() {
    let region = Region::new("eu-central-1").expect("a region");
    let (bucket, label) = ("b".repeat(63), "l".repeat(61));
    for (last, port, fits) in [(3, "", true), (3, ":9000", true), (4, "", false), (4, ":9000", false)] {
        let host = format!("{label}.{label}.{label}.{}", "x".repeat(last));
        let url = EndpointUrl::parse(&format!("https://{host}{port}")).expect("an endpoint");
        let resolved = Endpoint::resolve(&parameters(&region, &bucket, Some(&url)));
        assert_eq!(resolved.is_ok(), fits, "{last} {port}");
    }
}

/// A name with its root's dot is the same name: either it is taken, or the dot is named.
#[test]
fn a_dot_behind_the_host_is_taken_or_named() {
    for (endpoint, host) in [
        ("minio.local.:9000", "minio.local.:9000"),
        ("https://minio.local.", "minio.local."),
        ("https://h.example./p", "h.example."),
        ("minio.:9000", "minio.:9000"),
        ("http://localhost.:9000", "localhost.:9000"),
    ] {
        let config = StoreConfig::builder().set("bucket", "bucket").set("region", "eu-central-1");
        match config.set("endpoint", endpoint).set("allow-http", true).build() {
            Ok(config) => {
                let found = config.endpoint().host();
                assert!(
                    found == host || found == host.replacen(".:", ":", 1).trim_end_matches('.'),
                    "{endpoint}: {found}"
                );
            }
            Err(error) => expect_config_error(&error, "dot").unwrap_or_else(|problem| panic!("{endpoint}: {problem}")),
        }
    }
    for endpoint in [".", "https://.", "https://h.example..", "https://.:9000", "https://10.0.0.1."] {
        let config = StoreConfig::builder().set("bucket", "bucket").set("region", "eu-central-1");
        let error = config.set("endpoint", endpoint).build().expect_err(endpoint);
        expect_config_error(&error, "endpoint").expect("it names its key");
    }
}

/// A region that is only signed may be called as its service likes.
#[test]
fn a_region_that_is_only_signed_is_taken() {
    let store = |region: &str, endpoint: &str| {
        StoreConfig::builder().set("bucket", "bucket").set("region", region).set("endpoint", endpoint).build()
    };
    for region in ["zg_publicru", "garage", "auto", "RegionOne", "EU", "Frankfurt", "US-EAST-1", "fsn1", "a_b-c_1"] {
        let config = store(region, "https://minio").unwrap_or_else(|error| panic!("{region}: {error}"));
        assert_eq!(config.endpoint().signing_region(), region);
        let error = store(region, "").expect_err(region);
        expect_config_error(&error, "region: ").expect("it names its key");
    }
    for region in ["us/east", "us east", "usé", "us,east", "us\neast", "us\0", "us?", "us#", "us%", "us=1", "*"] {
        let error = store(region, "https://minio").expect_err(region);
        expect_config_error(&error, "region: ").expect("it names its key");
    }
}
