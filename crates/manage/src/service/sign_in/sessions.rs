pub use keyward_api_types::Session as SessionView;
use keyward_core::Timestamp;
use zeroize::Zeroizing;

use crate::actor::{Actor, Context, Through, Who};
use crate::error::ManagementError;
use crate::records::{Entity, StoredSession, StoredUser, User, Versioned, digest_of, new_secret};
use crate::service::audit::{Draft, Target};
use crate::service::page::{Page, PageRequest};
use crate::service::{ATTEMPTS, Management};
use crate::store::{Kind, List};

/// In milliseconds.
const SEEN_EVERY: i64 = 60_000;

/// A new session.
pub struct SignedIn {
    /// The cookie's secret.
    pub session: Zeroizing<String>,
    /// The user.
    pub user: User,
    /// Latest end.
    pub ends_at: Timestamp,
    /// Proof for a long-lived cookie and [`Context::device`], unless creating it failed.
    pub device: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("user", &self.user.id).finish_non_exhaustive()
    }
}

impl Management {
    /// Returns a session's actor.
    ///
    /// # Errors
    /// [`ManagementError::SignedOut`].
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
            let idle_at = now.saturating_add(self.session_idle(&stored));
            let seen = StoredSession { last_seen_at: now, idle_at, ..stored.value.clone() };
            // Another request may have written it, and a full disk must not sign users out.
            if let Err(error) = self.write_quietly(&[stored.replace(&seen)?]).await {
                keyward_core::log_limited!(warn, %error, "cannot record the last use of a session");
            }
        }
        Ok(Actor::of_session(stored.value.user, digest, context))
    }

    /// Lists the acting user's sessions.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`], [`ManagementError::Invalid`].
    pub async fn own_sessions(&self, actor: &Actor, page: &PageRequest) -> Result<Page<SessionView>, ManagementError> {
        let user = self.acting_user(actor).await?;
        let mut list = List::of(Kind::Session, 0).owner(user.id.as_str());
        list.newest_first = true;
        let now = self.now();
        let sessions = self.list::<StoredSession>(&page.apply(list)?).await?;
        let mut page = page.page(sessions);
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
            by_link: session.link_maker.is_some(),
        }))
    }

    /// Ends the actor's session or tokens.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), ManagementError> {
        let Who::User { id, through } = &actor.who else { return Err(ManagementError::UsersOnly) };
        for _ in 0..ATTEMPTS {
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

    /// Ends every session and token of the acting user.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn sign_out_everywhere(&self, actor: &Actor) -> Result<(), ManagementError> {
        let user = self.acting_user(actor).await?;
        let next = StoredUser { epoch: user.epoch + 1, ..user.value.clone() };
        let draft = Draft::new(actor, "session.end_all", Target::new("user", &user.id));
        self.commit_or_stale(vec![user.replace(&next)?], draft).await
    }

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
            link_maker: None,
        };
        Ok((secret, session))
    }
}
