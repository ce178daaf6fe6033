use std::time::Duration;

use keyward::id::UserId;
use keyward::key::{Digest, FormatError, Hasher, KeyFormat, KeyKind};
use keyward::store::{Found, Freshness, KeyStatus, KeyStore, StoreError, StoredKey, async_trait};
use keyward::{AccountId, CredentialId, Identity, Mode, PlainKey, ScopeSet, Timestamp};
use rusqlite::OptionalExtension;

use crate::answer::Answer;
use crate::data::{Data, now};

const LIFE: Duration = Duration::from_secs(3_600);

/// `sat_`, then 32 characters.
pub(crate) fn format() -> Result<KeyFormat, FormatError> {
    KeyFormat::builder().prefix("sat", KeyKind::Secret).implicit_mode(Mode::Live).build()
}

#[derive(Clone)]
pub(crate) struct Tokens {
    data: Data,
    format: KeyFormat,
}

impl Tokens {
    pub(crate) fn new(data: Data) -> Result<Self, FormatError> {
        Ok(Self { data, format: format()? })
    }

    pub(crate) fn issue(&self, user: &UserId, organization: &AccountId) -> Result<PlainKey, Answer> {
        self.issue_until(user, organization, now().saturating_add(LIFE))
    }

    pub(crate) fn issue_until(
        &self,
        user: &UserId,
        organization: &AccountId,
        end: Timestamp,
    ) -> Result<PlainKey, Answer> {
        let token = self.format.generate(KeyKind::Secret, Mode::Live).map_err(|_| Answer::Failed)?;
        let digest = Hasher::default().digest(&token.parse(&self.format).map_err(|_| Answer::Failed)?);
        let id = CredentialId::generate();
        self.data.with(|connection| {
            connection.execute(
                "INSERT INTO access_tokens (digest, id, user, organization, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                (digest.as_bytes(), id.as_str(), user.as_str(), organization.as_str(), end.as_millis()),
            )
        })?;
        Ok(token)
    }

    pub(crate) fn end(&self, id: &CredentialId) -> Result<(), Answer> {
        self.data.with(|connection| {
            let at = now().as_millis();
            connection.execute("UPDATE access_tokens SET ended_at = ?2 WHERE id = ?1", (id.as_str(), at))
        })?;
        Ok(())
    }
}

#[async_trait]
impl KeyStore for Tokens {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let row: Option<(String, String, String, i64, Option<i64>)> = self
            .data
            .with(|connection| {
                connection
                    .prepare_cached(
                        "SELECT id, user, organization, expires_at, ended_at FROM access_tokens WHERE digest = ?1",
                    )?
                    .query_row([digest.as_bytes()], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                    })
                    .optional()
            })
            .map_err(StoreError::unavailable)?;
        let Some((id, user, organization, expires_at, ended_at)) = row else { return Ok(Found::unknown()) };
        let identity = Identity::access_token(
            id.parse().map_err(StoreError::corrupt)?,
            organization.parse().map_err(StoreError::corrupt)?,
            user.parse().map_err(StoreError::corrupt)?,
        )
        .with_scopes(ScopeSet::all())
        .with_expiry(Timestamp::from_millis(expires_at));
        let status = if ended_at.is_some() { KeyStatus::Revoked } else { KeyStatus::Active };
        Ok(Found::key(StoredKey::new(identity).with_status(status)))
    }

    fn freshness(&self) -> Freshness {
        // Signing out must take effect at once, so every request reads the store.
        Freshness::BoundedAge(Duration::ZERO)
    }
}
