//! Invitations: how somebody comes to belong to an account.
//!
//! An invitation gives nothing until its holder accepts it: with the link, or signed in with an address that mail or an identity provider
//! has proved. Its maker's rights are compared when it is made and again when it is used.

use std::time::Duration;

pub use keyward_api_types::Invitation as InvitationView;
use keyward_core::AccountId;
use keyward_core::id::UserId;
use serde_json::json;
use zeroize::Zeroizing;

use super::Management;
use super::audit::{DoesNotFit, Draft, Target};
use super::check_name;
use super::email::normal_email;
use super::page::{Page, PageRequest};
use super::standing::Standing;
use crate::actor::{Actor, Context, principal_of};
use crate::error::ManagementError;
use crate::records::{Account, Entity, Invitation, Member, StoredUser, Versioned, digest_of, new_secret};
use crate::role::{Role, scopes};
use crate::store::{Kind, List, Write};

/// How long a link works.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How many open invitations an account may have.
const MOST_OPEN: usize = 500;

/// An invitation that was made.
pub struct Invited {
    /// What is known of it.
    pub invitation: InvitationView,
    /// The secret of its link, shown this once.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for Invited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invited").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

impl Management {
    /// Invites an e-mail address into an account. Needs `members:write`; the role may not exceed the actor's own.
    ///
    /// The address becomes a member when the invitation is accepted. Inviting it again replaces the invitation and its link.
    ///
    /// # Errors
    /// [`ManagementError::Duplicate`] if the address is a member already, [`ManagementError::Escalation`], [`ManagementError::SignInAgain`],
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`], [`ManagementError::Invalid`].
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
        let Standing { rights, rests_on } = self.standing(&actor.principal(), account).await?;
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
            created_at: now,
            ends_at: now.saturating_add(LIFE),
        };
        let write = match self.get::<Invitation>(&invitation.id).await? {
            Some(known) if known.ends_at > now => {
                rights.check_outranks(known.role)?;
                known.replace(&invitation)?
            }
            Some(known) => known.replace(&invitation)?,
            None => {
                let open = self.unexpired(List::of(Kind::Invitation, MOST_OPEN).owner(account.as_str())).await?;
                if open.len() >= MOST_OPEN {
                    let message =
                        format!("this account has {MOST_OPEN} open invitations, the most: withdraw some first");
                    return Err(ManagementError::invalid("email", message));
                }
                invitation.insert()?
            }
        };
        let draft = Draft::new(actor, "member.invite", Target::new("invitation", &invitation.id))
            .account(account)
            .after(json!({"email": invitation.email, "role": role}));
        self.commit_or_stale([vec![write], rests_on].concat(), draft).await?;
        Ok(Invited { invitation: view(invitation, account_name), secret })
    }

    /// Invites the first owner of the operator's account: for the program at its start, as long as there is no owner.
    ///
    /// # Errors
    /// [`ManagementError::Duplicate`] if there is an owner already.
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

    /// Lists the open invitations of an account, the oldest first. Needs `members:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`], [`ManagementError::Invalid`] for a bad cursor.
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
        let mut page = page.page(found, |invitation| (invitation.value.sort(), invitation.value.id()));
        let now = self.now();
        page.items.retain(|invitation| invitation.ends_at > now);
        Ok(page.map(|invitation| view(invitation.value, name.clone())))
    }

    /// Withdraws an invitation, so that its link stops working. Needs `members:write`; the role may not be above the actor's own.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`], [`ManagementError::Escalation`], [`ManagementError::Stale`] if it is accepted at this moment.
    pub async fn withdraw_invitation(
        &self,
        actor: &Actor,
        account: &AccountId,
        id: &str,
    ) -> Result<(), ManagementError> {
        let Standing { rights, rests_on } = self.standing(&actor.principal(), account).await?;
        rights.require(&scopes::MEMBERS_WRITE)?;
        let known = self.get::<Invitation>(id).await?.filter(|known| known.account == *account);
        let known = known.ok_or(ManagementError::NotFound("invitation"))?;
        rights.check_outranks(known.role)?;
        let draft = Draft::new(actor, "member.withdraw_invitation", Target::new("invitation", id))
            .account(account)
            .before(json!({"email": known.email, "role": known.role}));
        self.commit_or_stale([vec![known.remove()], rests_on].concat(), draft).await
    }

