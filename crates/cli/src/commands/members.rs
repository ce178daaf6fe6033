//! `keyward members …`

use crate::arguments::Members;
use crate::backend::Backend;
use crate::failure::Failure;
use crate::output::{self, note};
use crate::tables;

pub(super) async fn run(place: &dyn Backend, command: &Members) -> Result<(), Failure> {
    match command {
        Members::List { account, json } => {
            let members = place.members(account.as_ref()).await?;
            output::list(&members, *json, "nobody belongs to this account", tables::members)
        }
        Members::Invite { email, role, account } => {
            let invited = place.invite(account.as_ref(), email, *role).await?;
            let invitation = &invited.invitation;
            note!(
                "invited {} as {role}: {}. They become a member when they accept, until {}, at /register?invitation= of the server with this \
                 behind it. It is shown once: send it to {} only",
                invitation.email,
                invitation.id,
                invitation.ends_at,
                invitation.email
            );
            output::line(invited.secret.expose())
        }
        Members::Invitations { account, json } => {
            let open = place.invitations(account.as_ref()).await?;
            output::list(&open, *json, "there are no open invitations", tables::invitations)
        }
        Members::Withdraw { invitation, account } => {
            place.withdraw_invitation(account.as_ref(), invitation).await?;
            output::line(&format!("{invitation} is withdrawn"))
        }
        Members::Role { user, role, account, if_version } => {
            let version = match if_version {
                Some(version) => *version,
                None => place.member(account.as_ref(), user).await?.version,
            };
            let member = place.update_member(account.as_ref(), user, *role, version).await?;
            output::line(&format!("{} is {}", member.user.id, member.role))
        }
        Members::Remove { user, account, if_version, yes } => {
            let member = place.member(account.as_ref(), user).await?;
            if !yes {
                super::confirm(&format!("Remove {} ({}) from the account?", member.user.email, member.role))?;
            }
            place.remove_member(account.as_ref(), user, if_version.unwrap_or(member.version)).await?;
            output::line(&format!("{user} is no member any more"))
        }
    }
}
