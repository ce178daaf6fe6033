//! A sign-in in two requests. Between them, the browser holds a sealed note that opens nothing without a code.

use std::time::Duration;

use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::sessions::SignedIn;
use crate::actor::Context;
use crate::error::ManagementError;
use crate::proof::{PasskeyRequest, Proof, RelyingParty};
use crate::records::{StoredUser, Versioned};
use crate::service::Management;
use crate::service::seal::Sealer;

pub(super) const LIFE: Duration = Duration::from_secs(300);

pub(crate) enum SignInStep {
    Done(SignedIn),
    /// The password or the link was right. The text goes back to the browser.
    Code(Zeroizing<String>),
}

#[derive(Serialize, Deserialize)]
struct HalfSignedIn {
    user: UserId,
    epoch: u64,
    ends_at: Timestamp,
    /// Digest of the link that was used instead of a password.
    #[serde(default)]
    link: Option<String>,
}

/// The factors of a user who has entered the password.
pub(crate) struct SecondStep {
    pub(crate) has_app: bool,
    pub(crate) has_passkeys: bool,
    /// `None` if no passkey works here.
    pub(crate) request: Option<PasskeyRequest>,
}

/// A challenge is for one first step, in one browser.
pub(crate) fn passkey_binding(half: &str, visit: &str) -> String {
    format!("{visit} {half}")
}

impl Management {
    pub(crate) async fn begin_sign_in(
        &self,
        context: &Context,
        email: &str,
        password: &str,
        visit: &str,
    ) -> Result<SignInStep, ManagementError> {
        let (user, signed_in) = self.check_password(context, email, password).await?;
        if user.second_factor_at.is_none() {
            return Ok(SignInStep::Done(self.begin_session(context, &user, &signed_in, None).await?));
        }
        self.ask_for_code(&user, visit, None).await
    }

    pub(super) async fn ask_for_code(
        &self,
        user: &StoredUser,
        visit: &str,
        link: Option<String>,
    ) -> Result<SignInStep, ManagementError> {
        let ends_at = self.now().saturating_add(LIFE);
        let half = HalfSignedIn { user: user.id.clone(), epoch: user.epoch, ends_at, link };
        let plain = serde_json::to_vec(&half).map_err(|_| ManagementError::Internal)?;
        Ok(SignInStep::Code(Zeroizing::new(self.visit_sealer(visit).await?.seal(&plain)?)))
    }

    /// Fails with [`ManagementError::SignedOut`] if the first step is too old, of another visit, or ended by a new password, and with
    /// [`ManagementError::LinkEnded`] if its link has ended.
    pub(crate) async fn end_sign_in(
        &self,
        context: &Context,
        half: &str,
        visit: &str,
        proof: Proof<'_>,
    ) -> Result<SignedIn, ManagementError> {
        let (half, user) = self.open_half(half, visit).await?;
        if half.link.is_none() {
            self.require_passwords()?;
        }
        if let Some(link) = &half.link {
            return self.end_sign_in_with_link(context, link, proof).await;
        }
        let signed_in = self.seen(context, &user);
        self.begin_session(context, &user, &signed_in, Some(proof)).await
    }

    /// What the second step can ask for. Fails as [`end_sign_in`](Self::end_sign_in) does.
    pub(crate) async fn second_step(
        &self,
        half: &str,
        visit: &str,
        place: Option<&RelyingParty>,
    ) -> Result<SecondStep, ManagementError> {
        let (_, user) = self.open_half(half, visit).await?;
        let factor = self.read_factor(&user.id).await?.ok_or(ManagementError::SignedOut)?;
        let request = match place {
            Some(place) => self.ask_for_passkey(&factor, place, &passkey_binding(half, visit)).await?,
            None => None,
        };
        Ok(SecondStep { has_app: factor.is_confirmed, has_passkeys: !factor.passkeys.is_empty(), request })
    }

    async fn open_half(
        &self,
        half: &str,
        visit: &str,
    ) -> Result<(HalfSignedIn, Versioned<StoredUser>), ManagementError> {
        let plain = self.visit_sealer(visit).await?.open(half).ok_or(ManagementError::SignedOut)?;
        let half: HalfSignedIn = serde_json::from_slice(&plain).map_err(|_| ManagementError::SignedOut)?;
        let user: Versioned<StoredUser> = self.get(half.user.as_str()).await?.ok_or(ManagementError::SignedOut)?;
        let is_same = user.epoch == half.epoch && user.second_factor_at.is_some() && user.disabled_at.is_none();
        if half.ends_at <= self.now() || !is_same {
            return Err(ManagementError::SignedOut);
        }
        Ok((half, user))
    }

    async fn visit_sealer(&self, visit: &str) -> Result<Sealer, ManagementError> {
        Sealer::new(self.shared_secret().await?.as_bytes(), visit.as_bytes(), "keyward sign-in")
    }
}
