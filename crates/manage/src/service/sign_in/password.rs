use serde_json::json;

use super::devices::Proven;
use super::hashing::{Lane, Match};
use super::sessions::SignedIn;
use super::throttle::{Attempt, network};
use crate::actor::Context;
use crate::error::ManagementError;
use crate::proof::Proof;
use crate::records::{Asked, Entity, StoredUser, User, Versioned};
use crate::service::audit::{DoesNotFit, Draft, Target};
use crate::service::email::TypedEmail;
use crate::service::{ATTEMPTS, Management};
use crate::store::Write;

const MAX_KNOWN_NETWORKS: usize = 8;

impl Management {
    /// Begins a session with a password.
    ///
    /// # Errors
    /// [`ManagementError::WrongCredentials`], [`ManagementError::Throttled`], [`ManagementError::Busy`],
    /// [`ManagementError::PasswordsOff`]; [`ManagementError::CodeRequired`] if the user has a second factor.
    pub async fn sign_in(&self, context: &Context, email: &str, password: &str) -> Result<SignedIn, ManagementError> {
        self.sign_in_with_code(context, email, password, None).await
    }

    /// Begins a session with a password and, if the user has a second factor, its code or a recovery code.
    ///
    /// # Errors
    /// [`ManagementError::CodeRequired`], [`ManagementError::WrongCode`], and those of [`sign_in`](Self::sign_in).
    pub async fn sign_in_with_code(
        &self,
        context: &Context,
        email: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<SignedIn, ManagementError> {
        let (user, signed_in) = self.check_password(context, email, password).await?;
        self.begin_session(context, &user, &signed_in, code.map(Proof::Code)).await
    }

    pub(super) async fn begin_session(
        &self,
        context: &Context,
        user: &Versioned<StoredUser>,
        signed_in: &StoredUser,
        proof: Option<Proof<'_>>,
    ) -> Result<SignedIn, ManagementError> {
        let draft = Draft::anonymous(context, "session.begin", Target::new("user", &user.id));
        let mut writes = self.check_factor(context, user, proof, Asked::AtSignIn, &draft).await?;
        let draft = with_factor(draft, user);
        let (secret, session) = self.new_session(context, signed_in)?;
        writes.push(session.insert()?);
        writes.extend(self.mail_of_sign_in(context, user, self.is_known_device(context, user).await?).await?);
        self.commit_sign_in(user, signed_in, writes, draft).await?;
        let device = self.prove_device(context, signed_in, Proven::ByUser).await;
        Ok(SignedIn { session: secret, user: User::from(signed_in), ends_at: session.ends_at, device })
    }

    /// Returns `true` if users sign in with passwords.
    #[must_use]
    pub fn takes_passwords(&self) -> bool {
        self.0.settings.passwords
    }

    pub(crate) fn require_passwords(&self) -> Result<(), ManagementError> {
        if self.takes_passwords() { Ok(()) } else { Err(ManagementError::PasswordsOff) }
    }

    pub(crate) async fn check_password(
        &self,
        context: &Context,
        email: &str,
        password: &str,
    ) -> Result<(Versioned<StoredUser>, StoredUser), ManagementError> {
        self.require_passwords()?;
        let email = TypedEmail::read(email).ok_or(ManagementError::WrongCredentials)?;
        let (user, lane) = self.admit_attempt(context, &email).await?;
        let stored = user.as_ref().and_then(|user| user.password.clone());
        let matches = self.0.passwords.verify(lane, password, stored).await?;
        let is_right = matches != Match::No;
        let Some(user) = user.filter(|user| is_right && user.disabled_at.is_none()) else {
            // The entry names no user, so unknown and known users take equally long.
            let draft = Draft::anonymous(context, "session.begin", Target::new("user", ""));
            self.note_refused(draft);
            return Err(ManagementError::WrongCredentials);
        };
        let mut signed_in = self.seen(context, &user);
        let is_outdated = |hash: &str| matches == Match::NotNormalised || self.0.passwords.is_outdated(hash);
        if user.password.as_deref().is_some_and(is_outdated) {
            signed_in.password = Some(self.0.passwords.hash_in(Lane::Known, password).await?);
        }
        Ok((user, signed_in))
    }

    pub(super) fn seen(&self, context: &Context, user: &StoredUser) -> StoredUser {
        let mut seen = StoredUser { last_sign_in_at: Some(self.now()), ..user.clone() };
        if let Some(address) = context.address.map(network) {
            seen.known_networks.retain(|known| *known != address);
            seen.known_networks.insert(0, address);
            seen.known_networks.truncate(MAX_KNOWN_NETWORKS);
        }
        seen
    }

    async fn admit_attempt(
        &self,
        context: &Context,
        email: &TypedEmail,
    ) -> Result<(Option<Versioned<StoredUser>>, Lane), ManagementError> {
        let throttle = &self.0.throttle;
        // The device is read before the user, so that a throttled flood without proofs causes no reads.
        let device = self
            .device(context, email.key())
            .await?
            .filter(|device| throttle.check_device(email.key(), device).is_ok());
        if device.is_none() {
            throttle.check_address(Attempt::SignIn, context)?;
        }
        let user = self.find_typed(email).await?;
        let epoch = user.as_ref().map(|user| user.epoch);
        if device.is_some_and(|device| Some(device.epoch) == epoch) {
            return Ok((user, Lane::Known));
        }
        if device.is_some() {
            // The proof has ended, so the client counts as unknown.
            throttle.check_address(Attempt::SignIn, context)?;
        }
        let from = context.address.map(network);
        let known = user.as_ref().zip(from).filter(|(user, from)| user.known_networks.contains(from));
        if known.is_some_and(|(user, from)| throttle.check_known(&user.id, from).is_ok()) {
            return Ok((user, Lane::Known));
        }
        throttle.check_email(Attempt::SignIn, email.key())?;
        Ok((user, Lane::Stranger))
    }

    /// Reads the user again after a conflict, unless the sessions were ended.
    pub(crate) async fn commit_sign_in(
        &self,
        user: &Versioned<StoredUser>,
        signed_in: &StoredUser,
        mut writes: Vec<Write>,
        draft: Draft,
    ) -> Result<(), ManagementError> {
        let (mut known, mut signed_in) = (user.clone(), signed_in.clone());
        for _ in 0..ATTEMPTS {
            writes.push(known.replace(&signed_in)?);
            let committed = self.commit(writes.clone(), draft.clone()).await?;
            let Err(DoesNotFit(place)) = committed else { return Ok(()) };
            writes.pop();
            if user.second_factor_at.is_some() && place == 0 {
                // Another sign-in used the code, or counted a wrong one.
                return Err(ManagementError::WrongCode);
            }
            known = self.get(user.id.as_str()).await?.ok_or(ManagementError::WrongCredentials)?;
            // Two sign-ins may hash the same outdated password. The first hash stays.
            let is_rehashed = user.password != signed_in.password && known.password.is_some();
            if known.epoch != user.epoch || (known.password != user.password && !is_rehashed) {
                return Err(ManagementError::WrongCredentials);
            }
            let known_networks = signed_in.known_networks;
            signed_in = StoredUser { last_sign_in_at: Some(self.now()), known_networks, ..known.value.clone() };
        }
        Err(ManagementError::Stale)
    }
}

pub(super) fn with_factor(draft: Draft, user: &StoredUser) -> Draft {
    if user.second_factor_at.is_some() { draft.after(json!({"second_factor": true})) } else { draft }
}
