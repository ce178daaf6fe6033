//! The inviter's rights are compared at invitation and acceptance.

mod accept;
mod decline;
mod invite;
mod list;
mod withdraw;

use std::iter;

pub use keyward_api_types::Invitation as InvitationView;

pub use invite::Invited;

use super::Management;
#[cfg(any(feature = "dashboard", feature = "mail"))]
use crate::actor::ActorName;
use crate::actor::{Actor, principal_of};
use crate::error::ManagementError;
use crate::records::{Invitation, StoredUser, Versioned, digest_of};
use crate::role::scopes;
use crate::store::{Kind, List, Write};

const MAX_OPEN: usize = 500;

impl Management {
    async fn own_invitation(
        &self,
        actor: &Actor,
        user: &StoredUser,
        id: &str,
    ) -> Result<Versioned<Invitation>, ManagementError> {
        let open = self.open_invitations_of(actor, user).await?;
        open.into_iter().find(|known| known.id == id).ok_or(ManagementError::NotFound("invitation"))
    }

    async fn open_invitations_of(
        &self,
        actor: &Actor,
        user: &StoredUser,
    ) -> Result<Vec<Versioned<Invitation>>, ManagementError> {
        // The maker of a sign-in link may have used it, and does not read the user's mail.
        if user.address_proven_at.is_none() || self.is_by_link(actor).await? {
            return Ok(Vec::new());
        }
        self.invitations_to(&user.email).await
    }

    pub(crate) async fn invitations_to(&self, email: &str) -> Result<Vec<Versioned<Invitation>>, ManagementError> {
        self.unexpired(List::of(Kind::Invitation, MAX_OPEN).subject(email)).await
    }

    async fn unexpired(&self, list: List) -> Result<Vec<Versioned<Invitation>>, ManagementError> {
        let now = self.now();
        let mut all = self.list_all::<Invitation>(list).await?;
        all.retain(|invitation| invitation.ends_at > now);
        Ok(all)
    }

    async fn find_by_secret(&self, secret: &str) -> Result<Versioned<Invitation>, ManagementError> {
        let known: Option<Versioned<Invitation>> = self.find(&digest_of(secret)).await?;
        known.filter(|known| known.ends_at > self.now()).ok_or(ManagementError::LinkEnded)
    }

    /// Returns the name and the address of the user who invites. `None` for a program or a key, and for a user who is gone.
    ///
    /// The holder of the link or its mail may know the inviter.
    #[cfg(any(feature = "dashboard", feature = "mail"))]
    pub(crate) async fn inviter(&self, by: &ActorName) -> Result<Option<Versioned<StoredUser>>, ManagementError> {
        match by.kind.as_str() {
            "user" => Ok(self.get(&by.id).await?),
            _ => Ok(None),
        }
    }

    pub(crate) async fn check_inviter(&self, invitation: &Invitation) -> Result<Vec<Write>, ManagementError> {
        let mut guards = Vec::new();
        for maker in iter::once(&invitation.invited_by).chain(&invitation.link_maker) {
            let maker = principal_of(maker).ok_or(ManagementError::LinkEnded)?;
            let held = match self.guarded_rights(&maker, &invitation.account).await {
                Ok(held) => held,
                Err(ManagementError::NotFound(_) | ManagementError::SecondFactorMissing) => {
                    return Err(ManagementError::LinkEnded);
                }
                Err(error) => return Err(error),
            };
            if !held.rights.allows(&scopes::MEMBERS_WRITE) || !held.rights.may_give(invitation.role) {
                return Err(ManagementError::LinkEnded);
            }
            guards.extend(held.guards);
        }
        Ok(guards)
    }
}

fn view(invitation: Invitation, account_name: String) -> InvitationView {
    let Invitation { id, account, email, role, invited_by, created_at, ends_at, .. } = invitation;
    InvitationView { id, account, account_name, email, role, invited_by, created_at, ends_at }
}
