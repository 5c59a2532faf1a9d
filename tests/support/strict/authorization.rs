//! Reads what a request claims about its own signature, from the Authorization header or from a
//! presigned query.

use super::canonical::{Pairs, decode_query, lossy};
use super::clock::parse_amz_date;
use super::digest::is_lower_hex;
use super::error::S3Error;
use super::http::RequestHead;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const LONGEST_EXPIRY: i64 = 7 * 24 * 3600;

/// Where the signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the Authorization header.
    Header,
    /// In the query of a presigned URL, valid for so many seconds.
    Query {
        /// Value of X-Amz-Expires.
        expires: i64,
    },
}

impl Form {
    /// The error code for a signature that cannot be read.
    pub fn malformed_code(self) -> &'static str {
        match self {
            Self::Header => "AuthorizationHeaderMalformed",
            Self::Query { .. } => "AuthorizationQueryParametersError",
        }
    }
}

/// A signature with everything needed to compute it again. Nothing in here is proven yet.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Where it stands.
    pub form: Form,
    /// Access key of the credential.
    pub access_key: String,
    /// Credential scope: day, region, service and `aws4_request`, joined by slashes.
    pub scope: String,
    /// Names of the signed headers: lower case, sorted, each once.
    pub signed_headers: Vec<String>,
    /// The signature, 64 hex digits.
    pub signature: String,
    /// `x-amz-date` as sent.
    pub date: String,
    /// The same in seconds since 1970.
    pub time: i64,
    /// Session token as sent.
    pub token: Option<String>,
    /// The payload's hash, or the name that stands for it.
    pub payload: String,
    /// Decoded query without the signature.
    pub query: Pairs,
}

impl Claim {
    /// Reads the claim of either form. A request with both is refused, as AWS does.
    pub fn read(head: &RequestHead) -> Result<Self, S3Error> {
        let query = decode_query(head.query()).map_err(S3Error::signature_mismatch)?;
        let presigned = query.iter().any(|(name, _)| name == b"X-Amz-Signature");
        let header = head.only("authorization").map_err(S3Error::invalid_request)?;
        match (header, presigned) {
            (Some(_), true) => Err(S3Error::new(400, "InvalidArgument", "only one auth mechanism allowed")),
            (None, false) => Err(S3Error::new(403, "AccessDenied", "the request is not signed")),
            (Some(value), false) => Self::from_header(head, value, query),
            (None, true) => Self::from_query(head, query),
        }
    }

    /// Day, region, service and the fixed end of the scope.
    pub fn scope_fields(&self) -> [&str; 4] {
        let fields: Vec<&str> = self.scope.split('/').collect();
        fields.try_into().expect("split_credential made the scope of four fields")
    }

    fn from_header(head: &RequestHead, value: &str, query: Pairs) -> Result<Self, S3Error> {
        let malformed = |message: String| S3Error::new(400, Form::Header.malformed_code(), message);
        let fields = value
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or_else(|| malformed(format!("Authorization does not begin with {ALGORITHM}")))?;
        let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
        let field = |name: &str| {
            let mut found = fields.iter().filter_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            found.next().ok_or_else(|| malformed(format!("Authorization without {name}")))
        };
        if fields.len() != 3 {
            return Err(malformed(format!("Authorization has {} fields, not 3", fields.len())));
        }
        let parts = Parts {
            credential: field("Credential")?,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
            date: required(head, "x-amz-date")?,
            token: optional(head, "x-amz-security-token")?,
            payload: required(head, "x-amz-content-sha256")?,
        };
        parts.into_claim(Form::Header, query)
    }

