//! The `Idempotency-Key` of draft-ietf-httpapi-idempotency-key-header. The caller's credential, which no store holds,
//! seals answers.

use std::time::Duration;

use keyward_core::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Management;
use super::seal::Sealer;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity, Versioned};
use crate::store::Kind;

const RETENTION: Duration = Duration::from_secs(24 * 3_600);

const ABANDONED_AFTER: Duration = Duration::from_secs(60);

const POLLS: u32 = 50;

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A request with an idempotency key.
#[derive(Clone, Copy)]
pub struct IdempotentRequest<'a> {
    /// The caller, with separate idempotency keys.
    pub actor: &'a Actor,
    /// 1 to 255 visible ASCII characters.
    pub key: &'a str,
    /// The whole request.
    pub request: &'a [u8],
    /// The caller's credential.
    pub secret: &'a [u8],
}

impl std::fmt::Debug for IdempotentRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdempotentRequest").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A repeatable answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Version for the `ETag`.
    pub version: Option<u64>,
    /// Body.
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

    fn sealer(&self) -> Result<Sealer, ManagementError> {
        Sealer::new(self.secret, self.id().as_bytes(), "keyward idempotent answer")
    }

    fn seal(&self, answer: &Answer) -> Result<String, ManagementError> {
        let plain = Zeroizing::new(serde_json::to_vec(answer).map_err(|_| ManagementError::Internal)?);
        self.sealer()?.seal(&plain)
    }

    fn open(&self, sealed: &str) -> Option<Answer> {
        serde_json::from_slice(&self.sealer().ok()?.open(sealed)?).ok()
    }
}

impl Management {
    /// Runs an operation once per idempotency key, and repeats its answer for a day. After an error, the key is free
    /// again.
    ///
    /// # Errors
    /// [`ManagementError::OtherRequest`]; [`ManagementError::InProgress`], also for another credential;
    /// [`ManagementError::Invalid`]; the operation's error.
    pub async fn once(
        &self,
        request: IdempotentRequest<'_>,
        operation: impl Future<Output = Result<Answer, ManagementError>>,
    ) -> Result<Answer, ManagementError> {
        if !(1..=255).contains(&request.key.len()) || !request.key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ManagementError::invalid("Idempotency-Key", "expected 1 to 255 visible ASCII characters"));
        }
        let now = self.now();
        let stored = StoredAnswer {
            id: request.id(),
            fingerprint: hex::encode(Sha256::digest(request.request)),
            at: now,
            ends_at: now.saturating_add(RETENTION),
            sealed: None,
        };
        let Some(version) = self.reserve(&request, &stored).await? else {
            return self.answer_again(&request, &stored).await;
        };
        let stored = Versioned { value: stored, version };
        match operation.await {
            Ok(answer) => {
                let done = StoredAnswer { sealed: Some(request.seal(&answer)?), ..stored.value.clone() };
                // The operation is done, even if its answer cannot be repeated.
                if let Err(error) = self.write_quietly(&[stored.replace(&done)?]).await {
                    tracing::warn!(%error, "the answer to an idempotent request was not stored");
                }
                Ok(answer)
            }
            Err(error) => {
                let _ = self.write_quietly(&[stored.remove()]).await;
                Err(error)
            }
        }
    }

    async fn reserve(
        &self,
        request: &IdempotentRequest<'_>,
        stored: &StoredAnswer,
    ) -> Result<Option<u64>, ManagementError> {
        if self.write_quietly(&[stored.insert()?]).await? {
            return Ok(Some(1));
        }
        let Some(known): Option<Versioned<StoredAnswer>> = self.get(&request.id()).await? else { return Ok(None) };
        let ended = known.ends_at <= stored.at;
        let abandoned = known.sealed.is_none() && stored.at.saturating_since(known.at) > ABANDONED_AFTER;
        if (ended || abandoned) && self.write_quietly(&[known.replace(stored)?]).await? {
            return Ok(Some(known.version + 1));
        }
        Ok(None)
    }

    async fn answer_again(
        &self,
        request: &IdempotentRequest<'_>,
        stored: &StoredAnswer,
    ) -> Result<Answer, ManagementError> {
        for _ in 0..POLLS {
            let Some(known): Option<Versioned<StoredAnswer>> = self.get(&request.id()).await? else { break };
            if known.fingerprint != stored.fingerprint {
                return Err(ManagementError::OtherRequest);
            }
            if let Some(sealed) = &known.sealed {
                return request.open(sealed).ok_or(ManagementError::InProgress);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Err(ManagementError::InProgress)
    }
}
