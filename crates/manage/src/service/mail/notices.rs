//! Mails about changes that a thief of a session would make: of the password, the second factor, and the owners.

use keyward_core::AccountId;
use keyward_core::id::UserId;
use serde_json::Value;

use super::MailQuota;
use super::events::{MAX_RECIPIENTS, PAGE};
use crate::error::ManagementError;
use crate::records::{ChangedBy, MailContent, Member, SignInChange};
use crate::role::Role;
use crate::service::Management;
use crate::service::audit::AuditEntry;
use crate::store::{Kind, List, Write};

/// More than one, because two nodes that work on the same entry count it twice.
const ALWAYS_SENT: u32 = 3;

#[derive(Clone, Copy)]
enum Notice<'a> {
    SignIn,
    NewOwner(&'a AccountId),
    LostRole(&'a AccountId),
}

impl<'a> Notice<'a> {
    /// The quota of the mail, and the one of all accounts that can cause it.
    fn quotas(self, email: &'a str) -> (MailQuota<'a>, Option<MailQuota<'a>>) {
        match self {
            Self::SignIn => (MailQuota::SignInChanges(email), None),
            Self::NewOwner(account) => (MailQuota::NewOwners(account, email), Some(MailQuota::AllNewOwners(email))),
            Self::LostRole(account) => (MailQuota::LostRoles(account, email), Some(MailQuota::AllLostRoles(email))),
        }
    }
}

impl Management {
    pub(super) async fn mail_about_sign_in(
        &self,
        entry: &AuditEntry,
        change: SignInChange,
    ) -> Result<Vec<Write>, ManagementError> {
        let Ok(user) = entry.target.id.parse::<UserId>() else { return Ok(Vec::new()) };
        let is_own = entry.actor.id == entry.target.id || entry.actor.kind == "anonymous";
        let by = if is_own {
            ChangedBy::User { address: entry.address.clone(), user_agent: entry.user_agent.clone() }
        } else {
            // The address is that of the administrator.
            ChangedBy::Administrator
        };
        let content = MailContent::SignInChanged { user: user.clone(), change, at: entry.at, by };
        Ok(self.notice(entry, &user, Notice::SignIn, content).await?.into_iter().collect())
    }

    /// Tells all owners, so that an owner whose session was stolen learns of the thief.
    pub(super) async fn mails_about_new_owner(&self, entry: &AuditEntry) -> Result<Vec<Write>, ManagementError> {
        let (Some(account), Ok(owner)) = (&entry.account, entry.target.id.parse::<UserId>()) else {
            return Ok(Vec::new());
        };
        if role_in(&entry.after) != Some(Role::Owner) || role_in(&entry.before) == Some(Role::Owner) {
            return Ok(Vec::new());
        }
        let inviter = entry.after.as_ref().map_or(&Value::Null, |after| &after["invited_by"]);
        let (kind, by) = match (inviter["type"].as_str(), inviter["id"].as_str()) {
            (Some(kind), Some(id)) => (kind, id),
            _ => (entry.actor.kind.as_str(), entry.actor.id.as_str()),
        };
        let by = user_of(kind, by);
        let members = self.list_all::<Member>(List::of(Kind::Member, PAGE).owner(account.as_str())).await?;
        let owners = members.iter().filter(|member| member.role == Role::Owner).take(MAX_RECIPIENTS);
        let mut writes = Vec::new();
        for user in owners.map(|member| &member.user) {
            let content = MailContent::NewOwner {
                user: user.clone(),
                account: account.clone(),
                owner: owner.clone(),
                by: by.clone(),
                at: entry.at,
            };
            writes.extend(self.notice(entry, user, Notice::NewOwner(account), content).await?);
        }
        Ok(writes)
    }

    /// Tells a removed member, and an owner who is none any more. A thief may have done it, so users who leave are told, too.
    pub(super) async fn mail_about_lost_role(&self, entry: &AuditEntry) -> Result<Vec<Write>, ManagementError> {
        let (Some(account), Ok(user)) = (&entry.account, entry.target.id.parse::<UserId>()) else {
            return Ok(Vec::new());
        };
        let role = role_in(&entry.after);
        let was_owner = role_in(&entry.before) == Some(Role::Owner);
        if role == Some(Role::Owner) || (role.is_some() && !was_owner) {
            return Ok(Vec::new());
        }
        let by = user_of(&entry.actor.kind, &entry.actor.id);
        let content = MailContent::RoleLost { user: user.clone(), account: account.clone(), role, by, at: entry.at };
        Ok(self.notice(entry, &user, Notice::LostRole(account), content).await?.into_iter().collect())
    }

    async fn notice(
        &self,
        entry: &AuditEntry,
        user: &UserId,
        notice: Notice<'_>,
        content: MailContent,
    ) -> Result<Option<Write>, ManagementError> {
        let Some(known) = self.active_user(user).await? else { return Ok(None) };
        if !self.may_notify(notice, &known.email).await? {
            keyward_core::log_limited!(warn, %user, kind = content.name(), "a user has too many notices in an hour");
            return Ok(None);
        }
        let id = format!("mail_{}.{user}", entry.number);
        self.mail_with_id(id, entry.at, None, content).map(Some)
    }

    /// The first notices of an account in an hour are always sent, so that other accounts cannot hide them. A user joins accounts by
    /// choice, so this is no way to flood an address.
    async fn may_notify(&self, notice: Notice<'_>, email: &str) -> Result<bool, ManagementError> {
        let (own, all) = notice.quotas(email);
        let Some(sent) = self.count_notice(own).await? else { return Ok(false) };
        let has_room = match all {
            Some(all) => self.count_notice(all).await?.is_some(),
            None => true,
        };
        Ok(has_room || sent <= ALWAYS_SENT)
    }

    /// Returns the number of mails in this hour, or `None` if there are too many.
    async fn count_notice(&self, quota: MailQuota<'_>) -> Result<Option<u32>, ManagementError> {
        match self.count_mails(quota, 1).await {
            Ok(sent) => Ok(Some(sent)),
            Err(ManagementError::Throttled { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn role_in(state: &Option<Value>) -> Option<Role> {
    state.as_ref()?["role"].as_str()?.parse().ok()
}

fn user_of(kind: &str, id: &str) -> Option<UserId> {
    if kind == "user" { id.parse().ok() } else { None }
}
