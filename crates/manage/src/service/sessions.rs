//! Signing in to the dashboard, and sessions.

pub use keyward_api_types::Session as SessionView;
use keyward_core::Timestamp;
use zeroize::Zeroizing;

use super::Management;
use super::audit::{Draft, Target};
use super::email::TypedEmail;
use super::page::{Page, PageRequest};
use super::password::{Lane, Match};
use super::throttle::{Attempt, network};
use crate::actor::{Actor, Context, Through, Who};
use crate::error::ManagementError;
use crate::records::{Entity, Family, StoredSession, StoredUser, User, Versioned, digest_of, new_secret};
use crate::store::{Kind, List, Write};

/// How many networks of a user are known.
const NETWORKS: usize = 8;

/// A session is written as used once in so many milliseconds.
const SEEN_EVERY: i64 = 60_000;

/// Somebody who has signed in.
pub struct SignedIn {
    /// The session's id, for the cookie and for nothing else: only its hash is stored.
    pub session: Zeroizing<String>,
    /// Who it is.
    pub user: User,
    /// When the session ends however much it is used.
    pub ends_at: Timestamp,
    /// The proof that this device has signed in, for a long-lived cookie and for [`Context::device`] at later sign-ins. It opens
    /// nothing. None if it could not be made.
    pub device: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("user", &self.user.id).finish_non_exhaustive()
    }
}

impl Management {
    /// Begins a session for whoever has this e-mail address and password.
    ///
    /// # Errors
    /// [`ManagementError::WrongCredentials`], whichever of the two is wrong; [`ManagementError::Throttled`], [`ManagementError::Busy`],
    /// [`ManagementError::PasswordsOff`].
    pub async fn sign_in(&self, context: &Context, email: &str, password: &str) -> Result<SignedIn, ManagementError> {
        let (user, signed_in) = self.check_password(context, email, password).await?;
        let (secret, session) = self.new_session(context, &signed_in)?;
        let draft = Draft::anonymous(context, "session.begin", Target::new("user", &user.id));
        self.commit_sign_in(&user, &signed_in, vec![session.insert()?], draft).await?;
        let device = self.prove_device(context, &signed_in).await;
        Ok(SignedIn { session: secret, user: User::from(&signed_in), ends_at: session.ends_at, device })
    }

    /// Whoever holds this session.
    ///
    /// # Errors
    /// [`ManagementError::SignedOut`] if it has ended or never was.
    pub async fn session(&self, session: &str, context: Context) -> Result<Actor, ManagementError> {
        let digest = digest_of(session);
        let stored: Versioned<StoredSession> = self.get(&digest).await?.ok_or(ManagementError::SignedOut)?;
        let now = self.now();
        if stored.expires_at().is_some_and(|end| end <= now) {
            return Err(ManagementError::SignedOut);
        }
        let user: Versioned<StoredUser> = self.get(stored.user.as_str()).await?.ok_or(ManagementError::SignedOut)?;
        if user.epoch != stored.epoch {
            return Err(ManagementError::SignedOut);
        }
        if now.as_millis() - stored.last_seen_at.as_millis() >= SEEN_EVERY {
            let idle_at = now.saturating_add(self.0.settings.session_idle);
            let seen = StoredSession { last_seen_at: now, idle_at, ..stored.value.clone() };
            // Another request may have noted it meanwhile, and a full disk must not sign anybody out.
            if let Err(error) = self.write_quietly(&[stored.replace(&seen)?]).await {
                keyward_core::log_limited!(warn, %error, "the use of a session was not noted");
            }
        }
        Ok(Actor::of_session(stored.value.user, digest, context))
    }

