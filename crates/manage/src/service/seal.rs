use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::ManagementError;

/// Encrypts values at rest, for one purpose and one owner.
pub(crate) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(crate) fn new(secret: &[u8], owner: &[u8], purpose: &str) -> Result<Self, ManagementError> {
        let mut key = Zeroizing::new([0_u8; 32]);
        Hkdf::<Sha256>::new(Some(owner), secret)
            .expand(purpose.as_bytes(), &mut *key)
            .map_err(|_| ManagementError::Internal)?;
        XChaCha20Poly1305::new_from_slice(&*key).map(Self).map_err(|_| ManagementError::Internal)
    }

    pub(crate) fn seal(&self, plain: &[u8]) -> Result<String, ManagementError> {
        let mut nonce = [0_u8; 24];
        getrandom::fill(&mut nonce).map_err(|_| ManagementError::Internal)?;
        let sealed = self.0.encrypt(&XNonce::from(nonce), plain).map_err(|_| ManagementError::Internal)?;
        Ok(hex::encode(nonce) + &hex::encode(sealed))
    }

    pub(crate) fn open(&self, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(48)?;
        let nonce: [u8; 24] = hex::decode(nonce).ok()?.try_into().ok()?;
        let sealed = hex::decode(sealed).ok()?;
        self.0.decrypt(&XNonce::from(nonce), sealed.as_slice()).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_for_its_secret_owner_and_purpose_only() {
        let sealed = Sealer::new(b"secret", b"ada", "tests").unwrap().seal(b"plain").unwrap();
        for (secret, owner, purpose, opens) in [
            ("secret", "ada", "tests", true),
            ("another", "ada", "tests", false),
            ("secret", "bob", "tests", false),
            ("secret", "ada", "others", false),
        ] {
            let opened = Sealer::new(secret.as_bytes(), owner.as_bytes(), purpose).unwrap().open(&sealed);
            assert_eq!(
                opened.map(|plain| plain.to_vec()),
                opens.then(|| b"plain".to_vec()),
                "{secret} {owner} {purpose}"
            );
        }
        assert!(Sealer::new(b"secret", b"ada", "tests").unwrap().open("short").is_none());
    }
}
