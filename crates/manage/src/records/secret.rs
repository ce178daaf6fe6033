use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::ManagementError;

pub(crate) fn new_secret(prefix: &str) -> Result<Zeroizing<String>, ManagementError> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *random).map_err(|_| ManagementError::Internal)?;
    let digits = Zeroizing::new(hex::encode(*random));
    Ok(Zeroizing::new(format!("{prefix}{}", *digits)))
}

pub(crate) fn digest_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

pub(crate) fn new_id(prefix: &str) -> Result<String, ManagementError> {
    let mut random = [0_u8; 12];
    getrandom::fill(&mut random).map_err(|_| ManagementError::Internal)?;
    Ok(format!("{prefix}_{}", hex::encode(random)))
}
