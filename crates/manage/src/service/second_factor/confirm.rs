//! Changes that outlive a stolen session need more than the session.

use std::time::Duration;

use crate::actor::{Actor, Through, Who};
use crate::error::ManagementError;
use crate::records::{AccessToken, Family, StoredSession, Versioned};
use crate::service::Management;
use crate::service::audit::{Draft, Target};

/// The longest time since the sign-in of a user without a second factor, and of a token.
const FRESH: Duration = Duration::from_secs(15 * 60);

impl Management {
    /// Asks a user to confirm a change that a thief could use after the session has ended: a new owner, a key that makes owners,
    /// or another way to sign in. A session needs the second factor again. Without one, and for a token, the sign-in must be fresh.
    ///
    /// The proof is used up, whatever happens next, so this is the last check. Fails with [`ManagementError::CodeRequired`],
    /// [`ManagementError::WrongCode`], [`ManagementError::Throttled`], and [`ManagementError::SignInAgain`].
    pub(in crate::service) async fn confirm_user(&self, actor: &Actor) -> Result<(), ManagementError> {
        let Who::User { through, .. } = &actor.who else { return Ok(()) };
        self.check_recent(actor).await?;
        let signed_in_at = match through {
            Through::Session(digest) => {
                let user = self.acting_user(actor).await?;
                if user.second_factor_at.is_some() {
                    let shown = actor.context.shown.as_ref().ok_or(ManagementError::CodeRequired)?;
                    let binding = actor.holder().unwrap_or_default();
                    let draft = Draft::new(actor, "user.check_code", Target::new("user", &user.id));
                    return self.use_proof(actor, &user, shown.bound_to(&binding), &draft).await;
                }
                let session: Option<Versioned<StoredSession>> = self.get(digest).await?;
                session.ok_or(ManagementError::SignedOut)?.created_at
            }
            // A sign-in for tokens has asked for the second factor.
            Through::Token(id) => {
                let token = self.find::<AccessToken>(id.as_str()).await?.ok_or(ManagementError::SignedOut)?;
                let family: Option<Versioned<Family>> = self.get(&token.family).await?;
                family.ok_or(ManagementError::SignedOut)?.created_at
            }
        };
        if self.now().saturating_since(signed_in_at) < FRESH.min(self.0.settings.recent_sign_in) {
            Ok(())
        } else {
            Err(ManagementError::SignInAgain)
        }
    }
}
