use std::collections::HashMap;
use std::time::Duration;

use keyward_core::store::{KeyQuery, KeyRecord, KeyStatus};
use keyward_core::{AccountId, CredentialId};
use serde_json::{Value, json};

use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::records::{Announced, Entity as _, EventCursor};
use crate::service::audit::{Draft, Target};
use crate::service::keys::audit_value;
use crate::service::{Management, usage};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const UNUSED: Duration = Duration::from_secs(90 * 24 * 3_600);
/// Longer than the longest time between two looks at the same key.
const KEPT: Duration = Duration::from_secs(400 * 24 * 3_600);
const TURN: &str = "turn";
/// So that the first look at many keys does not flood receivers. The next hour continues.
const MAX_ANNOUNCEMENTS: usize = 500;
/// So that one account's keys do not hold back those of others.
const MAX_OF_ACCOUNT: usize = 50;

impl Management {
    /// Announces keys that expire soon or are not used, and webhooks that have stopped, once an hour, on one node.
    pub(crate) async fn announce_by_time(&self) -> Result<(), ManagementError> {
        if !self.has_listeners().await? || !self.begin_turn().await? {
            return Ok(());
        }
        #[cfg(feature = "webhooks")]
        self.note_stopped_webhooks().await?;
        let mut query = KeyQuery {
            status: Some(KeyStatus::Active),
            limit: KeyQuery::MAX_LIMIT,
            now: self.now(),
            ..KeyQuery::default()
        };
        let mut announced = 0;
        let mut of_accounts: HashMap<AccountId, usize> = HashMap::new();
        loop {
            let page = self.0.keys.list(&query).await?;
            for key in &page.keys {
                let of_account = of_accounts.entry(key.account.clone()).or_default();
                if *of_account >= MAX_OF_ACCOUNT {
                    continue;
                }
                let new = self.announce_key(key).await?;
                *of_account += new;
                announced += new;
                if announced >= MAX_ANNOUNCEMENTS {
                    return Ok(());
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn announce_key(&self, key: &KeyRecord) -> Result<usize, ManagementError> {
        let mut announced = 0;
        let (now, id) = (self.now(), &key.id);
        // A replaced key ends on purpose.
        if let Some(end) = key.expires_at.filter(|_| key.rotated_to.is_none()) {
            let (rest, life) = (end.saturating_since(now), end.saturating_since(key.created_at));
            let days = [1, 7].into_iter().find(|days| rest <= DAY * *days);
            // A key that was created with a shorter life is no news.
            if let Some(days) = days.filter(|days| life > DAY * *days) {
                // A customer who moves the end within a day gets no further mail.
                let what = format!("expiring.{days}.{id}.{}", end.as_millis().div_euclid(usage::DAY));
                let after = json!({"days": days, "expires_at": end, "key": audit_value(key)});
                announced += self.announce(what, "key.expiring", id, &key.account, after).await?;
            }
        }
        // Without a reported use, the service may not report uses.
        if let Some(used) = key.last_used_at.filter(|used| now.saturating_since(*used) >= UNUSED) {
            let what = format!("unused.{id}.{}", used.as_millis());
            let after = json!({"last_used_at": used, "key": audit_value(key)});
            announced += self.announce(what, "key.unused", id, &key.account, after).await?;
        }
        Ok(announced)
    }

    /// Announces that a limit refused a key, at most once an hour for each key.
    ///
    /// The usage counts call it for refusals of the layer. Call it for your own limits.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn announce_limit_reached(&self, account: &AccountId, key: &CredentialId) -> Result<(), ManagementError> {
        if self.has_listeners().await? {
            let hour = self.now().as_millis() / 3_600_000;
            self.announce(format!("limit.{key}.{hour}"), "limit.reached", key, account, json!({})).await?;
        }
        Ok(())
    }

    async fn announce(
        &self,
        what: String,
        action: &str,
        key: &CredentialId,
        account: &AccountId,
        after: Value,
    ) -> Result<usize, ManagementError> {
        if self.get::<Announced>(&what).await?.is_some() {
            return Ok(0);
        }
        let now = self.now();
        let announced = Announced { id: what, at: now, ends_at: now.saturating_add(KEPT) };
        let actor = Actor::system("events", Context::new());
        let draft = Draft::new(&actor, action, Target::new("key", key)).account(account).after(after);
        // On a conflict, another node has announced it.
        Ok(usize::from(self.commit(vec![announced.insert()?], draft).await?.is_ok()))
    }

    async fn has_listeners(&self) -> Result<bool, ManagementError> {
        Ok(self.0.on_event.is_some() || self.sends_mail() || self.get::<EventCursor>(super::WEBHOOKS).await?.is_some())
    }

    async fn begin_turn(&self) -> Result<bool, ManagementError> {
        let now = self.now();
        let turn = Announced { id: TURN.to_owned(), at: now, ends_at: now.saturating_add(KEPT) };
        let write = match self.get::<Announced>(TURN).await? {
            Some(last) if now.saturating_since(last.at) < HOUR => return Ok(false),
            Some(last) => last.replace(&turn)?,
            None => turn.insert()?,
        };
        Ok(self.write_quietly(&[write]).await?)
    }
}
