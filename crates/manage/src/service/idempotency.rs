//! Idempotent requests (the `Idempotency-Key` of draft-ietf-httpapi-idempotency-key-header): one effect, however often a request is sent.
//!
//! The answer is kept for a day, including a new key. It is sealed with a key that is derived from the caller's credential. No store
//! holds that credential, so the database alone opens nothing.

use std::time::Duration;

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use keyward_core::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Management;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity, Versioned};
use crate::store::Kind;

/// How long an answer is kept.
const RETENTION: Duration = Duration::from_secs(24 * 3_600);

/// After so long without an answer, whoever was at it has ended, and it may be tried anew.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// How long a second request waits for the answer to the first.
const POLLS: u32 = 50;

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A request that is to have one effect.
#[derive(Clone, Copy)]
pub struct IdempotentRequest<'a> {
    /// Whose request it is: another's idempotency keys are others.
    pub actor: &'a Actor,
    /// The idempotency key: 1 to 255 visible ASCII characters.
    pub key: &'a str,
    /// What is asked for, so that the same key for something else shows.
    pub request: &'a [u8],
    /// The credential that the request came with, a secret of its caller's.
    pub secret: &'a [u8],
}

impl std::fmt::Debug for IdempotentRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdempotentRequest").field("key", &self.key).finish_non_exhaustive()
    }
}

/// An answer that can be given again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The version of what was made, for its `ETag`.
    pub version: Option<u64>,
    /// Its body.
    pub body: Zeroizing<String>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredAnswer {
    id: String,
    fingerprint: String,
    at: Timestamp,
    ends_at: Timestamp,
    /// The nonce and the sealed answer.
    sealed: Option<String>,
}

impl Entity for StoredAnswer {
    const KIND: Kind = Kind::Once;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.at.as_millis()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}

impl IdempotentRequest<'_> {
    fn id(&self) -> String {
        let name = self.actor.name();
        hex::encode(Sha256::digest(format!("{} {} {}", name.kind, name.id, self.key)))
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, ManagementError> {
        let mut key = Zeroizing::new([0_u8; 32]);
        Hkdf::<Sha256>::new(Some(self.id().as_bytes()), self.secret)
            .expand(b"keyward idempotent answer", &mut *key)
            .map_err(|_| ManagementError::Internal)?;
        XChaCha20Poly1305::new_from_slice(&*key).map_err(|_| ManagementError::Internal)
    }

    fn seal(&self, answer: &Answer) -> Result<String, ManagementError> {
        let plain = Zeroizing::new(serde_json::to_vec(answer).map_err(|_| ManagementError::Internal)?);
        let mut nonce = [0_u8; 24];
        getrandom::fill(&mut nonce).map_err(|_| ManagementError::Internal)?;
        let sealed = self.cipher()?.encrypt(&XNonce::from(nonce), &**plain).map_err(|_| ManagementError::Internal)?;
        Ok(hex::encode(nonce) + &hex::encode(sealed))
    }

    /// The answer, unless the caller comes with another credential now.
    fn open(&self, sealed: &str) -> Option<Answer> {
        let (nonce, sealed) = sealed.split_at_checked(48)?;
        let nonce: [u8; 24] = hex::decode(nonce).ok()?.try_into().ok()?;
        let sealed = hex::decode(sealed).ok()?;
        let plain = Zeroizing::new(self.cipher().ok()?.decrypt(&XNonce::from(nonce), sealed.as_slice()).ok()?);
        serde_json::from_slice(&plain).ok()
    }
}

impl Management {
    /// Carries out an operation once for an idempotency key, and gives its answer again when the same request comes again within a day.
    /// What failed is forgotten, and can be tried again.
    ///
    /// # Errors
    /// [`ManagementError::OtherRequest`] if the key was used for another request, [`ManagementError::InProgress`] if the first is still being carried
    /// out, or its answer cannot be shown to another credential; [`ManagementError::Invalid`]; or what the operation fails with.
    pub async fn once(
        &self,
        once: IdempotentRequest<'_>,
        operation: impl Future<Output = Result<Answer, ManagementError>>,
    ) -> Result<Answer, ManagementError> {
        if !(1..=255).contains(&once.key.len()) || !once.key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ManagementError::invalid("Idempotency-Key", "1 to 255 visible ASCII characters"));
        }
        let now = self.now();
        let noted = StoredAnswer {
            id: once.id(),
            fingerprint: hex::encode(Sha256::digest(once.request)),
            at: now,
            ends_at: now.saturating_add(RETENTION),
            sealed: None,
        };
        let Some(version) = self.note(&once, &noted).await? else {
            return self.answer_again(&once, &noted).await;
        };
        let noted = Versioned { value: noted, version };
        match operation.await {
            Ok(answer) => {
                let done = StoredAnswer { sealed: Some(once.seal(&answer)?), ..noted.value.clone() };
                // It is done: that it cannot be given again is no reason to say that it is not.
                if let Err(error) = self.write_quietly(&[noted.replace(&done)?]).await {
                    tracing::warn!(%error, "the answer to a request with an idempotency key was not kept");
                }
                Ok(answer)
            }
            Err(error) => {
                let _ = self.write_quietly(&[noted.remove()]).await;
                Err(error)
            }
        }
    }

    /// Notes a request down, and gives the note's version; none if it is known already.
    async fn note(&self, once: &IdempotentRequest<'_>, noted: &StoredAnswer) -> Result<Option<u64>, ManagementError> {
        if self.write_quietly(&[noted.insert()?]).await? {
            return Ok(Some(1));
        }
        let Some(known): Option<Versioned<StoredAnswer>> = self.get(&once.id()).await? else { return Ok(None) };
        let ended = known.ends_at <= noted.at;
        let given_up = known.sealed.is_none() && noted.at.saturating_since(known.at) > ABANDONED_AFTER;
        if (ended || given_up) && self.write_quietly(&[known.replace(noted)?]).await? {
            return Ok(Some(known.version + 1));
        }
        Ok(None)
    }

    async fn answer_again(
        &self,
        once: &IdempotentRequest<'_>,
        noted: &StoredAnswer,
    ) -> Result<Answer, ManagementError> {
        for _ in 0..POLLS {
            let Some(known): Option<Versioned<StoredAnswer>> = self.get(&once.id()).await? else { break };
            if known.fingerprint != noted.fingerprint {
                return Err(ManagementError::OtherRequest);
            }
            if let Some(sealed) = &known.sealed {
                return once.open(sealed).ok_or(ManagementError::InProgress);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Err(ManagementError::InProgress)
    }
}
