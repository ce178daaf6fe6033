//! Files whose names change with their contents.

use sha2::{Digest as _, Sha256};

/// `Cache-Control` of such a file.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

pub(crate) fn short_hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes).get(..8).unwrap_or_default())
}