    /// The invitation that a link is of, for the page that it opens.
    ///
    /// # Errors
    /// [`ManagementError::LinkEnded`], [`ManagementError::Throttled`].
    pub async fn invitation(&self, context: &Context, secret: &str) -> Result<InvitationView, ManagementError> {
        self.0.throttle.check_address(super::throttle::Attempt::Link, context)?;
        let invitation = self.by_secret(secret).await?;
        self.judge(&invitation).await?;
        let name = self.read_account(&invitation.account).await?.value.name;
        Ok(view(invitation.value, name))
    }

    /// Accepts an invitation with its link, and creates the user with this name and password.
    ///
    /// # Errors
    /// [`ManagementError::LinkEnded`]; [`ManagementError::AddressInUse`] if the address has a user, who signs in and accepts then;
    /// [`ManagementError::Invalid`], [`ManagementError::Throttled`], [`ManagementError::PasswordsOff`].
    pub async fn accept_invitation(
        &self,
        context: &Context,
        secret: &str,
        name: &str,
        new_password: &str,
    ) -> Result<(), ManagementError> {
        self.check_passwords_count()?;
        self.0.throttle.check_address(super::throttle::Attempt::Link, context)?;
        let name = check_name("name", name)?;
        self.0.passwords.check(new_password, &[&name]).await?;
        let invitation = self.by_secret(secret).await?;
        self.judge(&invitation).await?;
        if self.find_user(&invitation.email).await?.is_some() {
            return Err(ManagementError::AddressInUse);
        }
        let password = Some(self.0.passwords.hash(new_password.to_owned()).await?);
        let user = StoredUser {
            // The link may have stayed with its maker. Only the program's own, which its operator reads at the terminal, proves an address.
            address_proven_at: (invitation.invited_by.kind == "system").then(|| self.now()),
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

    /// Accepts an invitation for the acting user, with its link.
    ///
    /// # Errors
    /// [`ManagementError::LinkEnded`]; [`ManagementError::Invalid`] if it is for another address; [`ManagementError::Duplicate`] if the user is a member
    /// already; [`ManagementError::UsersOnly`].
    pub async fn join_by_link(&self, actor: &Actor, secret: &str) -> Result<AccountId, ManagementError> {
        let user = self.acting_user(actor).await?;
        let invitation = self.by_secret(secret).await?;
        if invitation.email != user.email {
            return Err(ManagementError::invalid("invitation", "made for another e-mail address than yours"));
        }
        self.join_user(actor, &user, invitation).await
    }

    /// The open invitations of the acting user, if mail or an identity provider has proved the user's address. Others accept by link.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn own_invitations(&self, actor: &Actor) -> Result<Vec<InvitationView>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let mut open = Vec::new();
        for invitation in self.open_invitations_of(&user).await? {
            match self.judge(&invitation).await {
                Ok(_) => {}
                // Its maker may not give this role any more.
                Err(ManagementError::LinkEnded) => continue,
                Err(error) => return Err(error),
            }
            let name = self.read_account(&invitation.account).await?.value.name;
            open.push(view(invitation.value, name));
        }
        Ok(open)
    }

    /// Accepts one of the acting user's [own invitations](Self::own_invitations).
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], also while the user's address is unproven; [`ManagementError::LinkEnded`], [`ManagementError::Duplicate`],
    /// [`ManagementError::UsersOnly`].
    pub async fn join(&self, actor: &Actor, id: &str) -> Result<AccountId, ManagementError> {
        let user = self.acting_user(actor).await?;
        let invitation = self.own_invitation(&user, id).await?;
        self.join_user(actor, &user, invitation).await
    }

