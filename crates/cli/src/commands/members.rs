//! `keyward members …`

use clap::Subcommand;
use keyward_client::{Invitation, Invited, Member, Role};
use keyward_core::AccountId;
use keyward_core::id::UserId;

use super::prompt::confirm;
use crate::backend::{Records, every_page, system};
use crate::error::Error;
use crate::output::{self, note};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the members of an account.
    List {
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long)]
        account: Option<AccountId>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Invite an e-mail address. Its owner becomes a member by accepting. The last line on standard output is the secret of the link,
    /// which is shown once.
    Invite {
        /// The e-mail address.
        email: String,
        /// The role: `owner`, `admin`, `developer` or `viewer`.
        #[arg(long)]
        role: Role,
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long)]
        account: Option<AccountId>,
    },
    /// List the open invitations of an account.
    Invitations {
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long)]
        account: Option<AccountId>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Withdraw an invitation, so that its link stops working.
    Withdraw {
        /// The invitation's id, as `members invitations` lists it.
        invitation: String,
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long)]
        account: Option<AccountId>,
    },
    /// Change the role of a member.
    Role {
        /// The user's id.
        user: UserId,
        /// The role: `owner`, `admin`, `developer` or `viewer`.
        role: Role,
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long)]
        account: Option<AccountId>,
        /// Change the member only at this version, as `members list --json` shows it. Defaults to the current one.
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u64>,
    },
    /// Remove a member from an account.
    Remove {
        /// The user's id.
        user: UserId,
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long)]
        account: Option<AccountId>,
        /// Remove the member only at this version, as `members list --json` shows it. Defaults to the current one.
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u64>,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
}

impl Command {
    fn account(&self) -> Option<&AccountId> {
        match self {
            Self::List { account, .. }
            | Self::Invite { account, .. }
            | Self::Invitations { account, .. }
            | Self::Withdraw { account, .. }
            | Self::Role { account, .. }
            | Self::Remove { account, .. } => account.as_ref(),
        }
    }
}

pub(super) async fn run(records: Records<'_>, command: Command) -> Result<(), Error> {
    let is_named = command.account().is_some();
    let account = &records.account_or_default(command.account()).await?;
    match command {
        Command::List { json, .. } => {
            let members = list(records, account).await?;
            if members.is_empty() && is_named {
                records.require_account(account).await?;
            }
            output::list(&members, json, "this account has no members", table)
        }
        Command::Invite { email, role, .. } => {
            let Invited { invitation, secret } = invite(records, account, &email, role).await?;
            let Some(secret) = secret else {
                return output::line(&format!(
                    "the server mails {} an invitation as {role}: {}",
                    invitation.email, invitation.id
                ));
            };
            note!(
                "invited {0} as {role}: {1}. The invitation is valid until {2}. Its link is /register?invitation= of the server, \
                 followed by this secret, which is shown once. Send it to {0} only",
                invitation.email,
                invitation.id,
                invitation.ends_at,
            );
            output::line(secret.expose())
        }
        Command::Invitations { json, .. } => {
            output::list(&invitations(records, account).await?, json, "there are no open invitations", invitation_table)
        }
        Command::Withdraw { invitation, .. } => {
            withdraw(records, account, &invitation).await?;
            output::line(&format!("{invitation} is withdrawn"))
        }
        Command::Role { user, role, if_version, .. } => {
            let version = match if_version {
                Some(version) => version,
                None => show(records, account, &user).await?.version,
            };
            let member = set_role(records, account, &user, role, version).await?;
            output::line(&format!("{} is {}", member.user.id, member.role))
        }
        Command::Remove { user, if_version, yes, .. } => {
            let member = show(records, account, &user).await?;
            if !yes {
                confirm(&format!("Remove {} ({}) from the account?", member.user.email, member.role))?;
            }
            remove(records, account, &user, if_version.unwrap_or(member.version)).await?;
            output::line(&format!("{user} is no longer a member"))
        }
    }
}

async fn list(records: Records<'_>, account: &AccountId) -> Result<Vec<Member>, Error> {
    match records {
        Records::Database(management) => {
            every_page(|page| async move { management.members(&system(), account, &page).await }).await
        }
        Records::Server(client) => Ok(client.walk_members(account).all().await?),
    }
}

async fn show(records: Records<'_>, account: &AccountId, user: &UserId) -> Result<Member, Error> {
    match records {
        Records::Database(management) => Ok(management.member(&system(), account, user).await?),
        Records::Server(client) => Ok(client.member(account, user).await?),
    }
}

async fn invite(records: Records<'_>, account: &AccountId, email: &str, role: Role) -> Result<Invited, Error> {
    match records {
        Records::Database(management) => {
            let invited = management.invite(&system(), account, email, role).await?;
            Ok(Invited { invitation: invited.invitation, secret: Some(invited.secret.into()) })
        }
        Records::Server(client) => Ok(client.invite(account, email, role).await?),
    }
}

async fn invitations(records: Records<'_>, account: &AccountId) -> Result<Vec<Invitation>, Error> {
    match records {
        Records::Database(management) => {
            every_page(|page| async move { management.invitations(&system(), account, &page).await }).await
        }
        Records::Server(client) => Ok(client.walk_invitations(account).all().await?),
    }
}

async fn withdraw(records: Records<'_>, account: &AccountId, id: &str) -> Result<(), Error> {
    match records {
        Records::Database(management) => Ok(management.withdraw_invitation(&system(), account, id).await?),
        Records::Server(client) => Ok(client.withdraw_invitation(account, id).await?),
    }
}

async fn set_role(
    records: Records<'_>,
    account: &AccountId,
    user: &UserId,
    role: Role,
    version: u64,
) -> Result<Member, Error> {
    match records {
        Records::Database(management) => Ok(management.update_member(&system(), account, user, role, version).await?),
        Records::Server(client) => Ok(client.update_member(account, user, role, version).await?),
    }
}

async fn remove(records: Records<'_>, account: &AccountId, user: &UserId, version: u64) -> Result<(), Error> {
    match records {
        Records::Database(management) => Ok(management.remove_member(&system(), account, user, version).await?),
        Records::Server(client) => Ok(client.remove_member(account, user, version).await?),
    }
}

fn table(members: &[Member]) -> String {
    output::table(["USER", "E-MAIL", "NAME", "ROLE", "SINCE", "LAST SIGN-IN"], members, |member| {
        [
            member.user.id.to_string(),
            member.user.email.clone(),
            member.user.name.clone(),
            member.role.to_string(),
            output::day(Some(member.created_at), "-"),
            output::day(member.user.last_sign_in_at, "never"),
        ]
    })
}

pub(super) fn invitation_table(invitations: &[Invitation]) -> String {
    output::table(["INVITATION", "ACCOUNT", "E-MAIL", "ROLE", "INVITED BY", "EXPIRES"], invitations, |invitation| {
        [
            invitation.id.clone(),
            invitation.account_name.clone(),
            invitation.email.clone(),
            invitation.role.to_string(),
            invitation.invited_by.id.clone(),
            output::day(Some(invitation.ends_at), "-"),
        ]
    })
}
