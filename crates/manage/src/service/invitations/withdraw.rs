use keyward_core::AccountId;
use serde_json::json;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::Invitation;
use crate::role::scopes;
use crate::service::Management;
use crate::service::audit::{Draft, Target};
use crate::service::rights::GuardedRights;

impl Management {
    /// Withdraws an invitation and its link. Needs `members:write` and no lower role than invited.
    ///
    /// # Errors
    /// [`ManagementError::Escalation`], [`ManagementError::Stale`].
    pub async fn withdraw_invitation(
        &self,
        actor: &Actor,
        account: &AccountId,
        id: &str,
    ) -> Result<(), ManagementError> {
        let GuardedRights { rights, guards } = self.guarded_rights(&actor.principal(), account).await?;
        rights.require(&scopes::MEMBERS_WRITE)?;
        let known = self.get::<Invitation>(id).await?.filter(|known| known.account == *account);
        let known = known.ok_or(ManagementError::NotFound("invitation"))?;
        rights.check_outranks(known.role)?;
        let draft = Draft::new(actor, "member.withdraw_invitation", Target::new("invitation", id))
            .account(account)
            .before(json!({"email": known.email, "role": known.role}));
        self.commit_or_stale([vec![known.remove()], guards].concat(), draft).await
    }
}
