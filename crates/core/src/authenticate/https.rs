//! Refusal of requests without HTTPS.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota};

use crate::id::CredentialId;
use crate::lifecycle::Keys;
use crate::store::KeyStatus;

/// Refuses requests without HTTPS.
///
/// HTTPS means [`TlsTransport`](crate::adapter::TlsTransport), or the statement of a [trusted
/// proxy](crate::adapter::AuthenticatorBuilder::trusted_proxies).
///
/// # Examples
/// ```
/// use keyward::{Authenticator, HttpsOnly, Keys, MemoryStore, TrustedProxies};
///
/// let store = MemoryStore::new();
/// let authenticator = Authenticator::builder(store.clone())
///     .trusted_proxies(TrustedProxies::new(["10.0.0.0/8".parse()?]))
///     .https_only(HttpsOnly::new().mark_compromised(Keys::new(store)))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct HttpsOnly {
    marking: Option<Marking>,
}

#[derive(Debug)]
struct Marking {
    keys: Keys,
    /// Bounds the damage of a misconfigured proxy.
    cap: DefaultDirectRateLimiter,
}

const MARKS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("sixty is not zero");

impl HttpsOnly {
    /// Creates the setting, without marking.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Marks a key as compromised only if an untrusted peer sent it in plain text, or a trusted proxy states `http`.
    ///
    /// At most 60 a minute. Beyond that, requests are still refused, and the log names the keys.
    #[must_use]
    pub fn mark_compromised(self, keys: Keys) -> Self {
        self.mark_compromised_up_to(MARKS_PER_MINUTE, keys)
    }

    /// Like [`mark_compromised`](Self::mark_compromised), at most `per_minute`.
    #[must_use]
    pub fn mark_compromised_up_to(self, per_minute: NonZeroU32, keys: Keys) -> Self {
        let cap = DefaultDirectRateLimiter::direct(Quota::per_minute(per_minute));
        Self { marking: Some(Marking { keys, cap }) }
    }

    pub(super) fn marks(&self) -> bool {
        self.marking.is_some()
    }

    pub(super) async fn mark(&self, id: &CredentialId, status: KeyStatus) -> bool {
        let Some(marking) = &self.marking else { return false };
        if matches!(status, KeyStatus::Revoked | KeyStatus::Compromised) {
            return false;
        }
        if marking.cap.check().is_err() {
            crate::log_limited!(error, %id, "a key was sent in plain text, but NOT marked as compromised: the limit of marks per minute is reached; revoke the key");
            return false;
        }
        match marking.keys.mark_compromised(id).await {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(%id, %error, "a key was sent in plain text, but marking it as compromised failed; revoke the key");
                false
            }
        }
    }
}
