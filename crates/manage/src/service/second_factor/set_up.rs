use serde_json::{Value, json};
use totp_rs::{Builder, Secret};
use zeroize::Zeroizing;

use super::codes::{RECOVERY_CODES, SECRET_BYTES, Typed, new_recovery_code, recovery_digest, step_of};
use crate::actor::{Actor, Through, Who};
use crate::error::ManagementError;
use crate::proof::Proof;
use crate::records::{Asked, Entity, StoredFactor, StoredSession, StoredUser, Versioned};
use crate::service::audit::{Draft, Target};
use crate::service::{ATTEMPTS, Management};

/// The secret of an authenticator app. It has no `Debug`, because of its secret.
///
/// # Examples
/// ```
/// # fn show(set_up: &keyward::manage::SecondFactorSetUp) {
/// println!("type {} into the app, or scan {} as a QR code", *set_up.secret, *set_up.url);
/// # }
/// ```
#[non_exhaustive]
pub struct SecondFactorSetUp {
    /// The secret in base 32.
    pub secret: Zeroizing<String>,
    /// The URL in the QR code.
    pub url: Zeroizing<String>,
}

struct NewCodes {
    shown: Vec<Zeroizing<String>>,
    digests: Vec<String>,
}

impl NewCodes {
    fn of(user: &StoredUser) -> Result<Self, ManagementError> {
        let shown = (0..RECOVERY_CODES).map(|_| new_recovery_code()).collect::<Result<Vec<_>, _>>()?;
        let digest = |code: &Zeroizing<String>| recovery_digest(&user.id, &Zeroizing::new(code.replace('-', "")));
        Ok(Self { digests: shown.iter().map(digest).collect(), shown })
    }
}

impl Management {
    /// Begins to set up a second factor for the acting user. It counts after
    /// [`confirm_second_factor`](Self::confirm_second_factor), within an hour. Needs a recent sign-in and the user's password: with a
    /// stolen session, a thief could shut the user out.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`], [`ManagementError::SignInAgain`], [`ManagementError::OwnSignInRequired`],
    /// [`ManagementError::Throttled`]; [`ManagementError::Duplicate`] if there is one; [`ManagementError::WrongCredentials`] for a wrong password, and for a user
    /// without one.
    pub async fn begin_second_factor(&self, actor: &Actor, password: &str) -> Result<(), ManagementError> {
        let user = self.acting_user(actor).await?;
        self.check_recent(actor).await?;
        let known = self.read_factor(&user.id).await?;
        if known.as_ref().is_some_and(|known| known.is_confirmed) {
            return Err(ManagementError::Duplicate("second factor"));
        }
        self.0.throttle.check_actor(actor)?;
        let draft = Draft::new(actor, "user.add_second_factor", Target::new("user", &user.id));
        self.check_own_password(actor, &user, password, &draft).await?;
        let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
        getrandom::fill(&mut *secret).map_err(|_| ManagementError::Internal)?;
        // Passkeys and what counts with them stay.
        let kept = known.as_ref().filter(|known| known.count() > 0).map(|known| known.value.clone());
        let factor = StoredFactor {
            sealed: self.factor_sealer(&user.id).await?.seal(&*secret)?,
            begun_at: self.now(),
            begun_by: actor.holder(),
            last_step: 0,
            ..kept.unwrap_or_else(|| StoredFactor::new(user.id.clone(), self.now()))
        };
        let write = match known {
            Some(known) => known.replace(&factor)?,
            None => factor.insert()?,
        };
        if self.write_quietly(&[user.expect(), write]).await? { Ok(()) } else { Err(ManagementError::Stale) }
    }