    /// The sessions of the acting user.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`], [`ManagementError::Invalid`] for a bad cursor.
    pub async fn own_sessions(&self, actor: &Actor, page: &PageRequest) -> Result<Page<SessionView>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let mut list = List::of(Kind::Session, 0).owner(user.id.as_str());
        list.newest_first = true;
        let now = self.now();
        let sessions = self.list::<StoredSession>(&page.apply(list)?).await?;
        let mut page = page.page(sessions, |session| (session.sort(), session.value.id()));
        page.items.retain(|session| session.epoch == user.epoch && session.expires_at().is_some_and(|end| end > now));
        let own = match &actor.who {
            Who::User { through: Through::Session(digest), .. } => Some(digest.clone()),
            _ => None,
        };
        Ok(page.map(|Versioned { value: session, .. }| SessionView {
            current: own.as_ref() == Some(&session.digest),
            id: session.digest.chars().take(16).collect(),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            address: session.address,
            user_agent: session.user_agent,
        }))
    }

    /// Ends the session, or the tokens, that the actor came with.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`] for keys and programs.
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), ManagementError> {
        let Who::User { id, through } = &actor.who else { return Err(ManagementError::UsersOnly) };
        for _ in 0..super::ATTEMPTS {
            let writes = match through {
                Through::Session(digest) => {
                    self.get::<StoredSession>(digest).await?.map(|session| vec![session.remove()]).unwrap_or_default()
                }
                Through::Token(token) => self.end_family_of(token).await?,
            };
            let draft = Draft::new(actor, "session.end", Target::new("user", id));
            if writes.is_empty() || self.commit(writes, draft).await?.is_ok() {
                return Ok(());
            }
        }
        Err(ManagementError::Stale)
    }

    /// Ends every session and every token of the acting user, this one among them.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`] for keys and programs.
    pub async fn sign_out_everywhere(&self, actor: &Actor) -> Result<(), ManagementError> {
        let user = self.acting_user(actor).await?;
        let next = StoredUser { epoch: user.epoch + 1, ..user.value.clone() };
        let draft = Draft::new(actor, "session.end_all", Target::new("user", &user.id));
        self.commit_or_stale(vec![user.replace(&next)?], draft).await
    }

    /// A session of somebody who has shown who they are.
    pub(crate) fn new_session(
        &self,
        context: &Context,
        user: &StoredUser,
    ) -> Result<(Zeroizing<String>, StoredSession), ManagementError> {
        let secret = new_secret("kws_")?;
        let now = self.now();
        let session = StoredSession {
            digest: digest_of(&secret),
            user: user.id.clone(),
            epoch: user.epoch,
            created_at: now,
            last_seen_at: now,
            ends_at: now.saturating_add(self.0.settings.session_life),
            idle_at: now.saturating_add(self.0.settings.session_idle),
            address: context.address.map(|address| address.to_string()),
            user_agent: context.user_agent.clone(),
        };
        Ok((secret, session))
    }

    /// The user with this password, and what is to be stored of them as signed in.
    pub(crate) async fn check_password(
        &self,
        context: &Context,
        email: &str,
        password: &str,
    ) -> Result<(Versioned<StoredUser>, StoredUser), ManagementError> {
        self.check_passwords_count()?;
        let email = TypedEmail::read(email).ok_or(ManagementError::WrongCredentials)?;
        let (user, lane) = self.admit_attempt(context, &email).await?;
        let stored = user.as_ref().and_then(|user| user.password.clone());
        let matches = self.0.passwords.verify(lane, password, stored).await?;
        let is_right = matches != Match::No;
        let Some(user) = user.filter(|user| is_right && user.disabled_at.is_none()) else {
            // Logged without a name, whether there is such a user or not, so that both take as long.
            let draft = Draft::anonymous(context, "session.begin", Target::new("user", ""));
            self.note_refused(draft);
            return Err(ManagementError::WrongCredentials);
        };
        let mut signed_in = StoredUser { last_sign_in_at: Some(self.now()), ..user.value.clone() };
        if let Some(address) = context.address.map(network) {
            signed_in.known_networks.retain(|known| *known != address);
            signed_in.known_networks.insert(0, address);
            signed_in.known_networks.truncate(NETWORKS);
        }
        let is_outdated = |hash: &str| matches == Match::NotNormalised || self.0.passwords.is_outdated(hash);
        if user.password.as_deref().is_some_and(is_outdated) {
            signed_in.password = Some(self.0.passwords.hash_in(Lane::Known, password).await?);
        }
        Ok((user, signed_in))
    }

    /// Counts an attempt to sign in, and finds the user. A device that the user has signed in with has a budget that no stranger can use
    /// up, and so has a network. Everybody else shares those of their address and of the e-mail address.
    async fn admit_attempt(
        &self,
        context: &Context,
        email: &TypedEmail,
    ) -> Result<(Option<Versioned<StoredUser>>, Lane), ManagementError> {
        let throttle = &self.0.throttle;
        // Read before the user, so that a flood without proofs costs no read once its address is throttled.
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
            // The proof has ended, so it is a stranger's after all.
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

    /// Writes that somebody has signed in. If the user was changed meanwhile, they are read again, unless their sessions were ended.
    pub(crate) async fn commit_sign_in(
        &self,
        user: &Versioned<StoredUser>,
        signed_in: &StoredUser,
        mut writes: Vec<Write>,
        draft: Draft,
    ) -> Result<(), ManagementError> {
        let (mut known, mut signed_in) = (user.clone(), signed_in.clone());
        for _ in 0..super::ATTEMPTS {
            writes.push(known.replace(&signed_in)?);
            if self.commit(writes.clone(), draft.clone()).await?.is_ok() {
                return Ok(());
            }
            writes.pop();
            known = self.get(user.id.as_str()).await?.ok_or(ManagementError::WrongCredentials)?;
            // Two sign-ins may have hashed the same outdated password: the hash that was stored first stays.
            let is_rehashed = user.password != signed_in.password && known.password.is_some();
            if known.epoch != user.epoch || (known.password != user.password && !is_rehashed) {
                return Err(ManagementError::WrongCredentials);
            }
            let known_networks = signed_in.known_networks;
            signed_in = StoredUser { last_sign_in_at: Some(self.now()), known_networks, ..known.value.clone() };
        }
        Err(ManagementError::Stale)
    }

    pub(crate) fn is_live(&self, family: &Family, user: &StoredUser) -> bool {
        family.revoked_at.is_none() && family.ends_at > self.now() && family.epoch == user.epoch
    }
}
