//! Known devices have separate budgets (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
//!
//! A sign-in link gives a proof of another kind, which counts for links only. The user gets no mail at each link, and still gets one at
//! the first sign-in with the password.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::records::{Entity, StoredUser, Versioned, new_secret};
use crate::service::Management;
use crate::service::email::key_of;
use crate::store::Kind;

const USERS_PER_BROWSER: usize = 4;

const LENGTH: usize = 8 + 16 + 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) id: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) proven: Proven,
}

/// How the user signed in there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proven {
    /// With a password or the identity provider.
    ByUser,
    ByLink,
}

impl Proven {
    /// Of one length, so that no message of one kind is one of the other.
    fn label(self) -> &'static [u8] {
        match self {
            Self::ByUser => b"keyward device",
            Self::ByLink => b"keyward linked",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct DeviceSecret {
    secret: Zeroizing<String>,
}

impl DeviceSecret {
    const ID: &str = "devices";
}

impl Entity for DeviceSecret {
    const KIND: Kind = Kind::Secret;
    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}

impl Device {
    fn code(&self, secret: &[u8], email: &str) -> Result<Hmac<Sha256>, ManagementError> {
        let mut code = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| ManagementError::Internal)?;
        for part in [self.proven.label(), &self.epoch.to_be_bytes(), &self.id, email.as_bytes()] {
            code.update(part);
        }
        Ok(code)
    }

    fn prove(&self, secret: &[u8], email: &str) -> Result<String, ManagementError> {
        let code = self.code(secret, email)?.finalize().into_bytes();
        Ok(URL_SAFE_NO_PAD.encode([&self.epoch.to_be_bytes()[..], &self.id, &code].concat()))
    }

    fn read(proof: &str, secret: &[u8], email: &str) -> Option<Self> {
        let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(proof).ok()?.try_into().ok()?;
        let (epoch, rest) = bytes.split_first_chunk::<8>()?;
        let (id, code) = rest.split_first_chunk::<16>()?;
        let epoch = u64::from_be_bytes(*epoch);
        let device = |proven| Self { id: *id, epoch, proven };
        let is_right = |device: &Self| device.code(secret, email).is_ok_and(|right| right.verify_slice(code).is_ok());
        [Proven::ByUser, Proven::ByLink].map(device).into_iter().find(is_right)
    }
}

fn proofs(context: &Context) -> impl Iterator<Item = &str> {
    context.device.0.split('.').filter(|proof| !proof.is_empty()).take(USERS_PER_BROWSER)
}

impl Management {
    /// The device, if its user signed in there without a link. The caller still compares the epoch.
    pub(crate) async fn device(&self, context: &Context, email: &str) -> Result<Option<Device>, ManagementError> {
        Ok(self.any_device(context, email).await?.filter(|device| device.proven == Proven::ByUser))
    }

    async fn any_device(&self, context: &Context, email: &str) -> Result<Option<Device>, ManagementError> {
        if proofs(context).next().is_none() {
            return Ok(None);
        }
        let secret = self.shared_secret().await?;
        Ok(proofs(context).find_map(|proof| Device::read(proof, secret.as_bytes(), email)))
    }

    /// Also if the sessions of the proof have ended.
    pub(crate) async fn is_known_device(&self, context: &Context, user: &StoredUser) -> Result<bool, ManagementError> {
        Ok(self.sends_mail() && self.device(context, &key_of(&user.email)).await?.is_some())
    }

    /// A link is no news on a device where the user has signed in in any way.
    pub(crate) async fn is_known_to_links(
        &self,
        context: &Context,
        user: &StoredUser,
    ) -> Result<bool, ManagementError> {
        Ok(self.sends_mail() && self.any_device(context, &key_of(&user.email)).await?.is_some())
    }

    pub(crate) async fn prove_device(
        &self,
        context: &Context,
        user: &StoredUser,
        proven: Proven,
    ) -> Option<Zeroizing<String>> {
        match self.new_proof(context, user, proven).await {
            Ok(proof) => Some(Zeroizing::new(proof)),
            Err(error) => {
                keyward_core::log_limited!(warn, %error, "a device got no proof of its sign-in");
                None
            }
        }
    }

    async fn new_proof(&self, context: &Context, user: &StoredUser, proven: Proven) -> Result<String, ManagementError> {
        let secret = self.shared_secret().await?;
        let email = key_of(&user.email);
        if proven == Proven::ByLink && self.device(context, &email).await?.is_some() {
            // A link replaces no better proof.
            return Ok(proofs(context).collect::<Vec<_>>().join("."));
        }
        let mut device = Device { id: [0; 16], epoch: user.epoch, proven };
        getrandom::fill(&mut device.id).map_err(|_| ManagementError::Internal)?;
        let own = device.prove(secret.as_bytes(), &email)?;
        let others = proofs(context).filter(|proof| Device::read(proof, secret.as_bytes(), &email).is_none());
        Ok(std::iter::once(own.as_str()).chain(others).take(USERS_PER_BROWSER).collect::<Vec<_>>().join("."))
    }

    /// Creates a proof for the acting user's device, for [`Context::device`]. Create a new one after ending all
    /// sessions, as [`change_password`](Self::change_password) does.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn device_proof(&self, actor: &Actor) -> Result<Zeroizing<String>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let proven = match self.is_by_link(actor).await {
            Ok(false) => Proven::ByUser,
            Ok(true) | Err(ManagementError::SignedOut) => Proven::ByLink,
            Err(error) => return Err(error),
        };
        self.new_proof(&actor.context, &user, proven).await.map(Zeroizing::new)
    }

    /// Proofs of devices and second factors derive their keys from it.
    pub(crate) async fn shared_secret(&self) -> Result<&str, ManagementError> {
        let secret = self.0.shared_secret.get_or_try_init(|| async {
            if let Some(known) = self.get::<DeviceSecret>(DeviceSecret::ID).await? {
                return Ok::<_, ManagementError>(known.value.secret);
            }
            let secret = new_secret("")?;
            self.write_quietly(&[DeviceSecret { secret }.insert()?]).await?;
            // Another node may have been first.
            let known: Option<Versioned<DeviceSecret>> = self.get(DeviceSecret::ID).await?;
            Ok(known.ok_or(ManagementError::Internal)?.value.secret)
        });
        Ok(secret.await?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_counts_for_its_user_and_secret_only() {
        let device = Device { id: [7; 16], epoch: 3, proven: Proven::ByUser };
        let linked = Device { proven: Proven::ByLink, ..device };
        let of_link = linked.prove(b"secret", "ada@example.com").unwrap();
        assert_eq!(Device::read(&of_link, b"secret", "ada@example.com"), Some(linked));
        let proof = device.prove(b"secret", "ada@example.com").unwrap();
        let other_epoch = Device { epoch: 4, ..device }.prove(b"another", "ada@example.com").unwrap();
        for (proof, secret, email, known) in [
            (proof.as_str(), "secret", "ada@example.com", true),
            (&proof, "another", "ada@example.com", false),
            (&proof, "secret", "bob@example.com", false),
            (&other_epoch, "secret", "ada@example.com", false),
            (&proof[1..], "secret", "ada@example.com", false),
            ("", "secret", "ada@example.com", false),
        ] {
            let read = Device::read(proof, secret.as_bytes(), email);
            assert_eq!(read, known.then_some(device), "{proof} {secret} {email}");
        }
    }
}
