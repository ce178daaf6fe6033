//! Codes of an authenticator app (RFC 6238), passkeys (WebAuthn), and recovery codes for the day they are lost.

#[cfg(feature = "dashboard")]
mod ceremony;
mod check;
mod codes;
mod confirm;
#[cfg(all(feature = "dashboard", not(feature = "passkeys")))]
mod no_webauthn;
#[cfg(feature = "dashboard")]
mod passkey_check;
#[cfg(feature = "dashboard")]
mod passkeys;
mod require;
mod reset;
mod set_up;
mod verdict;
#[cfg(feature = "passkeys")]
mod webauthn;

use keyward_core::Timestamp;
use keyward_core::id::UserId;
use zeroize::Zeroizing;

#[cfg(feature = "dashboard")]
pub(crate) use passkeys::{BegunPasskey, OwnFactors, PasskeyView};
pub use set_up::SecondFactorSetUp;

use super::Management;
use super::seal::Sealer;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{StoredFactor, StoredUser, Versioned};

/// A user's second factor.
///
/// # Examples
/// ```
/// # fn show(factor: &keyward::manage::SecondFactor) {
/// println!("since {}, {} recovery codes left", factor.since, factor.recovery_codes);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecondFactor {
    /// When the user set it up.
    pub since: Timestamp,
    /// Whether an authenticator app is part of it.
    pub has_app: bool,
    /// The number of passkeys.
    pub passkeys: usize,
    /// The number of unused recovery codes.
    pub recovery_codes: usize,
}

impl Management {
    /// Returns the acting user's second factor, if any.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn own_second_factor(&self, actor: &Actor) -> Result<Option<SecondFactor>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let Some(since) = user.second_factor_at else { return Ok(None) };
        let Some(factor) = self.read_factor(&user.id).await? else { return Ok(None) };
        let (passkeys, recovery_codes) = (factor.passkeys.len(), factor.recovery_codes.len());
        Ok(Some(SecondFactor { since, has_app: factor.is_confirmed, passkeys, recovery_codes }))
    }

    /// A user without a password signs in at the identity provider, whose own second factor counts.
    pub(crate) fn lacks_second_factor(&self, user: &StoredUser) -> bool {
        self.takes_passwords() && user.password.is_some() && user.second_factor_at.is_none()
    }

    pub(crate) async fn read_factor(&self, user: &UserId) -> Result<Option<Versioned<StoredFactor>>, ManagementError> {
        Ok(self.get(user.as_str()).await?)
    }

    async fn factor_sealer(&self, user: &UserId) -> Result<Sealer, ManagementError> {
        Sealer::new(self.shared_secret().await?.as_bytes(), user.as_str().as_bytes(), "keyward second factor")
    }

    async fn open_factor(&self, factor: &StoredFactor) -> Result<Zeroizing<Vec<u8>>, ManagementError> {
        self.factor_sealer(&factor.user).await?.open(&factor.sealed).ok_or_else(|| {
            tracing::error!(user = %factor.user, "the secret of a second factor cannot be decrypted");
            ManagementError::Internal
        })
    }
}
