//! The third and fourth step: the signing key of a day, and a signature made with it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

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
    pub fn sign_with(&self, write: impl FnOnce(&mut MacWriter) -> fmt::Result) -> Signature {
        let mut mac = MacWriter(self.0.clone());
        write(&mut mac).expect("a MAC takes every text");
        let mut hex = [0; 64];
        super::hex_text(&mac.0.finalize().into_bytes().into(), &mut hex);
        Signature(hex)
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

/// A MAC that takes text as it is formatted.
pub(crate) struct MacWriter(Hmac<Sha256>);

impl fmt::Write for MacWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// A signature: 64 hexadecimal digits. `Debug` does not show it: with its request it is a credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
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
