//! T42, T43, T45, T49: names and addresses that lead where they say, or are refused.

use s3lite::{
    AddressingStyle, Endpoint, EndpointParameters, EndpointUrl, GetObject, KeyPrefix, ListObjectsV2, Method, Operation,
    Raw, Region, Scheme, Signer, Target,
};

use crate::{assert_refused, credentials, region, target};

#[test]
fn t42_a_region_is_checked_when_it_is_made() {
    let long = "a".repeat(64);
    for name in [
        "",
        " ",
        "us\neast",
        "us/east",
        "us east",
        "us.east",
        "ü",
        "us-east-1\0",
        "us?",
        "us#",
        "us%41",
        "us@h",
        "-a",
        "a-",
        "us-east-1/s3/aws4_request",
        &long,
    ] {
        assert_refused(Region::new(name), name);
    }
    for name in ["us-east-1", "auto", "garage", "zg_publicru", "US", "x1", "a"] {
        assert_eq!(Region::new(name).expect(name).as_str(), name);
    }
}

#[test]
fn t42_a_service_is_checked_when_a_signer_is_made() {
    let (credentials, region) = (credentials(), region());
    for service in ["", " ", "S3", "s3\n", "s3/aws4_request", "s 3", "ü", "s3\0", "s3?"] {
        assert_refused(Signer::new(&credentials, &region, service), service);
    }
    for service in ["s3", "s3-object-lambda", "sts", "execute-api"] {
        Signer::new(&credentials, &region, service).expect(service);
    }
}

#[test]
fn t43_a_target_has_the_host_that_it_was_given() {
    let new = |host: &str, path: &str| Target::new(Scheme::Http, host.to_owned(), path, []);
    for host in [
        "",
        " ",
        "user@h",
        "user:pass@h",
        "h/x",
        "/h",
        "h?x",
        "h#x",
        "h\\x",
        "http://h",
        "h x",
        "h\r\nX: y",
        "h\0",
        "h:",
        "h:x",
        "h:99999",
        "h:+1",
        "h:1:2",
        ":80",
        "::1",
        "[::1",
        "::1]",
        "[h]",
        "[]",
        "[::1]x",
        "[::1]:",
        "ü",
        "h%2fx",
        ".h",
        "a..b",
        "h,g",
    ] {
        assert_refused(new(host, "/k"), host);
    }
    for path in ["", "k", ".evil.example/k", "@evil.example/", ":9000/k", "?x", "\\/k"] {
        assert_refused(new("h", path), path);
    }
    for host in ["h", "h:9000", "h.example", "a-b_c.example:1", "[::1]", "[::1]:9000", "192.168.1.1", "h.example."] {
        let target = new(host, "/k").unwrap_or_else(|error| panic!("{host}: {error}"));
        assert_eq!((target.host(), target.url()), (host, format!("http://{host}/k")));
    }
    // What is below the slash is a key's, and encoded.
    for (path, url) in
        [("/", "http://h/"), ("//evil.example/k", "http://h//evil.example/k"), ("/?x#y", "http://h/%3Fx%23y")]
    {
        assert_eq!(new("h", path).expect(path).url(), url);
    }
}

/// Where a key of a bucket is, if the bucket is taken.
fn url(bucket: &str, endpoint: Option<&str>, addressing: AddressingStyle) -> Result<Target, s3lite::Error> {
    let (region, endpoint) = (region(), endpoint.map(|url| EndpointUrl::parse(url).expect("an endpoint")));
    let parameters = EndpointParameters {
        region: &region,
        bucket: Some(bucket),
        url: endpoint.as_ref(),
        addressing,
        use_dualstack: false,
        use_fips: false,
        use_accelerate: false,
    };
    let request = GetObject::new("k").request(&KeyPrefix::default())?;
    Ok(Endpoint::resolve(&parameters)?.target(&request))
}

