use crate::actor::Actor;
use crate::error::ManagementError;
use crate::service::Management;
use crate::service::audit::{Draft, Target};

impl Management {
    /// Declines one of the [`own_invitations`](Self::own_invitations).
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::UsersOnly`].
    pub async fn decline_invitation(&self, actor: &Actor, id: &str) -> Result<(), ManagementError> {
        let user = self.acting_user(actor).await?;
        let invitation = self.own_invitation(actor, &user, id).await?;
        let draft = Draft::new(actor, "member.decline", Target::new("invitation", id)).account(&invitation.account);
        self.commit_or_stale(vec![invitation.remove()], draft).await
    }
}
