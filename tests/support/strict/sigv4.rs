//! AWS Signature Version 4 with S3's rules, verified from the raw request.
//!
//! Written from the specification, sharing nothing with the library under test. Where AWS forgives
//! (a path spelled in another way than the canonical one, blanks around a header value), this
//! verifier does not: some server or proxy in the field does not forgive either.

use bytes::Bytes;

use super::authorization::{Claim, Form};
use super::aws_chunked::{self, Framed, Seal};
use super::canonical::{canonical_query, canonical_uri, canonical_value, decode_path, lossy};
use super::clock::amz_date;
use super::digest::{hmac, is_lower_hex, sha256_hex};
use super::error::S3Error;
use super::http::RequestHead;
use super::manners;

const MAX_SKEW_SECONDS: i64 = 15 * 60;

/// What the server expects of a signature.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The access key it knows.
    pub access_key: String,
    /// The secret that belongs to it.
    pub secret_key: String,
    /// The session token that must come with the access key; without one, none may be sent.
    pub session_token: Option<String>,
    /// Region of the credential scope.
    pub region: String,
    /// Service of the credential scope.
    pub service: String,
    /// The server's clock, in seconds since 1970.
    pub now: i64,
    /// The port that a Host header leaves out: 80, or 443 under TLS.
    pub default_port: u16,
    /// Headers that may be signed besides `host`, `x-amz-*` and `content-md5`, in lower case.
    pub also_signable: Vec<String>,
}

/// A request as it was meant: who sent it is proven, its body is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The payload without aws-chunked framing.
    pub payload: Bytes,
    /// Trailing headers of an aws-chunked body.
    pub trailers: Vec<(String, String)>,
}

/// Verifies a whole request.
pub fn verify(head: &RequestHead, body: &Bytes, rules: &Rules) -> Result<Verified, S3Error> {
    verify_head(head, rules)?.verify_body(head, body)
}

/// A head whose signature is right, and what its body must be.
#[derive(Debug)]
pub struct Authenticated {
    payload: String,
    seal: Seal,
}

/// Verifies everything that can be verified before the body is there.
pub fn verify_head(head: &RequestHead, rules: &Rules) -> Result<Authenticated, S3Error> {
    manners::check(head, rules.default_port)?;
    let path = decode_path(head.path()).map_err(S3Error::signature_mismatch)?;
    let claim = Claim::read(head)?;
    check_scope(&claim, rules)?;
    check_token(&claim, rules)?;
    check_time(&claim, rules.now)?;
    check_signed_headers(head, &claim, rules)?;
    let request = canonical_request(head, &path, &claim)?;
    let key = signing_key(&rules.secret_key, &claim);
    let text = string_to_sign(&claim, &request);
    if hex::encode(hmac(&key, text.as_bytes())) != claim.signature {
        return Err(S3Error::signature_mismatch("the signature is not that of the request")
            .with("CanonicalRequest", request)
            .with("StringToSign", text));
    }
    let seal = Seal { key, date: claim.date, scope: claim.scope, seed: claim.signature };
    Ok(Authenticated { payload: claim.payload, seal })
}

impl Authenticated {
    /// Verifies the body against what the head declared.
    pub fn verify_body(self, head: &RequestHead, body: &Bytes) -> Result<Verified, S3Error> {
        let framed = match self.payload.as_str() {
            "UNSIGNED-PAYLOAD" => return Ok(plain(body)),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Framed::Signed,
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Framed::SignedWithTrailer,
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Framed::UnsignedWithTrailer,
            declared => return verify_hash(declared, body),
        };
        let (payload, trailers) = aws_chunked::decode(head, body, framed, self.seal)?;
        Ok(Verified { payload: payload.into(), trailers })
    }
}

fn plain(body: &Bytes) -> Verified {
    Verified { payload: body.clone(), trailers: Vec::new() }
}

fn verify_hash(declared: &str, body: &Bytes) -> Result<Verified, S3Error> {
    if !is_lower_hex(declared) {
        let message = format!("x-amz-content-sha256 must be a SHA-256 in lower hex or a name S3 knows: {declared}");
        return Err(S3Error::new(400, "InvalidArgument", message));
    }
    let computed = sha256_hex(body);
    if computed != declared {
        let message = format!("declared hash {declared}, body of {} bytes has {computed}", body.len());
        return Err(S3Error::new(400, "XAmzContentSHA256Mismatch", message));
    }
    Ok(plain(body))
}

