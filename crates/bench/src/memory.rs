//! What a million cached keys take.

use std::time::Duration;

use keyward::{
    Authenticator, Digest, Found, Freshness, KeyFormat, KeyKind, KeyStore, Mode, StoreError, StoredKey, async_trait,
};
use serde_json::{Value, json};

use crate::setting::identity;

const KEYS: usize = 1_000_000;

pub(crate) struct Memory {
    bytes_per_key: f64,
}

impl Memory {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "bytes_per_key_1m": self.bytes_per_key })
    }
}

/// Knows every key, and holds none.
struct Everyone;

#[async_trait]
impl KeyStore for Everyone {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let [a, b, c, d, ..] = *digest.as_bytes();
        Ok(Found::key(StoredKey::new(identity(u32::from_le_bytes([a, b, c, d]) as usize))))
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(Duration::from_secs(3_600))
    }
}

pub(crate) fn measure() -> Memory {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let authenticator = Authenticator::builder(Everyone).cache_capacity(2 * KEYS).build().unwrap();
    let format = KeyFormat::default();
    let held = allocation_counter::measure(|| {
        runtime.block_on(async {
            for _ in 0..KEYS {
                let key = format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once();
                let field = format!("Bearer {}", *key);
                authenticator.authenticate([field.as_bytes()]).await.unwrap();
            }
        });
    });
    assert_eq!(authenticator.cached_keys(), KEYS);
    Memory { bytes_per_key: held.bytes_current as f64 / KEYS as f64 }
}
