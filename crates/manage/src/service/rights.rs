//! An actor's rights, read from the stores at each operation, and the guards that hold a write to them.

use keyward_core::AccountId;
use keyward_core::id::UserId;
use keyward_core::store::KeyStatus;

use super::Management;
use super::keys::purpose_of;
use crate::actor::{Actor, Principal, Through, Who};
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{Member, StoredSession, StoredUser, Versioned};
use crate::role::{Purpose, Role, scopes};
use crate::store::Write;

/// The rights of an actor in an account.
pub(crate) struct GuardedRights {
    pub(crate) rights: Rights,
    /// The records that gave the rights: a batch with these is written only while they are as they were.
    pub(crate) guards: Vec<Write>,
}

/// What an actor is going to do to a user.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It gives what the user may do to somebody: a link for another password, or the right to sign in again.
    Grants,
    /// It takes what the user may do away.
    Withdraws,
}

impl Management {
    /// What `actor` may do in `account`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] if the actor has no rights there, whether the account exists or not.
    pub async fn rights(&self, actor: &Actor, account: &AccountId) -> Result<Rights, ManagementError> {
        Ok(self.guarded_rights(&actor.principal(), account).await?.rights)
    }

    pub(crate) async fn guarded_rights(
        &self,
        principal: &Principal,
        account: &AccountId,
    ) -> Result<GuardedRights, ManagementError> {
        match principal {
            Principal::System => {
                Ok(GuardedRights { rights: Rights::all().within(account, self.operator()), guards: Vec::new() })
            }
            Principal::Key(id) => {
                let key = self.0.keys.get(id).await?.ok_or(ManagementError::NotFound("account"))?;
                let reaches = key.account == *account || key.account == *self.operator();
                if !reaches || key.status(self.now()) != KeyStatus::Active {
                    return Err(ManagementError::NotFound("account"));
                }
                let rights = match purpose_of(&key.hint) {
                    Purpose::Management => Rights::of_record(&key, Purpose::Management),
                    Purpose::Api => Rights::of_provider_key(&key),
                };
                Ok(GuardedRights { rights: rights.within(account, self.operator()), guards: Vec::new() })
            }
            Principal::User(id) => self.user_rights(id, account).await,
        }
    }

    /// The rights of a membership and of a role in the operator's account add up.
    async fn user_rights(&self, id: &UserId, account: &AccountId) -> Result<GuardedRights, ManagementError> {
        let user: Versioned<StoredUser> = self.get(id.as_str()).await?.ok_or(ManagementError::NotFound("account"))?;
        if user.disabled_at.is_some() {
            return Err(ManagementError::NotFound("account"));
        }
        let mut held: Option<GuardedRights> = None;
        let places = if account == self.operator() { vec![account] } else { vec![account, self.operator()] };
        for place in places {
            let Some(member) = self.get::<Member>(&Member::id_of(place, id)).await? else { continue };
            let rights = Rights::of(member.role).within(account, self.operator());
            held = Some(match held {
                None => GuardedRights { rights, guards: vec![member.expect()] },
                Some(mut known) => {
                    known.guards.push(member.expect());
                    GuardedRights { rights: known.rights.or(rights), ..known }
                }
            });
        }
        held.ok_or(ManagementError::NotFound("account"))
    }

    /// Whether a principal may do to a user what gives or takes all that the user may do: in every account that the user belongs to, it
    /// manages members and the user's role is not above its own.
    pub(crate) async fn check_governs_all(
        &self,
        principal: &Principal,
        user: &UserId,
        effect: Effect,
    ) -> Result<Vec<Write>, ManagementError> {
        let members = self.memberships(user).await?;
        let mut places: Vec<_> = members.iter().map(|member| (&member.account, Some(member.role))).collect();
        if places.is_empty() {
            // A user of no account is the operator's to govern.
            places.push((self.operator(), None));
        }
        let mut guards: Vec<Write> = members.iter().map(Versioned::expect).collect();
        let (mut seen, mut hidden) = (false, false);
        for (account, role) in places {
            let held = match self.guarded_rights(principal, account).await {
                Ok(held) => held,
                Err(ManagementError::NotFound(_)) => {
                    hidden = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            seen = true;
            held.rights.require(&scopes::MEMBERS_WRITE)?;
            match (role, effect) {
                (Some(role), Effect::Grants) => held.rights.check_role(role)?,
                (Some(role), Effect::Withdraws) => held.rights.check_outranks(role)?,
                // A user without an account may be invited to be anything later.
                (None, Effect::Grants) => held.rights.check_role(Role::Viewer)?,
                (None, Effect::Withdraws) => {}
            }
            guards.extend(held.guards);
        }
        match (seen, hidden) {
            (false, _) => Err(ManagementError::NotFound("user")),
            (true, true) => Err(ManagementError::Escalation("the user belongs to other accounts, too".to_owned())),
            (true, false) => {
                // The same record may be expected twice, which a batch takes; written and expected it would not fit.
                guards.dedup();
                Ok(guards)
            }
        }
    }

    /// Refuses to hand out authority to a session that began too long ago: somebody else may have found it open. Keys, tokens and
    /// programs have no such session.
    pub(crate) async fn check_recent(&self, actor: &Actor) -> Result<(), ManagementError> {
        if self.has_signed_in_recently(actor).await? { Ok(()) } else { Err(ManagementError::SignInAgain) }
    }

    /// Returns `true` if the acting user has signed in recently enough to be given authority to hand on. Returns `true` for keys, tokens
    /// and programs, which have no session.
    ///
    /// # Errors
    /// [`ManagementError::SignedOut`] if the session has ended in the meantime.
    pub async fn has_signed_in_recently(&self, actor: &Actor) -> Result<bool, ManagementError> {
        let Who::User { through: Through::Session(digest), .. } = &actor.who else { return Ok(true) };
        let session: Versioned<StoredSession> = self.get(digest).await?.ok_or(ManagementError::SignedOut)?;
        Ok(self.now().saturating_since(session.created_at) < self.0.settings.recent_sign_in)
    }
}
