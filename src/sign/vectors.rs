//! Walks `sigv4-test-vectors/`: every case of every suite, every intermediate text, with a diff of what differs.
//!
//! The suites sign for a service that normalises paths and hashes bodies by rules that S3 does not have; those rules are
//! here, and in the signer's private `Rules`, and nowhere else.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::*;
use crate::encode::decode_path;
use crate::target::Scheme;

/// Each suite's directory, how its cases are checked, and how many there are.
const SUITES: [Suite; 3] =
    [("aws-v4", check_v4, 38), ("aws-classic", check_classic, 34), ("s3-documentation", check_s3, 11)];

type Suite = (&'static str, fn(&Path) -> Outcome, usize);

/// The texts of a case that differ, as a diff; empty if none does.
type Outcome = String;

#[test]
fn every_vector() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sigv4-test-vectors");
    let mut failures = String::new();
    for (suite, check, count) in SUITES {
        let cases = directories(&root.join(suite));
        assert_eq!(cases.len(), count, "cases in {suite}");
        for case in cases {
            let diff = check(&case);
            if !diff.is_empty() {
                let _ = writeln!(failures, "{}:\n{diff}", case.strip_prefix(&root).unwrap_or(&case).display());
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    paths.retain(|path| path.is_dir());
    paths.sort();
    paths
}

/// A case of the suite v4: header and query form.
fn check_v4(case: &Path) -> Outcome {
    let context = context(case);
    let mut request = RequestText::parse(&text(case, "request.txt"));
    if context["normalize"] == true {
        request.path = normalized(&request.path);
    }
    let sign_body = context["sign_body"] == true;
    let payload = PayloadHash::of(request.body.as_bytes());
    let rules = Rules {
        content_sha256_header: sign_body,
        sign_session_token: context["omit_session_token"] != true,
        presign_payload: payload,
    };
    let credentials = &context["credentials"];
    let credentials = credentials_of(
        string(&credentials["access_key_id"]),
        string(&credentials["secret_access_key"]),
        credentials["token"].as_str(),
    );
    let region = region_of(string(&context["region"]));
    let signer = Signer::new(&credentials, &region, string(&context["service"])).expect("a service");
    let signer = Signer { rules, ..signer };
    let stamp = string(&context["timestamp"]).replace(['-', ':'], "");
    let time = time_of(&stamp);
    let expires = Duration::from_secs(context["expiration_in_seconds"].as_u64().expect("a number of seconds"));

    let mut diff = check_header_form(case, &signer, time, &request, &payload);
    let target = request.target();
    let explained = signer.explain_presign(time, &request.method, &target, &request.headers, expires);
    let explained = explained.expect("a valid expiry");
    diff += &compare(case, "query-canonical-request.txt", &explained.canonical_request);
    diff += &compare(case, "query-string-to-sign.txt", &explained.string_to_sign);
    let url = signer.presign(time, &request.method, &target, &request.headers, expires).expect("a valid expiry");
    diff + &compare(case, "query-signature.txt", signature_in(url.as_str()))
}

fn check_header_form(
    case: &Path,
    signer: &Signer<'_>,
    time: SigningTime,
    request: &RequestText,
    payload: &PayloadHash,
) -> Outcome {
    let target = request.target();
    let explained = signer.explain(time, &request.method, &target, &request.headers, payload);
    let signed = signer.sign(time, &request.method, &target, &request.headers, payload);
    compare(case, "header-canonical-request.txt", &explained.canonical_request)
        + &compare(case, "header-string-to-sign.txt", &explained.string_to_sign)
        + &compare(case, "header-signature.txt", signed.signature().as_str())
}

/// A case of the classic suite. Its `.sreq` is left out: one of them carries a stale signature.
fn check_classic(case: &Path) -> Outcome {
    let name = case.file_name().and_then(|name| name.to_str()).expect("an ASCII name");
    let file = |ending: &str| format!("{name}.{ending}");
    let raw = text(case, &file("req"));
    let mut request = RequestText::parse(&raw);
    request.path = normalized(&request.path);
    // One case's `.req` lacks the token that its canonical request has.
    let creq = text(case, &file("creq"));
    let token = raw.lines().chain(creq.lines()).find_map(security_token);
    let credentials = credentials_of("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token);
    let payload = PayloadHash::of(request.body.as_bytes());
    let rules = Rules { content_sha256_header: false, sign_session_token: true, presign_payload: payload };
    let region = region_of("us-east-1");
    let signer = Signer { rules, ..Signer::new(&credentials, &region, "service").expect("a service") };
    let time = time_of("20150830T123600Z");
    let target = request.target();
    let explained = signer.explain(time, &request.method, &target, &request.headers, &payload);
    let signed = signer.sign(time, &request.method, &target, &request.headers, &payload);
    compare(case, &file("creq"), &explained.canonical_request)
        + &compare(case, &file("sts"), &explained.string_to_sign)
        + &compare(case, &file("authz"), authorization(&signed))
}

fn security_token(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case(X_AMZ_SECURITY_TOKEN.as_str()).then_some(value)
}

fn region_of(name: &str) -> Region {
    Region::new(name).expect("a region")
}

/// A case of the S3 documentation, by its kind.
fn check_s3(case: &Path) -> Outcome {
    let context = context(case);
    let field = |name: &str| string(&context[name]).to_owned();
    let credentials = credentials_of(&field("access_key_id"), &field("secret_access_key"), None);
    let (region, service, time) = (field("region"), field("service"), time_of(&field("amz_date")));
    let region = region_of(&region);
    let signer = Signer::new(&credentials, &region, &service).expect("a service");
    match field("kind").as_str() {
        "header" => check_s3_headers(case, &signer, time, &context),
        "presign" => check_s3_presigned(case, &signer, time, &context),
        "chunked" => check_s3_headers(case, &signer, time, &context) + &check_s3_chunks(case, &signer, time, &context),
        "generic-header" => check_generic(case, &signer, time),
        "signing-key" => compare(
            case,
            "signing-key.txt",
            &hex::encode(*super::key::derive(signer.credentials.secret_access_key(), &signer.scope(&time))),
        ),
        "post-policy" => {
            let (policy, scope) = (text(case, "string-to-sign.txt"), signer.scope(&time));
            compare(case, "signature.txt", signer.key(&scope).sign_with(|mac| mac.put(policy.as_bytes())).as_str())
        }
        kind => format!("there is no check for {kind:?}\n"),
    }
}

fn check_s3_headers(case: &Path, signer: &Signer<'_>, time: SigningTime, context: &Value) -> Outcome {
    let request = RequestText::parse(&text(case, "request.txt"));
    let payload = payload_of(context);
    let signed = signer.sign(time, &request.method, &request.target(), &request.headers, &payload);
    let mut diff = check_header_form(case, signer, time, &request, &payload);
    if case.join("authorization.txt").exists() {
        diff += &compare(case, "authorization.txt", authorization(&signed));
    }
    diff
}

fn check_s3_presigned(case: &Path, signer: &Signer<'_>, time: SigningTime, context: &Value) -> Outcome {
    let request = RequestText::parse(&text(case, "request.txt"));
    let (target, expires) = (request.target(), context["expires"].as_u64().expect("a number of seconds"));
    let expires = Duration::from_secs(expires);
    let explained = signer.explain_presign(time, &request.method, &target, &request.headers, expires);
    let explained = explained.expect("a valid expiry");
    let url = signer.presign(time, &request.method, &target, &request.headers, expires).expect("a valid expiry");
    compare(case, "query-canonical-request.txt", &explained.canonical_request)
        + &compare(case, "query-string-to-sign.txt", &explained.string_to_sign)
        + &compare(case, "url.txt", url.as_str())
}

fn check_s3_chunks(case: &Path, signer: &Signer<'_>, time: SigningTime, context: &Value) -> Outcome {
    let number = |name: &str| context[name].as_u64().expect("a number") as usize;
    let (length, chunk_size) = (number("body_length"), number("chunk_size"));
    let request = RequestText::parse(&text(case, "request.txt"));
    let signed = signer.sign(time, &request.method, &request.target(), &request.headers, &payload_of(context));
    let mut chunks = signer.chunk_signer(time, &signed);
    let (mut lines, mut wire) = (String::new(), 0);
    let body = vec![b'a'; length];
    for chunk in body.chunks(chunk_size).chain([&[][..]]) {
        let hash = PayloadHash::of(chunk);
        // An empty chunk is the body's end.
        wire += match chunk.is_empty() {
            true => chunks.clone().end().len(),
            false => chunks.clone().head(chunk).len() + chunk.len() + 2,
        };
        let _ = writeln!(lines, "{} {hash} {}", chunk.len(), chunks.sign_chunk(&PayloadHash::of(chunk)).as_str());
    }
    let mut diff = compare(case, "chunks.txt", &lines);
    if case.join("wire-length.txt").exists() {
        diff += &compare(case, "wire-length.txt", &format!("{wire}\n"));
        let computed = encoded_length(length as u64, chunk_size as u64).expect("a length");
        diff += &compare(case, "wire-length.txt", &format!("{computed}\n"));
    }
    if case.join("trailer.txt").exists() {
        let trailer = text(case, "trailer.txt");
        let (name, value) = trailer.trim_end().split_once(':').expect("a header");
        diff += &compare(case, "trailer-signature.txt", chunks.sign_trailer(name, value).as_str());
    }
    diff
}

fn check_generic(case: &Path, signer: &Signer<'_>, time: SigningTime) -> Outcome {
    let request = RequestText::parse(&text(case, "request.txt"));
    let rules = Rules { content_sha256_header: false, ..S3 };
    let signer = Signer { rules, ..signer.clone() };
    let signed = signer.sign(time, &request.method, &request.target(), &request.headers, &PayloadHash::EMPTY);
    compare(case, "header-signature.txt", signed.signature().as_str())
}

fn payload_of(context: &Value) -> PayloadHash {
    match string(&context["payload"]) {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => PayloadHash::Streaming,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => PayloadHash::StreamingTrailer,
        "UNSIGNED-PAYLOAD" => PayloadHash::Unsigned,
        digits => {
            let mut hash = [0; 32];
            hex::decode_to_slice(digits, &mut hash).expect("a hash in hexadecimal digits");
            PayloadHash::Sha256(hash)
        }
    }
}

/// A request as the suites write it.
struct RequestText {
    method: String,
    path: String,
    query: Vec<(Vec<u8>, Vec<u8>)>,
    host: String,
    /// Without those that the signer adds.
    headers: HeaderMap,
    body: String,
}

impl RequestText {
    fn parse(text: &str) -> Self {
        // An obsolete folded header goes on in the next line.
        let unfolded = text.replace("\n ", " ");
        let (head, body) = unfolded.split_once("\n\n").unwrap_or((&unfolded, ""));
        let mut lines = head.lines();
        let line = lines.next().expect("a request line").trim_end_matches(" HTTP/1.1");
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (mut headers, mut host) = (HeaderMap::new(), String::new());
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            match name.to_ascii_lowercase().as_str() {
                "host" => value.trim().clone_into(&mut host),
                "x-amz-date" | "x-amz-content-sha256" | "x-amz-security-token" => {}
                name => {
                    let name = HeaderName::try_from(name).expect("a header's name");
                    headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
                }
            }
        }
        Self {
            method: method.to_owned(),
            path: String::from_utf8(decode_path(path)).expect("UTF-8"),
            query: pairs.map(|(name, value)| (decode_path(name), decode_path(value))).collect(),
            host,
            headers,
            body: body.to_owned(),
        }
    }

    fn target(&self) -> Target {
        let query = self.query.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        Target::new(Scheme::Https, &*self.host, &self.path, query).expect("a target")
    }
}

/// The suites' path rule (RFC 3986 section 5.2.4, and empty segments dropped), which S3 does not have.
fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let trailing = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{trailing}", kept.join("/"))
}

fn credentials_of(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    let credentials = Credentials::new(id, secret).expect("valid credentials");
    match token {
        Some(token) => credentials.with_session_token(token).expect("a valid token"),
        None => credentials,
    }
}

fn time_of(stamp: &str) -> SigningTime {
    let number = |range: std::ops::Range<usize>| stamp[range].parse::<i64>().expect("digits");
    let date = time::Date::from_calendar_date(
        number(0..4) as i32,
        time::Month::try_from(number(4..6) as u8).expect("a month"),
        number(6..8) as u8,
    );
    let days = i64::from(date.expect("a date").to_julian_day()) - 2_440_588;
    let seconds = number(9..11) * 3600 + number(11..13) * 60 + number(13..15);
    SigningTime::from_unix_seconds(days * 86_400 + seconds).expect("a time in range")
}

fn authorization(signed: &SigningInstructions) -> &str {
    let value = signed.headers().iter().find(|(name, _)| *name == http::header::AUTHORIZATION);
    value.and_then(|(_, value)| value.to_str().ok()).expect("an Authorization header")
}

fn signature_in(url: &str) -> &str {
    url.split_once("X-Amz-Signature=").map_or("", |(_, signature)| signature)
}

fn context(case: &Path) -> Value {
    serde_json::from_str(&text(case, "context.json")).expect("context.json is JSON")
}

fn text(case: &Path, name: &str) -> String {
    let path = case.join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn compare(case: &Path, name: &str, actual: &str) -> Outcome {
    let expected = text(case, name);
    if expected == actual {
        return Outcome::new();
    }
    let (expected, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let mut diff = format!("  {name}\n");
    for index in 0..expected.len().max(actual.len()) {
        let (old, new) = (expected.get(index), actual.get(index));
        if old != new {
            let _ = writeln!(diff, "    line {}: expected {old:?}\n    {:8}      got {new:?}", index + 1, "");
        }
    }
    diff
}
