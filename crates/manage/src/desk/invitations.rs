//! Inviting: a link with which somebody who is to belong to an account chooses a password.

use std::time::Duration;

use keyward::{AccountId, Timestamp};
use serde_json::json;
use zeroize::Zeroizing;

use super::Desk;
use super::audit::{DoesNotFit, Draft, Target};
use super::check_name;
use super::members::MemberView;
use super::users::normal_email;
use crate::actor::{Actor, Context};
use crate::error::DeskError;
use crate::records::{Account, Entity, Invitation, StoredUser, Versioned, digest_of, new_secret};
use crate::role::{Role, scopes};

/// How long a link is good for.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Somebody who was made a member.
pub struct Invited {
    /// Who, and as what.
    pub member: MemberView,
    /// What they choose a password with, once, if they have none yet. It is shown this once.
    pub invitation: Option<Zeroizing<String>>,
    /// When the invitation ends.
    pub ends_at: Option<Timestamp>,
}

impl std::fmt::Debug for Invited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invited").field("member", &self.member).finish_non_exhaustive()
    }
}

impl Desk {
    /// Makes whoever has this e-mail address a member of an account. Needs `members:write`, and nobody gives a role above their own.
    ///
    /// # Errors
    /// [`DeskError::Duplicate`] if they are a member already, [`DeskError::Escalation`], [`DeskError::NotFound`],
    /// [`DeskError::Forbidden`], [`DeskError::Invalid`].
    pub async fn invite(
        &self,
        actor: &Actor,
        account: &AccountId,
        email: &str,
        role: Role,
    ) -> Result<Invited, DeskError> {
        let rights = self.rights(actor, account).await?;
        rights.require(&scopes::MEMBERS_WRITE)?;
        rights.check_role(role)?;
        self.read_account(account).await?;
        let email = normal_email(email)?;
        let known: Option<Versioned<StoredUser>> = self.find_user(&email).await?;
        let user = match &known {
            Some(user) => user.value.clone(),
            None => self.new_user(email.clone(), email.chars().take(100).collect(), None),
        };
        let member = self.new_member(account, &user.id, role);
        let mut writes = vec![member.insert()?];
        if known.is_none() {
            writes.push(user.insert()?);
        }
        // For who has never been here alone: a link must not let anybody in as somebody else.
        // And not for somebody whom others have invited, whose link it would be as well.
        let is_theirs_to_invite = known.is_none() || self.check_covers(actor, &user.id).await.is_ok();
        let secret = if user.is_pending() && is_theirs_to_invite && self.takes_passwords() {
            Some(new_secret("kwi_")?)
        } else {
            None
        };
        let ends_at = self.now().saturating_add(LIFE);
        if let Some(secret) = &secret {
            writes.push(Invitation { digest: digest_of(secret), user: user.id.clone(), ends_at }.insert()?);
        }
        let draft = Draft::new(actor, "member.add", Target::new("user", &user.id))
            .account(account)
            .after(json!({"email": user.email, "role": role}));
        match self.commit(writes, draft).await? {
            Ok(()) => {}
            Err(DoesNotFit(0)) => return Err(DeskError::Duplicate("member")),
            Err(_) => return Err(DeskError::Stale),
        }
        let member = self.view(Versioned { value: member, version: 1 }).await?;
        Ok(Invited { member, ends_at: secret.is_some().then_some(ends_at), invitation: secret })
    }

    /// A link with which the first owner of the operator's account chooses their password: for whoever starts the program, and only as
    /// long as there is no owner.
    ///
    /// # Errors
    /// [`DeskError::Duplicate`] if there is an owner already.
    pub async fn invite_first_owner(&self, actor: &Actor, email: &str) -> Result<Invited, DeskError> {
        if self.has_owner().await? {
            return Err(DeskError::Duplicate("owner"));
        }
        if self.get::<Account>(self.operator().as_str()).await?.is_none() {
            let account = self.new_account(self.operator().clone(), "Operator".to_owned());
            self.put_in_key_store(&account).await?;
            self.write_quietly(&[account.insert()?]).await?;
        }
        self.invite(actor, &self.operator().clone(), email, Role::Owner).await
    }

    /// Chooses a password, with the invitation that somebody was given.
    ///
    /// # Errors
    /// [`DeskError::LinkEnded`], [`DeskError::Invalid`], [`DeskError::Throttled`], [`DeskError::PasswordsOff`].
    pub async fn accept_invitation(
        &self,
        context: &Context,
        invitation: &str,
        name: &str,
        new_password: &str,
    ) -> Result<(), DeskError> {
        self.check_passwords_count()?;
        self.0.throttle.check_address(super::throttle::Attempt::Link, context)?;
        let name = check_name("name", name)?;
        self.0.passwords.check(new_password, &[&name]).await?;
        let known: Versioned<Invitation> = self.get(&digest_of(invitation)).await?.ok_or(DeskError::LinkEnded)?;
        if known.ends_at <= self.now() {
            return Err(DeskError::LinkEnded);
        }
        let user: Versioned<StoredUser> = self.get(known.user.as_str()).await?.ok_or(DeskError::LinkEnded)?;
        if !user.is_pending() || user.disabled_at.is_some() {
            return Err(DeskError::LinkEnded);
        }
        let password = Some(self.0.passwords.hash(new_password.to_owned()).await?);
        let chosen = StoredUser { name, password, ..user.value.clone() };
        let draft = Draft::anonymous(context, "user.accept_invitation", Target::new("user", &user.id));
        let written = self.commit(vec![known.remove(), user.replace(&chosen)?], draft).await?;
        written.map_err(|_| DeskError::LinkEnded)
    }
}
