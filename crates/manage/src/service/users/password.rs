use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::StoredUser;
use crate::service::Management;
use crate::service::audit::{Draft, Target};
use crate::service::sign_in::{Lane, Match};

impl Management {
    /// Changes the acting user's password, and ends all sessions and tokens.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`], [`ManagementError::WrongCredentials`], [`ManagementError::Throttled`],
    /// [`ManagementError::OwnSignInRequired`].
    pub async fn change_password(&self, actor: &Actor, current: &str, new: &str) -> Result<(), ManagementError> {
        self.require_passwords()?;
        let user = self.acting_user(actor).await?;
        // Counted by session, so that attempts on the e-mail address do not block the signed-in user.
        self.0.throttle.check_actor(actor)?;
        self.0.passwords.check_in(Lane::Known, new, &[&user.email, &user.name]).await?;
        let draft = Draft::new(actor, "user.change_password", Target::new("user", &user.id));
        self.check_own_password(actor, &user, current, &draft).await?;
        let password = Some(self.0.passwords.hash_in(Lane::Known, new).await?);
        let changed = StoredUser { password, epoch: user.epoch + 1, ..user.value.clone() };
        self.commit_or_stale(vec![user.replace(&changed)?], draft).await
    }

    /// A wrong password is noted as a refused attempt at what needs it. A user without a password has no right one, and a session
    /// of a sign-in link gets no attempt.
    pub(in crate::service) async fn check_own_password(
        &self,
        actor: &Actor,
        user: &StoredUser,
        password: &str,
        draft: &Draft,
    ) -> Result<(), ManagementError> {
        self.require_own_sign_in(actor).await?;
        if self.0.passwords.verify(Lane::Known, password, user.password.clone()).await? == Match::No {
            self.note_refused(draft.clone());
            return Err(ManagementError::WrongCredentials);
        }
        Ok(())
    }
}
