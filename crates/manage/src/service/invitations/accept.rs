use keyward_core::AccountId;
use keyward_core::id::UserId;
use serde_json::json;

use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::records::{Entity, Invitation, Member, StoredUser, Versioned};
use crate::service::audit::{DoesNotFit, Draft, MOST_ACCOUNTS, Target};
use crate::service::sign_in::Attempt;
use crate::service::{ATTEMPTS, Management, check_name};
use crate::store::Write;

impl Management {
    /// Accepts an invitation by link, and creates the user.
    ///
    /// # Errors
    /// [`ManagementError::LinkEnded`], [`ManagementError::Throttled`], [`ManagementError::PasswordsOff`],
    /// [`ManagementError::AddressInUse`].
    pub async fn accept_invitation(
        &self,
        context: &Context,
        secret: &str,
        name: &str,
        new_password: &str,
    ) -> Result<(), ManagementError> {
        self.require_passwords()?;
        self.0.throttle.check_address(Attempt::Link, context)?;
        let name = check_name("name", name)?;
        self.0.passwords.check(new_password, &[&name]).await?;
        let invitation = self.find_by_secret(secret).await?;
        self.check_inviter(&invitation).await?;
        if self.find_user(&invitation.email).await?.is_some() {
            return Err(ManagementError::AddressInUse);
        }
        let password = Some(self.0.passwords.hash(new_password.to_owned()).await?);
        let user = StoredUser {
            // The inviter may have kept the link. Only a mailed link, and the program's own, which its operator reads at
            // the terminal, prove an address.
            address_proven_at: (invitation.is_mailed || invitation.invited_by.kind == "system").then(|| self.now()),
            ..self.new_user(invitation.email.clone(), name, password)
        };
        let draft = Draft::anonymous(context, "member.accept", Target::new("user", &user.id));
        let (writes, draft) = self.acceptance(&invitation, &user.id, draft).await?;
        match self.commit([vec![user.insert()?], writes].concat(), draft).await? {
            Ok(()) => Ok(()),
            Err(DoesNotFit(0)) => Err(ManagementError::AddressInUse),
            Err(_) => Err(ManagementError::LinkEnded),
        }
    }

    /// Accepts an invitation by link, as the acting user.
    ///
    /// # Errors
    /// [`ManagementError::LinkEnded`], [`ManagementError::UsersOnly`], [`ManagementError::Duplicate`],
    /// [`ManagementError::OwnSignInRequired`]; [`ManagementError::Invalid`] for another address.
    pub async fn join_by_link(&self, actor: &Actor, secret: &str) -> Result<AccountId, ManagementError> {
        let user = self.acting_user(actor).await?;
        self.require_own_sign_in(actor).await?;
        let invitation = self.find_by_secret(secret).await?;
        if invitation.email != user.email {
            return Err(ManagementError::invalid(
                "invitation",
                "it is for another e-mail address: sign in with that address",
            ));
        }
        self.join_user(actor, &user, invitation).await
    }

    /// Accepts one of the [`own_invitations`](Self::own_invitations).
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::LinkEnded`], [`ManagementError::Duplicate`],
    /// [`ManagementError::UsersOnly`], [`ManagementError::OwnSignInRequired`].
    pub async fn join(&self, actor: &Actor, id: &str) -> Result<AccountId, ManagementError> {
        let user = self.acting_user(actor).await?;
        self.require_own_sign_in(actor).await?;
        let invitation = self.own_invitation(actor, &user, id).await?;
        self.join_user(actor, &user, invitation).await
    }

    async fn acceptance(
        &self,
        invitation: &Versioned<Invitation>,
        user: &UserId,
        draft: Draft,
    ) -> Result<(Vec<Write>, Draft), ManagementError> {
        let guards = self.check_inviter(invitation).await?;
        let member = self.new_member(&invitation.account, user, invitation.role);
        let writes = [vec![invitation.remove(), member.insert()?], guards].concat();
        let draft = draft
            .account(&invitation.account)
            .after(json!({"email": invitation.email, "role": invitation.role, "invited_by": invitation.invited_by}));
        Ok((writes, draft))
    }

    async fn join_user(
        &self,
        actor: &Actor,
        user: &Versioned<StoredUser>,
        invitation: Versioned<Invitation>,
    ) -> Result<AccountId, ManagementError> {
        if self.get::<Member>(&Member::id_of(&invitation.account, &user.id)).await?.is_some() {
            return Err(ManagementError::Duplicate("member"));
        }
        // Each account sees how its members sign in, so a sign-in writes a mark for each.
        if self.memberships(&user.id).await?.len() >= MOST_ACCOUNTS {
            let message = format!("you belong to {MOST_ACCOUNTS} accounts, and no user joins more: leave one first");
            return Err(ManagementError::invalid("invitation", message));
        }
        let mut user = user.clone();
        for _ in 0..ATTEMPTS {
            let draft = Draft::new(actor, "member.accept", Target::new("user", &user.id));
            let (writes, draft) = self.acceptance(&invitation, &user.id, draft).await?;
            // The user is written too, so a concurrent deletion of the user conflicts and finds the membership.
            match self.commit([vec![user.replace(&user.value)?], writes].concat(), draft).await? {
                Ok(()) => return Ok(invitation.value.account),
                // The user was changed concurrently, for instance by another sign-in.
                Err(DoesNotFit(0)) => user = self.acting_user(actor).await?,
                Err(_) => return Err(ManagementError::LinkEnded),
            }
        }
        Err(ManagementError::Stale)
    }
}