fn check_scope(claim: &Claim, rules: &Rules) -> Result<(), S3Error> {
    if claim.access_key != rules.access_key {
        let message = format!("unknown access key {:?}", claim.access_key);
        return Err(S3Error::new(403, "InvalidAccessKeyId", message).with("AWSAccessKeyId", &claim.access_key));
    }
    let malformed = |message: String| S3Error::new(400, claim.form.malformed_code(), message);
    let [day, region, service, end] = claim.scope_fields();
    if region != rules.region {
        let message = format!("the region '{region}' is wrong; expecting '{}'", rules.region);
        return Err(malformed(message).with("Region", &rules.region));
    }
    if service != rules.service || end != "aws4_request" {
        return Err(malformed(format!("credential scope must end in {}/aws4_request: {}", rules.service, claim.scope)));
    }
    if !claim.date.starts_with(day) || day.len() != 8 {
        return Err(malformed(format!("scope of day {day}, request of {}", claim.date)));
    }
    Ok(())
}

fn check_token(claim: &Claim, rules: &Rules) -> Result<(), S3Error> {
    match (&claim.token, &rules.session_token) {
        (None, Some(_)) => Err(S3Error::new(403, "InvalidAccessKeyId", "a temporary key came without its token")),
        (sent, expected) if sent != expected => {
            Err(S3Error::new(400, "InvalidToken", "not the session token expected"))
        }
        _ => Ok(()),
    }
}

fn check_time(claim: &Claim, now: i64) -> Result<(), S3Error> {
    match claim.form {
        Form::Header if (now - claim.time).abs() > MAX_SKEW_SECONDS => {
            let message = format!("request of {}, server's clock says {}", claim.date, amz_date(now));
            Err(S3Error::new(403, "RequestTimeTooSkewed", message)
                .with("RequestTime", &claim.date)
                .with("ServerTime", super::clock::xml_date(now))
                .with("MaxAllowedSkewMilliseconds", (MAX_SKEW_SECONDS * 1000).to_string()))
        }
        Form::Query { .. } if claim.time - now > MAX_SKEW_SECONDS => {
            Err(S3Error::new(403, "AccessDenied", format!("request of {} is not yet valid", claim.date)))
        }
        Form::Query { expires } if now > claim.time + expires => {
            let message = format!("request of {} with {expires} s has expired", claim.date);
            Err(S3Error::new(403, "AccessDenied", message))
        }
        _ => Ok(()),
    }
}

fn check_signed_headers(head: &RequestHead, claim: &Claim, rules: &Rules) -> Result<(), S3Error> {
    let signed = &claim.signed_headers;
    if !signed.iter().any(|name| name == "host") {
        return Err(S3Error::signature_mismatch("host is not signed"));
    }
    let signable = |name: &str| {
        matches!(name, "host" | "content-md5")
            || name.starts_with("x-amz-")
            || rules.also_signable.iter().any(|also| also == name)
    };
    if let Some(name) = signed.iter().find(|name| !signable(name)) {
        return Err(S3Error::signature_mismatch(format!("{name} is signed, which proxies may change")));
    }
    if let Some(name) = signed.iter().find(|name| !head.has(name)) {
        return Err(S3Error::signature_mismatch(format!("{name} is signed but was not sent")));
    }
    let unsigned = |name: &String| name.starts_with("x-amz-") && !signed.contains(name);
    match head.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).find(unsigned) {
        Some(name) => Err(S3Error::new(403, "AccessDenied", format!("{name} was sent but is not signed"))),
        None => Ok(()),
    }
}

/// The canonical request, provided that no signed header value has blanks around it, which HTTP drops. Blanks inside are one in
/// the signature, and as many in the object's metadata as there are on the wire.
fn canonical_request(head: &RequestHead, path: &[u8], claim: &Claim) -> Result<String, S3Error> {
    let mut headers = String::new();
    for name in &claim.signed_headers {
        let mut values = Vec::new();
        for value in head.values(name) {
            if value.trim_ascii() != value {
                let message = format!("blanks around the value of {name}: {:?}", lossy(value));
                return Err(S3Error::signature_mismatch(message));
            }
            values.push(String::from_utf8(canonical_value(value)).map_err(|_| {
                S3Error::signature_mismatch(format!("value of {name} is not UTF-8: {:?}", lossy(value)))
            })?);
        }
        headers += &format!("{name}:{}\n", values.join(","));
    }
    Ok(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        head.method,
        canonical_uri(path),
        canonical_query(&claim.query),
        claim.signed_headers.join(";"),
        claim.payload,
    ))
}

fn string_to_sign(claim: &Claim, canonical_request: &str) -> String {
    let hash = sha256_hex(canonical_request.as_bytes());
    format!("AWS4-HMAC-SHA256\n{}\n{}\n{hash}", claim.date, claim.scope)
}

fn signing_key(secret: &str, claim: &Claim) -> Vec<u8> {
    let first = format!("AWS4{secret}").into_bytes();
    claim.scope_fields().iter().fold(first, |key, field| hmac(&key, field.as_bytes()))
}
