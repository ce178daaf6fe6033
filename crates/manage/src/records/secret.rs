//! Random secrets, their digests, and random ids.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::ManagementError;

/// Generates a 256-bit secret as text behind `prefix`.
pub(crate) fn new_secret(prefix: &str) -> Result<Zeroizing<String>, ManagementError> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *random).map_err(|_| ManagementError::Internal)?;
    let digits = Zeroizing::new(hex::encode(*random));
    Ok(Zeroizing::new(format!("{prefix}{}", *digits)))
}

/// Hashes a secret of 256 random bits for storage.
pub(crate) fn digest_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Generates an id, which is not a secret.
pub(crate) fn new_id(prefix: &str) -> Result<String, ManagementError> {
    let mut random = [0_u8; 12];
    getrandom::fill(&mut random).map_err(|_| ManagementError::Internal)?;
    Ok(format!("{prefix}_{}", hex::encode(random)))
}
