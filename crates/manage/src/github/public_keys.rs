#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::clock::Clock;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::error::AlertError;
use crate::outbound::{Outbound, OutboundError};

/// A withdrawn key is refused after this time.
const MAX_AGE: Duration = Duration::from_secs(24 * 3_600);
/// Limits requests for unknown key names.
const PAUSE: Duration = Duration::from_secs(60);
const MAX_KEYS: usize = 64;

pub(super) struct PublicKeys {
    url: String,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, VerifyingKey>,
    fetched: Option<Duration>,
    asked: Option<Duration>,
}

#[derive(Deserialize)]
struct Published {
    public_keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
struct PublishedKey {
    key_identifier: String,
    key: String,
}

impl PublicKeys {
    pub(super) fn new(url: String, clock: Arc<dyn Clock>) -> Result<Self, OutboundError> {
        Ok(Self { outbound: Outbound::new(&url)?, url, clock, known: Mutex::default() })
    }

    /// ECDSA over P-256 with SHA-256.
    pub(super) async fn verify(&self, name: &str, signature: &str, body: &[u8]) -> Result<(), AlertError> {
        let signature = STANDARD.decode(signature).map_err(|_| AlertError::Signature)?;
        let signature = DerSignature::from_bytes(&signature).map_err(|_| AlertError::Signature)?;
        let key = self.key(name).await?;
        key.verify(body, &signature).map_err(|_| AlertError::Signature)
    }

    async fn key(&self, name: &str) -> Result<VerifyingKey, AlertError> {
        let mut known = self.known.lock().await;
        let now = self.clock.boottime();
        let since = |then: Option<Duration>| then.map_or(Duration::MAX, |then| now.saturating_sub(then));
        let are_fresh = since(known.fetched) < MAX_AGE;
        if are_fresh && let Some(key) = known.keys.get(name) {
            return Ok(*key);
        }
        if since(known.asked) >= PAUSE {
            known.asked = Some(now);
            match self.ask().await {
                Ok(keys) => {
                    (known.keys, known.fetched) = (keys, Some(now));
                    return known.keys.get(name).copied().ok_or(AlertError::Signature);
                }
                Err(error) => {
                    tracing::error!(url = self.url, error, "the sender's public keys are unavailable")
                }
            }
        }
        Err(if are_fresh { AlertError::Signature } else { AlertError::NoPublicKeys })
    }

    async fn ask(&self) -> Result<HashMap<String, VerifyingKey>, String> {
        let body = self.outbound.get(&self.url).await.map_err(|error| error.to_string())?;
        let published: Published = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let mut keys = HashMap::new();
        for key in published.public_keys.into_iter().take(MAX_KEYS) {
            // Skips keys of other algorithms.
            match VerifyingKey::from_public_key_pem(&key.key) {
                Ok(parsed) => drop(keys.insert(key.key_identifier, parsed)),
                Err(error) => {
                    tracing::warn!(name = key.key_identifier, %error, "a public key of the sender was skipped")
                }
            }
        }
        if keys.is_empty() { Err("the sender publishes no usable key".to_owned()) } else { Ok(keys) }
    }
}
