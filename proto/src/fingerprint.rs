//! Keyed digests: two ends compare secret content without either of them storing something that can be guessed.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The key of one run, 32 random bytes made by the controller. Travels only inside the SSH channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u8; 32]", into = "[u8; 32]")]
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

/// HMAC-SHA256 of some content under the key of a run, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl FingerprintKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The fingerprint of the bytes under this key.
    pub fn of(&self, bytes: &[u8]) -> Fingerprint {
        Fingerprint(crate::id::hex(self.mac(bytes).as_slice()))
    }

    /// Another key that is known to whoever knows this one, and tells nothing of it.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        self.mac(purpose.as_bytes())
    }

    fn mac(&self, bytes: &[u8]) -> Zeroizing<[u8; 32]> {
        // A key of 32 bytes is shorter than a block, so `new` takes it whole.
        let mut key = [0_u8; 64];
        key[..32].copy_from_slice(self.0.as_slice());
        let mut mac = Hmac::<sha2::Sha256>::new(&key.into());
        mac.update(bytes);
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

impl From<[u8; 32]> for FingerprintKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self::new(bytes)
    }
}

impl From<FingerprintKey> for [u8; 32] {
    fn from(key: FingerprintKey) -> Self {
        *key.0
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Fingerprint {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_decides() {
        let one = FingerprintKey::new([1; 32]);
        let two = FingerprintKey::new([2; 32]);
        assert_eq!(one.of(b"x"), one.of(b"x"));
        assert_ne!(one.of(b"x"), one.of(b"y"));
        assert_ne!(one.of(b"x"), two.of(b"x"));
    }

    #[test]
    fn it_is_hmac_sha256() {
        // RFC 4231 uses other key lengths; this value is from `openssl dgst -sha256 -mac HMAC`.
        let key = FingerprintKey::new([0x0b; 32]);
        assert_eq!(
            key.of(b"Hi There").as_str(),
            "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7"
        );
    }
}
