//! HTTPS only: what came in plain text is refused, and the key that it exposed is marked as compromised.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota};

use crate::id::CredentialId;
use crate::lifecycle::Keys;
use crate::store::KeyStatus;

/// Refuses requests that did not come by HTTPS, and marks keys that were sent without it.
///
/// What counts as HTTPS is a TLS connection that this process ended ([`TlsTransport`](crate::adapter::TlsTransport)), or the word
/// of a [trusted proxy](crate::adapter::AuthenticatorBuilder::trusted_proxies). A request of which that is not known is refused,
/// but its key is marked only on positive evidence: it came straight from an untrusted peer in plain text, or a trusted
/// proxy says `http`. One lost header is not evidence.
///
/// There is no redirect: it would hide the leak.
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
    /// A proxy that loses its header, or is set up wrongly, must not kill every key there is.
    cap: DefaultDirectRateLimiter,
}

/// Marks in a minute, at most, without a say.
const MARKS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("sixty is not zero");

impl HttpsOnly {
    /// Refuses, and marks nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Marks a key that was sent in plain text as compromised, through `keys`: at most 60 in a minute, after which
    /// requests are refused, and the log says which keys were left.
    #[must_use]
    pub fn mark_compromised(self, keys: Keys) -> Self {
        self.mark_compromised_up_to(MARKS_PER_MINUTE, keys)
    }

    /// Marks keys as compromised, at most as many in a minute.
    #[must_use]
    pub fn mark_compromised_up_to(self, per_minute: NonZeroU32, keys: Keys) -> Self {
        let cap = DefaultDirectRateLimiter::direct(Quota::per_minute(per_minute));
        Self { marking: Some(Marking { keys, cap }) }
    }

    pub(super) fn marks(&self) -> bool {
        self.marking.is_some()
    }

    /// Marks the key, unless it has ended already or the cap is reached. Gives whether it was marked now.
    pub(super) async fn mark(&self, id: &CredentialId, status: KeyStatus) -> bool {
        let Some(marking) = &self.marking else { return false };
        if matches!(status, KeyStatus::Revoked | KeyStatus::Compromised) {
            return false;
        }
        if marking.cap.check().is_err() {
            crate::log_limited!(error, %id, "a key was sent in plain text and NOT marked as compromised: there were too many in this minute");
            return false;
        }
        match marking.keys.mark_compromised(id).await {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(%id, %error, "a key was sent in plain text and could not be marked as compromised");
                false
            }
        }
    }
}