    fn from_query(head: &RequestHead, query: Pairs) -> Result<Self, S3Error> {
        let malformed = |message: String| S3Error::new(400, Form::Query { expires: 0 }.malformed_code(), message);
        if query_value(&query, "X-Amz-Algorithm")?.as_deref() != Some(ALGORITHM) {
            return Err(malformed(format!("X-Amz-Algorithm is not {ALGORITHM}")));
        }
        let needed =
            |name: &str| query_value(&query, name)?.ok_or_else(|| malformed(format!("presigned query without {name}")));
        let expires_text = needed("X-Amz-Expires")?;
        let expires = expires_text.parse().ok().filter(|seconds| (1..=LONGEST_EXPIRY).contains(seconds));
        let expires =
            expires.ok_or_else(|| malformed(format!("X-Amz-Expires is not within a week: {expires_text}")))?;
        let payload = match query_value(&query, "X-Amz-Content-Sha256")? {
            Some(payload) => Some(payload),
            None => optional(head, "x-amz-content-sha256")?.map(str::to_owned),
        };
        let token = query_value(&query, "X-Amz-Security-Token")?;
        let parts = Parts {
            credential: &needed("X-Amz-Credential")?,
            signed_headers: &needed("X-Amz-SignedHeaders")?,
            signature: &needed("X-Amz-Signature")?,
            date: &needed("X-Amz-Date")?,
            token: token.as_deref(),
            payload: payload.as_deref().unwrap_or("UNSIGNED-PAYLOAD"),
        };
        let signed_query = query.iter().filter(|(name, _)| name != b"X-Amz-Signature").cloned().collect();
        parts.into_claim(Form::Query { expires }, signed_query)
    }
}

/// The texts of a claim, common to both forms.
struct Parts<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
    date: &'a str,
    token: Option<&'a str>,
    payload: &'a str,
}

impl Parts<'_> {
    fn into_claim(self, form: Form, query: Pairs) -> Result<Claim, S3Error> {
        let malformed = |message: String| S3Error::new(400, form.malformed_code(), message);
        let (access_key, scope) = split_credential(self.credential)
            .ok_or_else(|| malformed(format!("credential is not key/day/region/service/end: {}", self.credential)))?;
        let time =
            parse_amz_date(self.date).ok_or_else(|| malformed(format!("not a signing date: {:?}", self.date)))?;
        if !is_lower_hex(self.signature) {
            return Err(malformed("the signature is not 64 digits of lower hex".into()));
        }
        let signed_headers: Vec<String> = self.signed_headers.split(';').map(str::to_owned).collect();
        let sorted = signed_headers.is_sorted_by(|left, right| left < right);
        if !sorted || self.signed_headers != self.signed_headers.to_ascii_lowercase() {
            return Err(malformed(format!("signed headers not sorted, unique, lower case: {}", self.signed_headers)));
        }
        Ok(Claim {
            form,
            access_key: access_key.into(),
            scope: scope.into(),
            signed_headers,
            signature: self.signature.into(),
            date: self.date.into(),
            time,
            token: self.token.map(str::to_owned),
            payload: self.payload.into(),
            query,
        })
    }
}

/// Splits off the scope: an access key may itself hold slashes, so the four fields are counted from
/// the end.
fn split_credential(credential: &str) -> Option<(&str, &str)> {
    let (slash, _) = credential.rmatch_indices('/').nth(3)?;
    Some((&credential[..slash], &credential[slash + 1..]))
}

fn optional<'a>(head: &'a RequestHead, name: &str) -> Result<Option<&'a str>, S3Error> {
    head.only(name).map_err(S3Error::invalid_request)
}

fn required<'a>(head: &'a RequestHead, name: &str) -> Result<&'a str, S3Error> {
    optional(head, name)?.ok_or_else(|| S3Error::invalid_request(format!("missing required header {name}")))
}

fn query_value(query: &Pairs, wanted: &str) -> Result<Option<String>, S3Error> {
    let mut found = query.iter().filter(|(name, _)| name == wanted.as_bytes()).map(|(_, value)| lossy(value));
    let value = found.next();
    match found.next() {
        Some(_) => Err(S3Error::invalid_request(format!("{wanted} is there more than once"))),
        None => Ok(value),
    }
}