    /// Returns what the authenticator app needs for a second factor that is being set up, with this name of the provider.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn second_factor_set_up(
        &self,
        actor: &Actor,
        provider: &str,
    ) -> Result<Option<SecondFactorSetUp>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let Some(factor) = self.unconfirmed(actor, &user).await? else { return Ok(None) };
        let secret = self.open_factor(&factor).await?;
        // The URL separates the provider and the address by a colon.
        let issuer = provider.replace(':', " ");
        let totp = Builder::new()
            .with_secret(secret.to_vec())
            .with_account_name(user.email.as_str())
            .with_issuer(Some(issuer));
        let url = totp.build().and_then(|totp| totp.to_url()).map_err(|_| ManagementError::Internal)?;
        Ok(Some(SecondFactorSetUp {
            secret: Zeroizing::new(Secret::from(secret.to_vec()).to_base32()),
            url: Zeroizing::new(url),
        }))
    }

    /// Sets up the second factor with a code of the authenticator app. Returns the recovery codes, shown once. Ends the user's other
    /// sessions and tokens, which began without a second factor.
    ///
    /// # Errors
    /// [`ManagementError::WrongCode`], [`ManagementError::Throttled`], [`ManagementError::UsersOnly`], [`ManagementError::SignInAgain`];
    /// [`ManagementError::LinkEnded`] if the set-up was not begun within the last hour.
    pub async fn confirm_second_factor(
        &self,
        actor: &Actor,
        code: &str,
    ) -> Result<Vec<Zeroizing<String>>, ManagementError> {
        self.check_recent(actor).await?;
        self.0.throttle.check_actor(actor)?;
        for _ in 0..ATTEMPTS {
            let user = self.acting_user(actor).await?;
            let known = self.read_factor(&user.id).await?;
            if known.is_some_and(|known| known.is_confirmed) {
                return Err(ManagementError::Duplicate("second factor"));
            }
            let factor = self.unconfirmed(actor, &user).await?.ok_or(ManagementError::LinkEnded)?;
            let step = match Typed::read(code) {
                Some(Typed::Code(code)) => step_of(&self.open_factor(&factor).await?, &code, self.now())?,
                _ => None,
            };
            let last_step = step.ok_or(ManagementError::WrongCode)?;
            let confirmed = StoredFactor { is_confirmed: true, begun_by: None, last_step, ..factor.value.clone() };
            let draft = Draft::new(actor, "user.add_second_factor", Target::new("user", &user.id))
                .after(json!({"app": true, "factors": confirmed.count()}));
            if let Some(codes) = self.add_factor(actor, &user, &factor, confirmed, draft).await? {
                return Ok(codes);
            }
        }
        Err(ManagementError::Stale)
    }

    /// The first factor comes with recovery codes, and ends what began without it. Returns `None` after a conflict.
    pub(super) async fn add_factor(
        &self,
        actor: &Actor,
        user: &Versioned<StoredUser>,
        known: &Versioned<StoredFactor>,
        next: StoredFactor,
        draft: Draft,
    ) -> Result<Option<Vec<Zeroizing<String>>>, ManagementError> {
        if user.second_factor_at.is_some() {
            let writes = vec![known.replace(&next)?, user.expect()];
            return Ok(self.commit(writes, draft).await?.is_ok().then(Vec::new));
        }
        let codes = NewCodes::of(user)?;
        let next = StoredFactor { recovery_codes: codes.digests, ..next };
        let epoch = user.epoch + 1;
        let changed = StoredUser { second_factor_at: Some(self.now()), epoch, ..user.value.clone() };
        let mut writes = vec![known.replace(&next)?, user.replace(&changed)?];
        if let Who::User { through: Through::Session(digest), .. } = &actor.who {
            let own: Versioned<StoredSession> = self.get(digest).await?.ok_or(ManagementError::SignedOut)?;
            writes.push(own.replace(&StoredSession { epoch, ..own.value.clone() })?);
        }
        Ok(self.commit(writes, draft).await?.is_ok().then_some(codes.shown))
    }

    /// Replaces all recovery codes of the acting user, with a code of the second factor. Returns them, shown once.
    ///
    /// # Errors
    /// [`ManagementError::WrongCode`], [`ManagementError::Throttled`], [`ManagementError::UsersOnly`].
    pub async fn renew_recovery_codes(
        &self,
        actor: &Actor,
        code: &str,
    ) -> Result<Vec<Zeroizing<String>>, ManagementError> {
        self.renew_recovery_codes_with(actor, Proof::Code(code)).await
    }

    pub(crate) async fn renew_recovery_codes_with(
        &self,
        actor: &Actor,
        proof: Proof<'_>,
    ) -> Result<Vec<Zeroizing<String>>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let draft = Draft::new(actor, "user.renew_recovery_codes", Target::new("user", &user.id));
        self.use_proof(actor, &user, proof, &draft).await?;
        let factor = self.read_factor(&user.id).await?.ok_or(ManagementError::Stale)?;
        let codes = NewCodes::of(&user)?;
        let renewed = StoredFactor { recovery_codes: codes.digests, ..factor.value.clone() };
        self.commit_or_stale(vec![factor.replace(&renewed)?], draft.after(json!({"left": RECOVERY_CODES}))).await?;
        Ok(codes.shown)
    }

    /// Removes the acting user's second factor with all its parts, with a code of the app or a recovery code.
    ///
    /// # Errors
    /// [`ManagementError::WrongCode`], [`ManagementError::Throttled`], [`ManagementError::UsersOnly`].
    pub async fn remove_own_second_factor(&self, actor: &Actor, code: &str) -> Result<(), ManagementError> {
        self.remove_own_second_factor_with(actor, Proof::Code(code)).await
    }

    pub(crate) async fn remove_own_second_factor_with(
        &self,
        actor: &Actor,
        proof: Proof<'_>,
    ) -> Result<(), ManagementError> {
        let all = |factor: &StoredFactor| {
            let next = StoredFactor { passkeys: Vec::new(), ..factor.without_app() };
            Some((next, json!({"factors": factor.count()})))
        };
        self.remove_own_factor(actor, proof, "second factor", all).await
    }

    /// The proof is used up, whatever happens next. `without` returns the record without the factor, and what the audit log says about
    /// it.
    pub(super) async fn remove_own_factor(
        &self,
        actor: &Actor,
        proof: Proof<'_>,
        what: &'static str,
        without: impl Fn(&StoredFactor) -> Option<(StoredFactor, Value)>,
    ) -> Result<(), ManagementError> {
        let user = self.acting_user(actor).await?;
        let known = self.read_factor(&user.id).await?;
        if known.is_none_or(|known| without(&known).is_none()) {
            return Err(ManagementError::NotFound(what));
        }
        let draft = Draft::new(actor, "user.remove_second_factor", Target::new("user", &user.id));
        self.use_proof(actor, &user, proof, &draft).await?;
        for _ in 0..ATTEMPTS {
            let user = self.acting_user(actor).await?;
            let Some(factor) = self.read_factor(&user.id).await? else { return Ok(()) };
            let Some((next, removed)) = without(&factor) else { return Ok(()) };
            let writes = if next.count() > 0 {
                vec![factor.replace(&next)?]
            } else {
                let changed = StoredUser { second_factor_at: None, ..user.value.clone() };
                vec![user.replace(&changed)?, factor.remove()]
            };
            let draft = draft.clone().before(removed).after(json!({"factors": next.count()}));
            if self.commit(writes, draft).await?.is_ok() {
                return Ok(());
            }
        }
        Err(ManagementError::Stale)
    }

    pub(super) async fn use_proof(
        &self,
        actor: &Actor,
        user: &StoredUser,
        proof: Proof<'_>,
        draft: &Draft,
    ) -> Result<(), ManagementError> {
        if user.second_factor_at.is_none() {
            return Err(ManagementError::NotFound("second factor"));
        }
        self.0.throttle.check_actor(actor)?;
        let writes = self.check_factor(&actor.context, user, Some(proof), Asked::SignedIn, draft).await?;
        if writes.is_empty() || self.write_quietly(&writes).await? { Ok(()) } else { Err(ManagementError::WrongCode) }
    }

    /// Another session of the user could belong to a thief, who would learn the secret or put an own one in its place.
    async fn unconfirmed(
        &self,
        actor: &Actor,
        user: &StoredUser,
    ) -> Result<Option<Versioned<StoredFactor>>, ManagementError> {
        let is_good = |factor: &Versioned<StoredFactor>| {
            factor.begun_by.is_some()
                && factor.begun_by == actor.holder()
                && !factor.is_confirmed
                && factor.set_up_ends_at() > self.now()
        };
        Ok(self.read_factor(&user.id).await?.filter(is_good))
    }
}
