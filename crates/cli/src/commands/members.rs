//! `keyward members …`

use crate::arguments::Members;
use crate::failure::Failure;
use crate::output::{self, note};
use crate::place::Backend;
use crate::tables;

pub(super) async fn run(place: &dyn Backend, command: &Members) -> Result<(), Failure> {
    match command {
        Members::List { account, json } => {
            let members = place.members(account.as_ref()).await?;
            output::list(&members, *json, "nobody belongs to this account", tables::members)
        }
        Members::Invite { email, role, account } => {
            let invited = place.invite(account.as_ref(), email, *role).await?;
            let user = &invited.member.user;
            note!("{} is {role} from now on: {}", user.email, user.id);
            let (Some(invitation), Some(end)) = (invited.invitation, invited.invitation_ends_at) else { return Ok(()) };
            note!(
                "They choose a password until {end}, at /register?invitation= of the server with what follows behind it. It is shown \
                 this once, and is for them alone."
            );
            output::line(&invitation.expose_once())
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
