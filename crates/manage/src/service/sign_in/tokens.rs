use keyward_core::id::UserId;
use keyward_core::key::KeyKind;
use keyward_core::network::around;
use keyward_core::{AccountId, CredentialId, Mode, PlainKey, Timestamp};
use zeroize::Zeroizing;

use super::throttle::{Attempt, network};
use crate::actor::Context;
use crate::error::ManagementError;
use crate::proof::Proof;
use crate::records::{
    AccessToken, Asked, Entity, Family, RefreshToken, StoredUser, User, Versioned, digest_of, new_id, new_secret,
};
use crate::service::Management;
use crate::service::audit::{Draft, Outcome, Target};
use crate::store::Write;

const REFRESH_PREFIX: &str = "kwt_";

/// New tokens, shown once.
pub struct Tokens {
    /// For the `Authorization` header.
    pub access: PlainKey,
    /// Its expiry time.
    pub access_ends_at: Timestamp,
    /// For one use.
    pub refresh: Zeroizing<String>,
    /// Its expiry time.
    pub refresh_ends_at: Timestamp,
    /// The user.
    pub user: UserId,
    /// Default account of its requests.
    pub account: AccountId,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Management {
    /// Issues tokens for a password.
    ///
    /// # Errors
    /// [`ManagementError::WrongCredentials`], [`ManagementError::Throttled`]; [`ManagementError::CodeRequired`] if the user has a
    /// second factor.
    pub async fn issue_tokens(
        &self,
        context: &Context,
        email: &str,
        password: &str,
    ) -> Result<Tokens, ManagementError> {
        self.issue_tokens_with_code(context, email, password, None).await
    }

    /// Issues tokens for a password and, if the user has a second factor, its code or a recovery code.
    ///
    /// # Errors
    /// [`ManagementError::CodeRequired`], [`ManagementError::WrongCode`], and those of [`issue_tokens`](Self::issue_tokens).
    pub async fn issue_tokens_with_code(
        &self,
        context: &Context,
        email: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<Tokens, ManagementError> {
        let (user, signed_in) = self.check_password(context, email, password).await?;
        let draft =
            Draft::anonymous(context, "token.issue", Target::new("user", &user.id)).after(User::from(&signed_in));
        let mut writes = self.check_factor(context, &user, code.map(Proof::Code), Asked::AtSignIn, &draft).await?;
        let account = self.first_account(&user.id).await?.unwrap_or_else(|| self.operator().clone());
        let now = self.now();
        let family = Family {
            id: new_id("fam")?,
            user: user.id.clone(),
            account,
            epoch: signed_in.epoch,
            created_at: now,
            ends_at: now.saturating_add(self.0.settings.family_life),
            revoked_at: None,
            last_seen_at: Some(now),
            last_seen_from: context.address.map(around),
            user_agent: context.user_agent.clone(),
        };
        let (tokens, new) = self.new_tokens(&family)?;
        writes.extend(new);
        writes.push(family.insert()?);
        // Programs have no cookie, so a network stands for the device.
        let is_known = context.address.is_some_and(|address| user.known_networks.contains(&network(address)));
        writes.extend(self.mail_of_sign_in(context, &user, is_known).await?);
        self.commit_sign_in(&user, &signed_in, writes, draft).await?;
        Ok(tokens)
    }

    /// Exchanges a refresh token for new tokens. A second use ends every token of the sign-in.
    ///
    /// # Errors
    /// [`ManagementError::SignedOut`], [`ManagementError::Throttled`].
    pub async fn refresh_tokens(&self, context: &Context, token: &str) -> Result<Tokens, ManagementError> {
        self.0.throttle.check_address(Attempt::Refresh, context)?;
        if !token.starts_with(REFRESH_PREFIX) || token.len() > 100 {
            return Err(ManagementError::SignedOut);
        }
        let refresh: Versioned<RefreshToken> = self.get(&digest_of(token)).await?.ok_or(ManagementError::SignedOut)?;
        let family: Versioned<Family> = self.get(&refresh.family).await?.ok_or(ManagementError::SignedOut)?;
        let user: Versioned<StoredUser> = self.get(family.user.as_str()).await?.ok_or(ManagementError::SignedOut)?;
        if !self.is_live(&family, &user) {
            return Err(ManagementError::SignedOut);
        }
        if refresh.used_at.is_some() {
            self.end_reused(context, family).await?;
            return Err(ManagementError::SignedOut);
        }
        let now = self.now();
        if refresh.ends_at <= now {
            return Err(ManagementError::SignedOut);
        }
        let (tokens, mut writes) = self.new_tokens(&family)?;
        let used = RefreshToken { used_at: Some(now), ..refresh.value.clone() };
        writes.push(refresh.replace(&used)?);
        // The family is written too, so that no tokens are added to a family that is being ended.
        let last_seen_from = context.address.map(around);
        writes.push(family.replace(&Family { last_seen_at: Some(now), last_seen_from, ..family.value.clone() })?);
        let draft = Draft::anonymous(context, "token.refresh", Target::new("user", &user.id));
        if self.commit(writes, draft).await?.is_err() {
            // A concurrent request used the token.
            if let Some(family) = self.get::<Family>(&refresh.family).await? {
                self.end_reused(context, family).await?;
            }
            return Err(ManagementError::SignedOut);
        }
        Ok(tokens)
    }

    async fn end_reused(&self, context: &Context, family: Versioned<Family>) -> Result<(), ManagementError> {
        let target = Target::new("user", &family.user);
        let id = family.value.id.clone();
        let mut family = Some(family);
        while let Some(known) = family.filter(|known| known.revoked_at.is_none()) {
            tracing::warn!(user = %known.user, "a refresh token was used twice: its family was ended");
            let ended = Family { revoked_at: Some(self.now()), ..known.value.clone() };
            let draft = Draft::anonymous(context, "token.reuse", target.clone()).outcome(Outcome::Refused);
            if self.commit(vec![known.replace(&ended)?], draft).await?.is_ok() {
                break;
            }
            family = self.get(&id).await?;
        }
        Ok(())
    }

    pub(crate) async fn end_family_of(&self, token: &CredentialId) -> Result<Vec<Write>, ManagementError> {
        let Some(access) = self.find::<AccessToken>(token.as_str()).await? else { return Ok(Vec::new()) };
        let family = self.get::<Family>(&access.family).await?;
        let Some(family) = family.filter(|family| family.revoked_at.is_none()) else { return Ok(Vec::new()) };
        let ended = Family { revoked_at: Some(self.now()), ..family.value.clone() };
        Ok(vec![family.replace(&ended)?])
    }

    fn new_tokens(&self, family: &Family) -> Result<(Tokens, Vec<Write>), ManagementError> {
        let now = self.now();
        let token =
            self.0.token_format.generate(KeyKind::Restricted, Mode::Live).map_err(|_| ManagementError::Internal)?;
        let digest = {
            let parsed = token.parse(&self.0.token_format).map_err(|_| ManagementError::Internal)?;
            keyward_core::key::Hasher::default().digest(&parsed)
        };
        let refresh_secret = new_secret(REFRESH_PREFIX)?;
        let access = AccessToken {
            digest: hex::encode(digest.as_bytes()),
            id: CredentialId::generate(),
            family: family.id.clone(),
            ends_at: family.ends_at.min(now.saturating_add(self.0.settings.access_life)),
        };
        let refresh = RefreshToken {
            digest: digest_of(&refresh_secret),
            family: family.id.clone(),
            ends_at: family.ends_at.min(now.saturating_add(self.0.settings.refresh_life)),
            used_at: None,
        };
        let writes = vec![access.insert()?, refresh.insert()?];
        let tokens = Tokens {
            access: token,
            access_ends_at: access.ends_at,
            refresh: refresh_secret,
            refresh_ends_at: refresh.ends_at,
            user: family.user.clone(),
            account: family.account.clone(),
        };
        Ok((tokens, writes))
    }

    pub(crate) fn is_live(&self, family: &Family, user: &StoredUser) -> bool {
        family.revoked_at.is_none() && family.ends_at > self.now() && family.epoch == user.epoch
    }
}