    /// Declines one of the acting user's [own invitations](Self::own_invitations).
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::UsersOnly`].
    pub async fn decline_invitation(&self, actor: &Actor, id: &str) -> Result<(), ManagementError> {
        let user = self.acting_user(actor).await?;
        let invitation = self.own_invitation(&user, id).await?;
        let draft = Draft::new(actor, "member.decline", Target::new("invitation", id)).account(&invitation.account);
        self.commit_or_stale(vec![invitation.remove()], draft).await
    }

    async fn own_invitation(&self, user: &StoredUser, id: &str) -> Result<Versioned<Invitation>, ManagementError> {
        let open = self.open_invitations_of(user).await?;
        open.into_iter().find(|known| known.id == id).ok_or(ManagementError::NotFound("invitation"))
    }

    /// The invitations to an address, as long as they have not expired; none for an address that is unproven.
    async fn open_invitations_of(&self, user: &StoredUser) -> Result<Vec<Versioned<Invitation>>, ManagementError> {
        if user.address_proven_at.is_none() {
            return Ok(Vec::new());
        }
        self.invitations_to(&user.email).await
    }

    /// The invitations to an address that have not expired, whoever has it.
    pub(crate) async fn invitations_to(&self, email: &str) -> Result<Vec<Versioned<Invitation>>, ManagementError> {
        self.unexpired(List::of(Kind::Invitation, MOST_OPEN).subject(email)).await
    }

    /// All invitations of a list that have not expired, page by page.
    async fn unexpired(&self, mut list: List) -> Result<Vec<Versioned<Invitation>>, ManagementError> {
        let now = self.now();
        let mut all = Vec::new();
        loop {
            let page = self.list::<Invitation>(&list).await?;
            list.after = page.last().map(|last| (last.value.sort(), last.value.id()));
            let is_last = page.len() < list.limit;
            all.extend(page.into_iter().filter(|invitation| invitation.ends_at > now));
            if is_last {
                return Ok(all);
            }
        }
    }

    async fn by_secret(&self, secret: &str) -> Result<Versioned<Invitation>, ManagementError> {
        let known: Option<Versioned<Invitation>> = self.find(&digest_of(secret)).await?;
        known.filter(|known| known.ends_at > self.now()).ok_or(ManagementError::LinkEnded)
    }

    /// Compares what an invitation gives with what its maker may give now.
    pub(crate) async fn judge(&self, invitation: &Invitation) -> Result<Vec<Write>, ManagementError> {
        let maker = principal_of(&invitation.invited_by).ok_or(ManagementError::LinkEnded)?;
        let standing = match self.standing(&maker, &invitation.account).await {
            Ok(standing) => standing,
            Err(ManagementError::NotFound(_)) => return Err(ManagementError::LinkEnded),
            Err(error) => return Err(error),
        };
        let may = standing.rights.allows(&scopes::MEMBERS_WRITE) && standing.rights.may_give(invitation.role);
        if may { Ok(standing.rests_on) } else { Err(ManagementError::LinkEnded) }
    }

    /// What makes a user the member that an invitation says, and what is logged of it.
    async fn acceptance(
        &self,
        invitation: &Versioned<Invitation>,
        user: &UserId,
        draft: Draft,
    ) -> Result<(Vec<Write>, Draft), ManagementError> {
        let rests_on = self.judge(invitation).await?;
        let member = self.new_member(&invitation.account, user, invitation.role);
        let writes = [vec![invitation.remove(), member.insert()?], rests_on].concat();
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
        let mut user = user.clone();
        for _ in 0..super::ATTEMPTS {
            let draft = Draft::new(actor, "member.accept", Target::new("user", &user.id));
            let (writes, draft) = self.acceptance(&invitation, &user.id, draft).await?;
            // The user is written, too: whoever deletes the user at this moment looks again, and finds this membership.
            match self.commit([vec![user.replace(&user.value)?], writes].concat(), draft).await? {
                Ok(()) => return Ok(invitation.value.account),
                // The user was changed at this moment, for instance by another sign-in.
                Err(DoesNotFit(0)) => user = self.acting_user(actor).await?,
                Err(_) => return Err(ManagementError::LinkEnded),
            }
        }
        Err(ManagementError::Stale)
    }
}

fn view(invitation: Invitation, account_name: String) -> InvitationView {
    let Invitation { id, digest: _, account, email, role, invited_by, created_at, ends_at } = invitation;
    InvitationView { id, account, account_name, email, role, invited_by, created_at, ends_at }
}
