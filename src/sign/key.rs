//! The third and fourth step: the signing key of a day, and a signature made with it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::gather::Gathering;
use super::scope::{CredentialScope, StringToSign};

/// The key that signs for one day, region and service; as good as the secret for that long. Held as the MAC that has taken it,
/// which saves two blocks of hashing a signature; overwritten when dropped, as hmac's feature `zeroize` says.
#[derive(Clone)]
pub(crate) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key: HMAC of date, region, service and terminator, each keyed by the one before.
    pub fn derive(secret: &str, scope: &CredentialScope<'_>) -> Self {
        Self(new_mac(&*derive(secret, scope)))
    }

    /// Signs a text that is written straight into the MAC.
    pub fn sign(&self, text: &StringToSign<'_>) -> Signature {
        self.sign_with(|mac| text.write_to(mac))
    }

    /// Signs whatever `write` writes.
    pub fn sign_with(&self, write: impl FnOnce(&mut Gathering<Hmac<Sha256>>)) -> Signature {
        let mut mac = Gathering::new(self.0.clone());
        write(&mut mac);
        mac.hand_on();
        Signature(super::hex_digits(&mac.digest.finalize().into_bytes().into()))
    }
}

/// The bytes of a signing key.
pub(super) fn derive(secret: &str, scope: &CredentialScope<'_>) -> Zeroizing<[u8; 32]> {
    let first = Zeroizing::new(["AWS4", secret].concat());
    let [date, rest @ ..] = scope.derivation();
    let mut key = Zeroizing::new(hmac(first.as_bytes(), date.as_bytes()));
    for part in rest {
        key = Zeroizing::new(hmac(&*key, part.as_bytes()));
    }
    key
}

/// A signature: 64 hexadecimal digits. `Debug` does not show it: with its request it is a credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the hexadecimal digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only hexadecimal digits are written")
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(***)")
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = new_mac(key);
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn new_mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}
