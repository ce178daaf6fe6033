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

pub(crate) struct GuardedRights {
    pub(crate) rights: Rights,
    /// Batches with them conflict if the actor's rights have changed.
    pub(crate) guards: Vec<Write>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Grants,
    Withdraws,
    SignsIn,
}

/// Returns `None` if a link's maker lacks the rights now.
pub(super) fn unless_lost(guards: Result<Vec<Write>, ManagementError>) -> Result<Option<Vec<Write>>, ManagementError> {
    match guards {
        Ok(guards) => Ok(Some(guards)),
        Err(
            ManagementError::NotFound(_)
            | ManagementError::Forbidden(_)
            | ManagementError::TestMode(_)
            | ManagementError::Escalation(_)
            | ManagementError::KeyHasLimits
            | ManagementError::SecondFactorMissing,
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Management {
    /// Returns an actor's rights in an account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] if there are none, even if the account exists.
    pub async fn rights(&self, actor: &Actor, account: &AccountId) -> Result<Rights, ManagementError> {
        Ok(self.guarded_rights(&actor.principal(), account).await?.rights)
    }

    pub(crate) async fn guarded_rights(
        &self,
        principal: &Principal,
        account: &AccountId,
    ) -> Result<GuardedRights, ManagementError> {
        if account != self.operator() && self.is_deleted(account).await? {
            return Err(ManagementError::NotFound("account"));
        }
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
                    Purpose::Management => Rights::of_record(&key, Purpose::Management).for_users(None),
                    Purpose::Api => Rights::of_provider_key(&key),
                };
                let rights = rights.limited_by(self.limited_as(id).await?);
                Ok(GuardedRights { rights: rights.within(account, self.operator()), guards: Vec::new() })
            }
            Principal::User(id) => self.user_rights(id, account).await,
        }
    }

    async fn user_rights(&self, id: &UserId, account: &AccountId) -> Result<GuardedRights, ManagementError> {
        let user: Versioned<StoredUser> = self.get(id.as_str()).await?.ok_or(ManagementError::NotFound("account"))?;
        if user.disabled_at.is_some() {
            return Err(ManagementError::NotFound("account"));
        }
        let lacks_factor = self.lacks_second_factor(&user);
        let mut is_withheld = false;
        let mut held: Option<GuardedRights> = None;
        let places = if account == self.operator() { vec![account] } else { vec![account, self.operator()] };
        for place in places {
            let Some(member) = self.get::<Member>(&Member::id_of(place, id)).await? else { continue };
            if lacks_factor && self.is_factor_required(place).await? {
                is_withheld = true;
                continue;
            }
            let rights = Rights::of(member.role).for_users(Some(id)).within(account, self.operator());
            held = Some(match held {
                None => GuardedRights { rights, guards: vec![member.expect()] },
                Some(mut known) => {
                    known.guards.push(member.expect());
                    GuardedRights { rights: known.rights.or(rights), ..known }
                }
            });
        }
        held.ok_or(if is_withheld {
            ManagementError::SecondFactorMissing
        } else {
            ManagementError::NotFound("account")
        })
    }

    pub(crate) async fn check_governs_all(
        &self,
        principal: &Principal,
        user: &UserId,
        effect: Effect,
    ) -> Result<Vec<Write>, ManagementError> {
        let members = self.memberships(user).await?;
        let mut places: Vec<_> = members.iter().map(|member| (&member.account, Some(member.role))).collect();
        if places.is_empty() {
            // The operator governs a user without accounts.
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
            if effect != Effect::SignsIn {
                held.rights.require(&scopes::MEMBERS_WRITE)?;
            }
            match (role, effect) {
                (role, Effect::SignsIn) => held.rights.check_signs_in(role.unwrap_or(Role::Viewer))?,
                (Some(role), Effect::Grants) => held.rights.check_role(role)?,
                (Some(role), Effect::Withdraws) => held.rights.check_outranks(role)?,
                // A user without accounts may get any role later.
                (None, Effect::Grants) => held.rights.check_role(Role::Viewer)?,
                (None, Effect::Withdraws) => {}
            }
            guards.extend(held.guards);
        }
        match (seen, hidden) {
            (false, _) => Err(ManagementError::NotFound("user")),
            (true, true) => {
                Err(ManagementError::Escalation("the rights of a user who belongs to other accounts, too".to_owned()))
            }
            (true, false) => {
                // A batch accepts two equal guards. A guard on a record that the batch also writes would conflict.
                guards.dedup();
                Ok(guards)
            }
        }
    }

    /// Another person may have found an old session open.
    pub(crate) async fn check_recent(&self, actor: &Actor) -> Result<(), ManagementError> {
        if self.has_signed_in_recently(actor).await? { Ok(()) } else { Err(ManagementError::SignInAgain) }
    }

    /// Returns `true` unless the sign-in is too old to grant authority.
    ///
    /// # Errors
    /// [`ManagementError::SignedOut`].
    pub async fn has_signed_in_recently(&self, actor: &Actor) -> Result<bool, ManagementError> {
        let Who::User { through: Through::Session(digest), .. } = &actor.who else { return Ok(true) };
        let session: Versioned<StoredSession> = self.get(digest).await?.ok_or(ManagementError::SignedOut)?;
        Ok(self.now().saturating_since(session.created_at) < self.recent_sign_in(&session))
    }
}