/// A bucket is one segment of a path or one part of a host, or it is none.
#[test]
fn t43_a_bucket_leads_to_no_other() {
    use AddressingStyle::{Auto, Path, Virtual};
    let endpoints = [None, Some("https://h.example"), Some("http://h.example:9000/p"), Some("https://10.0.0.1")];
    for bucket in [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/a",
        "a/",
        "a?b",
        "a#b",
        "a@b",
        "a\\b",
        "a b",
        "a%2fb",
        "a\nb",
        "a\0",
        "ü",
        "x/../y",
        "evil.example/a",
    ] {
        for endpoint in endpoints {
            for addressing in [Auto, Path, Virtual] {
                let Ok(target) = url(bucket, endpoint, addressing) else { continue };
                let (host, segments) = (target.host(), target.path().trim_start_matches("/p").split('/').count());
                let is_own =
                    ["h.example", "h.example:9000", "10.0.0.1"].contains(&host) || host.ends_with(".amazonaws.com");
                assert!(is_own && segments == 3 && !target.path().contains(".."), "{bucket:?}: {}", target.url());
            }
        }
    }
    for endpoint in endpoints {
        let target = url("mail", endpoint, Auto).expect("a bucket");
        assert!(target.url().contains("mail") && target.path().ends_with("/k"), "{}", target.url());
    }
    for bucket in ["", "..", "../x", "a/b"] {
        assert_refused(url(bucket, Some("https://h.example"), Path), bucket);
    }
}

#[test]
fn t45_a_target_is_shown_with_its_query() {
    for (query, text) in [
        (&[("tagging", "")][..], "https://h.example/k?tagging="),
        (&[("list-type", "2"), ("prefix", "a b/")], "https://h.example/k?list-type=2&prefix=a%20b%2F"),
        (&[], "https://h.example/k"),
    ] {
        let target = target("/k", query);
        assert_eq!((target.to_string(), target.url()), (text.to_owned(), text.to_owned()));
        assert_eq!(text, format!("https://h.example{}", target.path_and_query()));
        // What is in a log is no URL to use.
        assert!(query.is_empty() || !format!("{target:?}").contains(query[0].0), "{target:?}");
    }
}

/// A deletion of an object's tags must not become one of the object.
#[test]
fn t45_an_operations_whole_address_is_its_text() {
    let (region, url) = (region(), EndpointUrl::parse("https://h.example").expect("an endpoint"));
    let parameters = EndpointParameters {
        region: &region,
        bucket: Some("mail"),
        url: Some(&url),
        addressing: AddressingStyle::Path,
        use_dualstack: false,
        use_fips: false,
        use_accelerate: false,
    };
    let endpoint = Endpoint::resolve(&parameters).expect("an endpoint");
    let prefix = KeyPrefix::new("p/");
    let tags = Raw::object(Method::DELETE, "k").query("tagging", "").request(&prefix).expect("a request");
    assert_eq!(endpoint.target(&tags).to_string(), "https://h.example/mail/p/k?tagging=");
    let list = ListObjectsV2::new().prefix("a").request(&prefix).expect("a request");
    let text = endpoint.target(&list).to_string();
    assert!(text.starts_with("https://h.example/mail?") && text.contains("prefix=p%2Fa"), "{text}");
}

#[test]
fn t49_a_pseudo_region_is_in_its_partition() {
    for (region, suffix) in [
        ("aws-cn-global", ".amazonaws.com.cn"),
        ("aws-us-gov-global", ".amazonaws.com"),
        ("aws-iso-global", ".c2s.ic.gov"),
        ("aws-iso-b-global", ".sc2s.sgov.gov"),
        ("aws-iso-e-global", ".cloud.adc-e.uk"),
        ("aws-iso-f-global", ".csp.hci.ic.gov"),
        ("aws-eusc-global", ".amazonaws.eu"),
    ] {
        let region = Region::new(region).expect("a region");
        let parameters = EndpointParameters {
            region: &region,
            bucket: None,
            url: None,
            addressing: AddressingStyle::Auto,
            use_dualstack: false,
            use_fips: false,
            use_accelerate: false,
        };
        let endpoint = Endpoint::resolve(&parameters).expect("an endpoint");
        assert!(endpoint.host().ends_with(suffix), "{region:?}: {}", endpoint.host());
    }
}

#[test]
fn t49_virtual_style_takes_what_a_host_can_have() {
    for bucket in ["a", "ab", "192.168.1.1", "Mail", "a_b", "-ab", &"a".repeat(64)] {
        for endpoint in [None, Some("https://h.example"), Some("http://h.example")] {
            assert_refused(url(bucket, endpoint, AddressingStyle::Virtual), bucket);
        }
        let path = url(bucket, Some("https://h.example"), AddressingStyle::Auto).expect("path style takes it");
        assert_eq!(path.url(), format!("https://h.example/{bucket}/k"));
    }
}
