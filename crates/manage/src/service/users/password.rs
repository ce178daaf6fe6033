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
        self.change_password_unless_wrong(actor, current, new).await?.into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns what is wrong with the two passwords, for a form that shows both mistakes. The change is done if nothing is.
    ///
    /// The current password is compared first, whatever the new one is, so each wrong one is counted. The verdict on the new one
    /// depends on nothing that the user's own page does not show.
    pub(crate) async fn change_password_unless_wrong(
        &self,
        actor: &Actor,
        current: &str,
        new: &str,
    ) -> Result<Vec<ManagementError>, ManagementError> {
        self.require_passwords()?;
        let user = self.acting_user(actor).await?;
        // Counted by session, so that attempts on the e-mail address do not block the signed-in user.
        self.0.throttle.check_actor(actor)?;
        let draft = Draft::new(actor, "user.change_password", Target::new("user", &user.id));
        let mut wrong = Vec::new();
        match self.check_own_password(actor, &user, current, &draft).await {
            Err(error @ ManagementError::WrongCredentials) => wrong.push(error),
            checked => checked?,
        }
        match self.0.passwords.check_in(Lane::Known, new, &[&user.email, &user.name]).await {
            Err(error @ ManagementError::Invalid { .. }) => wrong.push(error),
            checked => checked?,
        }
        if wrong.is_empty() {
            let password = Some(self.0.passwords.hash_in(Lane::Known, new).await?);
            let changed = StoredUser { password, epoch: user.epoch + 1, ..user.value.clone() };
            self.commit_or_stale(vec![user.replace(&changed)?], draft).await?;
        }
        Ok(wrong)
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
