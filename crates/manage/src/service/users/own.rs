//! The actors for a user: the user, and the keys that go back to the user.

use std::collections::HashSet;

use keyward_core::CredentialId;
use keyward_core::id::UserId;
use keyward_core::store::{Creator, KeyRecord};

use crate::actor::{Actor, Principal, principal_of};
use crate::error::ManagementError;
use crate::service::Management;

/// A longer chain of keys is refused unread.
const MOST_KEYS: usize = 500;

impl Management {
    /// Refuses what nobody may do to the own user, such as removing the second factor without a code.
    ///
    /// An open session must not be enough, so neither must a key that such a session created.
    pub(in crate::service) async fn check_other_user(
        &self,
        actor: &Actor,
        user: &UserId,
        instead: &str,
    ) -> Result<(), ManagementError> {
        match self.responsible_for(actor).await? {
            Creator::User(id) if id == *user => {
                Err(ManagementError::invalid("user", format!("expected another user: {instead}")))
            }
            Creator::Key(id) => self.check_goes_not_back(&id, user).await,
            _ => Ok(()),
        }
    }

    /// Refuses that a key takes a management key away from the user to whom it goes back: it could be this key, which would go back to
    /// nobody then.
    pub(in crate::service) async fn check_may_take_from(
        &self,
        actor: &Actor,
        user: &UserId,
    ) -> Result<(), ManagementError> {
        match self.responsible_for(actor).await? {
            Creator::Key(id) => self.check_goes_not_back(&id, user).await,
            _ => Ok(()),
        }
    }

    /// Refuses that a key, or a session of a link, gives more to a key that does not go back to it or to the maker of the link. The
    /// maker may hold that key, too, because a session of a link can have created it.
    pub(in crate::service) async fn check_may_widen(
        &self,
        actor: &Actor,
        key: &KeyRecord,
    ) -> Result<(), ManagementError> {
        let responsible = self.responsible_for(actor).await?;
        if key.created_by.as_ref() == Some(&responsible) {
            return Ok(());
        }
        self.require_own_sign_in(actor).await?;
        if matches!(responsible, Creator::Key(_)) && self.goes_back_to(&key.id, &responsible).await? != Some(true) {
            let message = "the key goes not back to your key, which may give `members:write` and `users:sign_in` only to keys that it created: create a key, or change this one as a user";
            return Err(ManagementError::invalid("scopes", message));
        }
        Ok(())
    }

    async fn check_goes_not_back(&self, key: &CredentialId, user: &UserId) -> Result<(), ManagementError> {
        let message = match self.goes_back_to(key, &Creator::User(user.clone())).await? {
            Some(false) => return Ok(()),
            Some(true) => {
                "the key goes back to this user, who has it or created it or a key before it: use a key of another user, or the command line"
            }
            None => {
                "the key may go back to this user: a key before it is gone, or more than 500 keys are. Use a new key that a user created, or the command line"
            }
        };
        Err(ManagementError::invalid("user", message))
    }

    /// Returns the actor, or who made the link with which its session began: the maker may hold the session.
    pub(in crate::service) async fn responsible_for(&self, actor: &Actor) -> Result<Creator, ManagementError> {
        let maker = self.maker_of_session(actor).await?.as_ref().and_then(principal_of);
        Ok(match maker {
            Some(Principal::Key(id)) => Creator::Key(id),
            Some(Principal::User(id)) => Creator::User(id),
            Some(Principal::System) | None => actor.creator(),
        })
    }

    /// Returns `true` for the key, keys of the user, keys that the key or the user created or rotated, and the keys that came from
    /// those. Returns `None` if a key before it is gone, or if there are too many.
    async fn goes_back_to(&self, key: &CredentialId, origin: &Creator) -> Result<Option<bool>, ManagementError> {
        let (mut open, mut seen) = (vec![key.clone()], HashSet::new());
        while let Some(id) = open.pop() {
            if matches!(origin, Creator::Key(origin) if id == *origin) {
                return Ok(Some(true));
            }
            if !seen.insert(id.clone()) {
                continue;
            }
            if seen.len() > MOST_KEYS {
                return Ok(None);
            }
            // Nobody knows who created a key that is gone.
            let Some(key) = self.0.keys.get(&id).await? else { return Ok(None) };
            let is_of_user = matches!(origin, Creator::User(user) if key.user.as_ref() == Some(user));
            if is_of_user || key.created_by.as_ref() == Some(origin) {
                return Ok(Some(true));
            }
            open.extend(key.rotated_from);
            if let Some(Creator::Key(creator)) = key.created_by {
                open.push(creator);
            }
        }
        Ok(Some(false))
    }
}
