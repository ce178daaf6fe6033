use keyward_core::AccountId;

use super::{InvitationView, view};
use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::records::Invitation;
use crate::role::scopes;
use crate::service::Management;
use crate::service::page::{Page, PageRequest};
use crate::service::sign_in::Attempt;
use crate::store::{Kind, List};

impl Management {
    /// Lists an account's open invitations, oldest first. Needs `members:read`.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn invitations(
        &self,
        actor: &Actor,
        account: &AccountId,
        page: &PageRequest,
    ) -> Result<Page<InvitationView>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::MEMBERS_READ)?;
        let name = self.read_account(account).await?.value.name;
        let list = page.apply(List::of(Kind::Invitation, 0).owner(account.as_str()))?;
        let found = self.list::<Invitation>(&list).await?;
        let mut page = page.page(found);
        let now = self.now();
        page.items.retain(|invitation| invitation.ends_at > now);
        Ok(page.map(|invitation| view(invitation.value, name.clone())))
    }

    /// Lists the acting user's open invitations, if mail or an identity provider proved the address.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn own_invitations(&self, actor: &Actor) -> Result<Vec<InvitationView>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let mut open = Vec::new();
        for invitation in self.open_invitations_of(actor, &user).await? {
            match self.check_inviter(&invitation).await {
                Ok(_) => {}
                // The inviter may no longer give this role.
                Err(ManagementError::LinkEnded) => continue,
                Err(error) => return Err(error),
            }
            let name = self.read_account(&invitation.account).await?.value.name;
            open.push(view(invitation.value, name));
        }
        Ok(open)
    }

    /// Returns a link's invitation.
    ///
    /// # Errors
    /// [`ManagementError::LinkEnded`], [`ManagementError::Throttled`].
    pub async fn invitation(&self, context: &Context, secret: &str) -> Result<InvitationView, ManagementError> {
        self.0.throttle.check_address(Attempt::Link, context)?;
        let invitation = self.find_by_secret(secret).await?;
        self.check_inviter(&invitation).await?;
        let name = self.read_account(&invitation.account).await?.value.name;
        Ok(view(invitation.value, name))
    }
}
