//! Mails about events, from the audit log.

use keyward_api_types::EventKind;
use keyward_core::id::UserId;
use keyward_core::store::KeyRecord;
use keyward_core::{AccountId, CredentialId};

use super::MailQuota;
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{Entity as _, EventCursor, MailContent, Member, SignInChange, StoredUser, Versioned};
use crate::role::scopes;
use crate::service::Management;
use crate::service::audit::AuditEntry;
use crate::service::events::Event;
use crate::store::{Kind, List, Write};

const CURSOR: &str = "mail";
const BATCH: usize = 20;
pub(super) const MAX_RECIPIENTS: usize = 50;
const MAX_WRITES: usize = 400;
pub(super) const PAGE: usize = 500;

impl Management {
    /// Turns the next audit entries into mails, in one batch with the position. Returns the number of entries.
    pub(super) async fn queue_event_mails(&self) -> Result<usize, ManagementError> {
        let Some(cursor) = self.get::<EventCursor>(CURSOR).await? else {
            let first =
                EventCursor { id: CURSOR.to_owned(), number: self.last_entry_number().await?, held_until: None };
            // On a conflict, another node has begun.
            self.write_quietly(&[first.insert()?]).await?;
            return Ok(0);
        };
        let entries = self.entries_after(cursor.number, BATCH).await?;
        let (mut writes, mut read, mut last) = (Vec::new(), 0, cursor.number);
        for entry in &entries {
            if writes.len() > MAX_WRITES {
                break;
            }
            writes.extend(self.mails_about(entry).await?);
            (read, last) = (read + 1, entry.number);
        }
        if read > 0 {
            let next = EventCursor { number: last, ..cursor.value.clone() };
            writes.push(cursor.replace(&next)?);
            // On a conflict, another node has queued them.
            self.write_quietly(&writes).await?;
        }
        Ok(read)
    }

    async fn mails_about(&self, entry: &AuditEntry) -> Result<Vec<Write>, ManagementError> {
        let Some(event) = Event::of_entry(entry) else { return Ok(Vec::new()) };
        match event.kind {
            EventKind::KeyCompromised | EventKind::KeyExpiring => {
                self.mails_about_key(entry, event.kind == EventKind::KeyCompromised).await
            }
            EventKind::PasswordChanged => self.mail_about_sign_in(entry, SignInChange::Password).await,
            EventKind::SecondFactorAdded if factors_after(entry) > 1 => {
                self.mail_about_sign_in(entry, SignInChange::AnotherFactorAdded).await
            }
            EventKind::SecondFactorAdded => self.mail_about_sign_in(entry, SignInChange::FactorAdded).await,
            EventKind::SecondFactorRemoved if factors_after(entry) > 0 => {
                self.mail_about_sign_in(entry, SignInChange::OneFactorRemoved).await
            }
            EventKind::SecondFactorRemoved => self.mail_about_sign_in(entry, SignInChange::FactorRemoved).await,
            EventKind::MemberAdded => self.mails_about_new_owner(entry).await,
            EventKind::MemberUpdated => {
                Ok([self.mails_about_new_owner(entry).await?, self.mail_about_lost_role(entry).await?].concat())
            }
            EventKind::MemberRemoved => self.mail_about_lost_role(entry).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn mails_about_key(&self, entry: &AuditEntry, is_leak: bool) -> Result<Vec<Write>, ManagementError> {
        let Ok(id) = entry.target.id.parse::<CredentialId>() else { return Ok(Vec::new()) };
        let Some(key) = self.0.keys.get(&id).await? else { return Ok(Vec::new()) };
        let recipients = self.recipients(&key).await?;
        let count = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
        match self.count_mails(MailQuota::News(&key.account), count).await {
            Ok(_) => {}
            // A leak is urgent, and rare.
            Err(ManagementError::Throttled { .. }) if is_leak => {}
            Err(ManagementError::Throttled { .. }) => {
                keyward_core::log_limited!(warn, account = %key.account, "an account has too many mails about keys in an hour");
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        }
        let mut writes = Vec::new();
        for user in recipients {
            let content = match key.expires_at {
                _ if is_leak => MailContent::KeyCompromised { key: id.clone(), user: user.clone(), at: entry.at },
                Some(expires_at) => MailContent::KeyExpiring { key: id.clone(), user: user.clone(), expires_at },
                None => continue,
            };
            let id = format!("mail_{}.{user}", entry.number);
            writes.push(self.mail_with_id(id, entry.at, Some(&key.account), content)?);
        }
        Ok(writes)
    }

    /// The key's user, or the members who manage keys.
    async fn recipients(&self, key: &KeyRecord) -> Result<Vec<UserId>, ManagementError> {
        if let Some(user) = &key.user
            && self.reachable(user, &key.account).await?.is_some()
        {
            return Ok(vec![user.clone()]);
        }
        let members = self.list_all::<Member>(List::of(Kind::Member, PAGE).owner(key.account.as_str())).await?;
        let mut recipients = Vec::new();
        for member in members.iter().filter(|member| Rights::of(member.role).allows(&scopes::KEYS_WRITE)) {
            if recipients.len() == MAX_RECIPIENTS {
                break;
            }
            if self.reachable(&member.user, &key.account).await?.is_some() {
                recipients.push(member.user.clone());
            }
        }
        Ok(recipients)
    }

    /// Returns the user if the user is a member of the account, and not suspended.
    pub(super) async fn reachable(
        &self,
        user: &UserId,
        account: &AccountId,
    ) -> Result<Option<Versioned<StoredUser>>, ManagementError> {
        let Some(member) = self.get::<Member>(&Member::id_of(account, user)).await? else { return Ok(None) };
        self.active_user(&member.user).await
    }

    pub(super) async fn active_user(&self, user: &UserId) -> Result<Option<Versioned<StoredUser>>, ManagementError> {
        let known: Option<Versioned<StoredUser>> = self.get(user.as_str()).await?;
        Ok(known.filter(|known| known.disabled_at.is_none()))
    }
}

/// The app and the passkeys that count after a change of them.
fn factors_after(entry: &AuditEntry) -> u64 {
    entry.after.as_ref().and_then(|after| after["factors"].as_u64()).unwrap_or_default()
}
