//! Every key of a store, what other clients call it, and which one was meant.

use std::fmt;

/// The type a key's value must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Duration,
    Bool,
    Integer,
}

/// Every key of a store. Keys of the `tls` table are written with a dot here and in code.
pub(super) const KEYS: [(&str, Kind); 39] = [
    ("access-key", Kind::Text),
    ("addressing", Kind::Text),
    ("allow-http", Kind::Bool),
    ("anonymous", Kind::Bool),
    ("bucket", Kind::Text),
    ("connect-timeout", Kind::Duration),
    ("endpoint", Kind::Text),
    ("expect-continue", Kind::Text),
    ("follow-region", Kind::Bool),
    ("idle-timeout", Kind::Duration),
    ("key-prefix", Kind::Text),
    ("low-speed-limit", Kind::Text),
    ("low-speed-time", Kind::Duration),
    ("max-connections", Kind::Integer),
    ("max-retries", Kind::Integer),
    ("operation-timeout", Kind::Duration),
    ("payload-signing", Kind::Text),
    ("profile", Kind::Text),
    ("put-id", Kind::Bool),
    ("queue-timeout", Kind::Duration),
    ("region", Kind::Text),
    ("retry-base-delay", Kind::Duration),
    ("retry-max-delay", Kind::Duration),
    ("retry-timeout", Kind::Duration),
    ("secret-key", Kind::Text),
    ("security-token", Kind::Text),
    ("session-token", Kind::Text),
    ("strict-keys", Kind::Bool),
    ("timeout", Kind::Duration),
    ("tls.allow-invalid-certs", Kind::Bool),
    ("tls.ca-file", Kind::Text),
    ("tls.roots", Kind::Text),
    ("transfer-timeout", Kind::Duration),
    ("type", Kind::Text),
    ("use-accelerate", Kind::Bool),
    ("use-dualstack", Kind::Bool),
    ("use-fips", Kind::Bool),
    ("verify-after-write", Kind::Bool),
    ("verify-checksum", Kind::Bool),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a string in quotes",
            Self::Duration => "a duration in quotes, for example \"30s\"",
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
        })
    }
}

/// What other clients call a key, without capitals, underscores, `aws-` and `s3-`.
const SYNONYMS: [(&str, &[&str]); 22] = [
    ("access-key", &["access-key-id", "key-id", "user", "username", "login", "accesskey"]),
    ("secret-key", &["secret", "secret-access-key", "access-secret", "password", "passwd"]),
    ("session-token", &["token"]),
    ("profile", &["profile-name", "shared-credentials-profile"]),
    (
        "endpoint",
        &[
            "url",
            "uri",
            "host",
            "hostname",
            "server",
            "address",
            "port",
            "host-base",
            "endpoint-url",
            "service-url",
            "base-url",
            "end-point",
            "scheme",
            "protocol",
            "use-ssl",
            "use-https",
            "secure",
            "ssl",
        ],
    ),
    ("bucket", &["bucket-name", "container", "database"]),
    (
        "region",
        &["default-region", "region-name", "location", "location-constraint", "bucket-location", "signing-region"],
    ),
    (
        "addressing",
        &[
            "path-style",
            "force-path-style",
            "use-path-style",
            "use-path-style-endpoint",
            "path-style-access",
            "addressing-style",
            "virtual-hosted-style-request",
            "enable-virtual-host-style",
            "virtual-host",
            "bucket-lookup",
            "host-bucket",
        ],
    ),
    ("key-prefix", &["prefix", "root", "base-path", "folder", "directory"]),
    ("anonymous", &["skip-signature", "no-sign-request", "allow-anonymous"]),
    (
        "tls.allow-invalid-certs",
        &[
            "verify",
            "verify-ssl",
            "no-verify-ssl",
            "no-check-certificate",
            "check-ssl-certificate",
            "insecure",
            "allow-invalid-certificates",
            "allow-invalid-certs",
            "insecure-skip-verify",
        ],
    ),
    ("tls.ca-file", &["ca-bundle", "ca-certs-file", "ca-cert", "cacert", "ca-file", "root-certificate", "sslrootcert"]),
    ("tls.roots", &["roots"]),
    ("timeout", &["request-timeout", "read-timeout", "response-timeout", "socket-timeout"]),
    ("connect-timeout", &["connection-timeout"]),
    ("idle-timeout", &["pool-idle-timeout"]),
    ("max-retries", &["retries", "max-attempts", "retry-max-attempts"]),
    ("max-connections", &["max-pool-connections", "pool-size", "max-concurrent-requests"]),
    ("payload-signing", &["unsigned-payload", "payload-signing-enabled"]),
    ("use-dualstack", &["use-dualstack-endpoint", "use-dual-stack", "dualstack"]),
    ("use-fips", &["use-fips-endpoint", "fips"]),
    ("use-accelerate", &["use-accelerate-endpoint", "accelerate"]),
];

/// Finds the key that was meant by a name that is none: one of another client, or one with a letter wrong.
pub(super) fn meant_by(name: &str) -> Option<&'static str> {
    let plain = plain(name);
    let within_tls = plain.strip_prefix("tls.");
    let other = within_tls.unwrap_or(&plain);
    let is_known = |key: &str| within_tls.is_none() || key.starts_with("tls.");
    let synonym = SYNONYMS.iter().find(|(key, names)| is_known(key) && names.contains(&other));
    synonym.map(|(key, _)| *key).or_else(|| nearest(&plain))
}

/// The key with the fewest letters changed: a third of them at most, and three.
fn nearest(name: &str) -> Option<&'static str> {
    // A key of the tls table may stand beside it by mistake.
    let likeness = |key: &str| distance(name, key).min(distance(name, key.trim_start_matches("tls.")));
    let is_near = |distance: usize| distance <= 3 && 3 * distance <= name.len();
    KEYS.iter()
        .map(|(key, _)| (likeness(key), *key))
        .min()
        .filter(|(distance, _)| is_near(*distance))
        .map(|(_, key)| key)
}

/// `accessKey`, `ACCESS_KEY` and `aws_access_key` are one name.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            plain.push('-');
        }
        plain.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
        before = c;
    }
    ["aws-", "s3-"].iter().find_map(|prefix| plain.strip_prefix(prefix)).map(str::to_owned).unwrap_or(plain)
}

/// How many letters to change, add or drop to make one name of the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let substitute = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So a key that is only spelled in another way is found as the nearest.
    #[test]
    fn no_name_of_others_is_a_key() {
        for name in SYNONYMS.iter().flat_map(|(_, names)| *names) {
            assert!(KEYS.iter().all(|(key, _)| key != name), "{name}");
        }
    }

    #[test]
    fn what_is_meant() {
        for (name, key) in [
            ("accessKey", Some("access-key")),
            ("AWS_ACCESS_KEY_ID", Some("access-key")),
            ("s3ForcePathStyle", Some("addressing")),
            ("tls.root", Some("tls.roots")),
            ("root", Some("key-prefix")),
            ("buckett", Some("bucket")),
            ("wxybucket", Some("bucket")),
            ("wxyzbucket", None),
            ("nope", None),
            ("zzz", None),
        ] {
            assert_eq!(meant_by(name), key, "{name}");
        }
    }
}
