//! The signing key of today, kept: it depends on secret, date, region and service, and on nothing else.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::key::SigningKey;
use super::scope::CredentialScope;

/// Keeps the last signing key, together with everything it was derived from: deriving one costs five times a signature.
#[derive(Default)]
pub struct KeyCache(Mutex<Option<Entry>>);

struct Entry {
    secret: Zeroizing<String>,
    date: String,
    region: String,
    service: String,
    key: SigningKey,
}

impl KeyCache {
    /// Returns the key for a secret and scope, derived anew unless it is the one held.
    pub(super) fn key(&self, secret: &str, scope: &CredentialScope<'_>) -> SigningKey {
        // A poisoned lock holds an entry that was complete when it was stored.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = held.as_ref().filter(|entry| entry.is_for(secret, scope)) {
            return entry.key.clone();
        }
        let key = SigningKey::derive(secret, scope);
        *held = Some(Entry {
            secret: Zeroizing::new(secret.to_owned()),
            date: scope.date.to_owned(),
            region: scope.region.to_owned(),
            service: scope.service.to_owned(),
            key: key.clone(),
        });
        key
    }
}

impl Entry {
    fn is_for(&self, secret: &str, scope: &CredentialScope<'_>) -> bool {
        self.date == scope.date
            && self.region == scope.region
            && self.service == scope.service
            && *self.secret == secret
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache(***)")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::super::gather::Sink;
    use super::super::{PayloadHash, Signer, SigningTime};
    use super::*;
    use crate::credentials::Credentials;
    use crate::region::Region;
    use crate::target::{Scheme, Target};

    const SCOPE: CredentialScope<'static> = CredentialScope { date: "20130524", region: "us-east-1", service: "s3" };

    /// What nobody sees in a signature: a key is derived once, and not for others.
    #[test]
    fn a_key_is_kept_for_what_it_was_derived_from() {
        let cache = KeyCache::default();
        cache.key("secret", &SCOPE);
        let held = cache.0.lock().expect("nothing panicked");
        let entry = held.as_ref().expect("the key is kept");
        assert!(entry.is_for("secret", &SCOPE));
        assert!(!entry.is_for("rotated", &SCOPE));
        for other in [
            CredentialScope { date: "20130525", ..SCOPE },
            CredentialScope { region: "eu-west-1", ..SCOPE },
            CredentialScope { service: "sts", ..SCOPE },
        ] {
            assert!(!entry.is_for("secret", &other), "{other}");
        }
    }

    #[test]
    fn a_signer_keeps_the_key_in_its_cache() {
        let (credentials, region) = (Credentials::new("id", "secret"), Region::new("eu-central-1"));
        let (credentials, region) = (credentials.expect("credentials"), region.expect("a region"));
        let (time, cache) = (SigningTime::from_unix_seconds(0).expect("a time"), KeyCache::default());
        let target = Target::new(Scheme::Https, "h", "/k", []).expect("a target");
        let signer = Signer::new(&credentials, &region, "s3").expect("a signer").with_cache(&cache);
        signer.sign(time, "GET", &target, &HeaderMap::new(), &PayloadHash::EMPTY);
        assert!(cache.0.lock().expect("nothing panicked").is_some());
    }

    #[test]
    fn a_change_of_any_input_gives_another_key() {
        let cache = KeyCache::default();
        let scope = SCOPE;
        let cases = [
            ("secret", scope),
            ("rotated", scope),
            ("secret", CredentialScope { date: "20130525", ..scope }),
            ("secret", CredentialScope { region: "eu-west-1", ..scope }),
            ("secret", CredentialScope { service: "sts", ..scope }),
        ];
        for _ in 0..2 {
            for (secret, scope) in &cases {
                let sign = |key: SigningKey| key.sign_with(|mac| mac.put(b"text"));
                let derived = sign(SigningKey::derive(secret, scope));
                for _ in 0..2 {
                    assert!(sign(cache.key(secret, scope)) == derived, "{secret} {scope}");
                }
            }
        }
    }
}
