use std::time::Duration;

use keyward_core::AccountId;
use serde_json::json;
use zeroize::Zeroizing;

use super::{InvitationView, MAX_OPEN, view};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Account, Entity, Invitation, MailContent, Member, digest_of, new_secret};
use crate::role::{Role, scopes};
use crate::service::Management;
use crate::service::audit::{Draft, Target};
use crate::service::email::normal_email;
use crate::service::mail::MailQuota;
use crate::service::rights::GuardedRights;
use crate::store::{Kind, List};

const LINK_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A new invitation.
pub struct Invited {
    /// The invitation.
    pub invitation: InvitationView,
    /// The link's secret, shown once.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for Invited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invited").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

impl Management {
    /// Invites an e-mail address, replacing its earlier invitation. Needs `members:write` and the rights
    /// of the role.
    ///
    /// # Errors
    /// [`ManagementError::Duplicate`] for a member, [`ManagementError::Escalation`],
    /// [`ManagementError::SignInAgain`].
    ///
    /// # Examples
    /// ```
    /// # use keyward::manage::{Actor, Context, Management, NewUser, Role, SqliteManagementStore};
    /// # use keyward::sqlite::SqliteStore;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// # let system = Actor::system("example", Context::new());
    /// # management.create_owner(&system, NewUser::new("ada@example.com", "Ada", "correct horse battery")).await?;
    /// let invited = management.invite(&system, management.operator(), "grace@example.com", Role::Developer).await?;
    /// // Send the link to grace@example.com, and to no other address.
    /// let link = format!("https://keys.example.com/register?invitation={}", *invited.secret);
    /// # let _ = link;
    /// # Ok(()) }
    /// ```
    pub async fn invite(
        &self,
        actor: &Actor,
        account: &AccountId,
        email: &str,
        role: Role,
    ) -> Result<Invited, ManagementError> {
        self.invite_as(actor, account, email, role, false).await
    }

    /// Invites an e-mail address by mail, as [`invite`](Self::invite) does. Only the address gets the link, so using it proves the address.
    ///
    /// # Errors
    /// Those of [`invite`](Self::invite); [`ManagementError::Throttled`] after 100 invitations of the account or 10 mails to the address in
    /// an hour; [`ManagementError::Internal`] without a [`mailer`](crate::ManagementBuilder::mailer).
    pub async fn invite_by_mail(
        &self,
        actor: &Actor,
        account: &AccountId,
        email: &str,
        role: Role,
    ) -> Result<InvitationView, ManagementError> {
        if !self.sends_mail() {
            return Err(ManagementError::Internal);
        }
        Ok(self.invite_as(actor, account, email, role, true).await?.invitation)
    }

    async fn invite_as(
        &self,
        actor: &Actor,
        account: &AccountId,
        email: &str,
        role: Role,
        is_mailed: bool,
    ) -> Result<Invited, ManagementError> {
        let GuardedRights { rights, guards } = self.guarded_rights(&actor.principal(), account).await?;
        rights.require(&scopes::MEMBERS_WRITE)?;
        rights.check_role(role)?;
        self.check_recent(actor).await?;
        let account_name = self.read_account(account).await?.value.name;
        let email = normal_email(email)?;
        if let Some(user) = self.find_user(&email).await?
            && self.get::<Member>(&Member::id_of(account, &user.id)).await?.is_some()
        {
            return Err(ManagementError::Duplicate("member"));
        }
        let secret = new_secret("kwi_")?;
        let now = self.now();
        let invitation = Invitation {
            id: Invitation::id_of(account, &email),
            digest: digest_of(&secret),
            account: account.clone(),
            email,
            role,
            invited_by: actor.name(),
            link_maker: self.maker_of_session(actor).await?,
            created_at: now,
            ends_at: now.saturating_add(LINK_LIFE),
            is_mailed,
        };
        let write = match self.get::<Invitation>(&invitation.id).await? {
            Some(known) if known.ends_at > now => {
                rights.check_outranks(known.role)?;
                known.replace(&invitation)?
            }
            Some(known) => known.replace(&invitation)?,
            None => {
                let open = self.unexpired(List::of(Kind::Invitation, MAX_OPEN).owner(account.as_str())).await?;
                if open.len() >= MAX_OPEN {
                    let message =
                        format!("the account has the maximum of {MAX_OPEN} open invitations: withdraw some first");
                    return Err(ManagementError::invalid("email", message));
                }
                invitation.insert()?
            }
        };
        if role == Role::Owner {
            self.confirm_user(actor).await?;
        }
        let mut writes = vec![write];
        if is_mailed {
            self.count_mails(MailQuota::Account(account), 1).await?;
            self.count_mails(MailQuota::Inviting(account, &invitation.email), 1).await?;
            self.count_mails(MailQuota::Invited(&invitation.email), 1).await?;
            let content = MailContent::Invitation { invitation: invitation.id.clone(), created_at: now };
            writes.push(self.new_mail(Some(account), content)?);
        }
        let draft = Draft::new(actor, "member.invite", Target::new("invitation", &invitation.id))
            .account(account)
            .after(json!({"email": invitation.email, "role": role}));
        self.commit_or_stale([writes, guards].concat(), draft).await?;
        Ok(Invited { invitation: view(invitation, account_name), secret })
    }

    /// Invites the operator's first owner.
    ///
    /// # Errors
    /// [`ManagementError::Duplicate`] if there is one.
    pub async fn invite_first_owner(&self, actor: &Actor, email: &str) -> Result<Invited, ManagementError> {
        if self.has_owner().await? {
            return Err(ManagementError::Duplicate("owner"));
        }
        if self.get::<Account>(self.operator().as_str()).await?.is_none() {
            let account = self.new_account(self.operator().clone(), "Operator".to_owned());
            self.put_in_key_store(&account).await?;
            self.write_quietly(&[account.insert()?]).await?;
        }
        self.invite(actor, &self.operator().clone(), email, Role::Owner).await
    }
}
