use std::collections::HashMap;

pub use keyward_api_types::Session as SessionView;
use keyward_core::Timestamp;
use keyward_core::network::around;
use serde_json::json;
use zeroize::Zeroizing;

use crate::actor::{Actor, Context, Through, Who};
use crate::error::ManagementError;
use crate::records::{AccessToken, Entity, Family, StoredSession, StoredUser, User, Versioned, digest_of, new_secret};
use crate::service::audit::{Draft, Target};
use crate::service::device_name::device_name;
use crate::service::page::{Page, PageRequest};
use crate::service::{ATTEMPTS, Management};
use crate::store::{Kind, List, Write};

/// In milliseconds.
const SEEN_EVERY: i64 = 60_000;
const MAX_ID: usize = 64;
const MOST_LISTED: usize = 200;
const MAX_PAGES: usize = 10;

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
    /// Returns a session's actor. A session of a sign-in link ends when the maker of the link loses its rights.
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
        self.check_maker(&stored).await?;
        if now.as_millis() - stored.last_seen_at.as_millis() >= SEEN_EVERY {
            let idle_at = now.saturating_add(self.session_idle(&stored));
            let last_seen_from = context.address.map(around);
            let seen = StoredSession { last_seen_at: now, last_seen_from, idle_at, ..stored.value.clone() };
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
        let sessions = self.list::<StoredSession>(&page.apply(newest_of(Kind::Session, &user))?).await?;
        let Page { items, next } = page.page(sessions);
        let (open, now) = (items.into_iter().map(|session| session.value), self.now());
        let open = open.filter(|session| self.is_open(session, &user, now)).collect();
        Ok(Page { items: self.session_views(actor, open).await?, next })
    }

    /// Lists the newest 200 sessions of the acting user. Also returns `true` if there are older ones.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn newest_sessions(&self, actor: &Actor) -> Result<(Vec<SessionView>, bool), ManagementError> {
        let (user, now) = (self.acting_user(actor).await?, self.now());
        let list = newest_of(Kind::Session, &user);
        let (open, has_more) = self.newest(list, |session| self.is_open(session, &user, now)).await?;
        Ok((self.session_views(actor, open).await?, has_more))
    }

    async fn session_views(
        &self,
        actor: &Actor,
        sessions: Vec<StoredSession>,
    ) -> Result<Vec<SessionView>, ManagementError> {
        let own = match &actor.who {
            Who::User { through: Through::Session(digest), .. } => Some(digest.clone()),
            _ => None,
        };
        let mut makers = HashMap::new();
        for maker in sessions.iter().filter_map(|session| session.link_maker.as_ref()) {
            if !makers.contains_key(&maker.id) {
                makers.insert(maker.id.clone(), self.name_of_maker(maker).await?);
            }
        }
        let view = |session: StoredSession| SessionView {
            current: own.as_ref() == Some(&session.digest),
            id: short_id(&session.digest).to_owned(),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            last_seen_from: seen_from(&session),
            device: device_name(session.user_agent.as_deref()),
            address: session.address,
            user_agent: session.user_agent,
            by_link: session.link_maker.is_some(),
            link_from: session.link_maker.and_then(|maker| makers.get(&maker.id).cloned()),
        };
        Ok(sessions.into_iter().map(view).collect())
    }

    /// Lists the newest 200 sign-ins of programs of the acting user that have not ended, such as those of `keyward login`.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn own_programs(&self, actor: &Actor) -> Result<Vec<SessionView>, ManagementError> {
        Ok(self.newest_programs(actor).await?.0)
    }

    /// Also returns `true` if there are older sign-ins.
    pub(crate) async fn newest_programs(&self, actor: &Actor) -> Result<(Vec<SessionView>, bool), ManagementError> {
        let user = self.acting_user(actor).await?;
        let own = self.own_family(actor).await?.map(|family| family.value.id);
        let list = newest_of(Kind::Family, &user);
        let (open, has_more) = self.newest(list, |family| self.is_live(family, &user)).await?;
        let view = |family: Family| SessionView {
            current: own.as_ref() == Some(&family.id),
            id: family.id,
            created_at: family.created_at,
            last_seen_at: family.last_seen_at.unwrap_or(family.created_at),
            last_seen_from: family.last_seen_from.map(|network| network.to_string()),
            device: device_name(family.user_agent.as_deref()),
            address: None,
            user_agent: family.user_agent,
            by_link: false,
            link_from: None,
        };
        Ok((open.into_iter().map(view).collect(), has_more))
    }

    /// Those that have ended leave gaps. Also returns `true` if there are older ones.
    async fn newest<E: Entity>(
        &self,
        mut list: List,
        is_open: impl Fn(&E) -> bool,
    ) -> Result<(Vec<E>, bool), ManagementError> {
        let (mut open, mut has_more) = (Vec::new(), true);
        for _ in 0..MAX_PAGES {
            let found = self.list::<E>(&list).await?;
            list.after = found.last().map(|last| (last.value.sort(), last.value.id()));
            has_more = found.len() == list.limit;
            open.extend(found.into_iter().map(|found| found.value).filter(&is_open));
            if open.len() > MOST_LISTED || !has_more {
                break;
            }
        }
        has_more |= open.len() > MOST_LISTED;
        open.truncate(MOST_LISTED);
        Ok((open, has_more))
    }

    /// Ends a session of the acting user, or a program's sign-in with its tokens, with the id in the lists.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`]; [`ManagementError::NotFound`] for another user's, too.
    pub async fn end_own_session(&self, actor: &Actor, id: &str) -> Result<(), ManagementError> {
        // Stores refuse some texts.
        if id.len() > MAX_ID || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(ManagementError::NotFound("session"));
        }
        for _ in 0..ATTEMPTS {
            let user = self.acting_user(actor).await?;
            let (write, user_agent) = self.ending_of(&user, id).await?.ok_or(ManagementError::NotFound("session"))?;
            let draft = Draft::new(actor, "session.end", Target::new("user", &user.id))
                .before(json!({"session": id, "device": device_name(user_agent.as_deref())}));
            if self.commit(vec![write], draft).await?.is_ok() {
                return Ok(());
            }
        }
        Err(ManagementError::Stale)
    }

    async fn ending_of(
        &self,
        user: &Versioned<StoredUser>,
        id: &str,
    ) -> Result<Option<(Write, Option<String>)>, ManagementError> {
        if let Some(family) = self.get::<Family>(id).await? {
            if family.user != user.id || !self.is_live(&family, user) {
                return Ok(None);
            }
            let ended = Family { revoked_at: Some(self.now()), ..family.value.clone() };
            return Ok(Some((family.replace(&ended)?, family.value.user_agent)));
        }
        let now = self.now();
        let sessions = self.list_all::<StoredSession>(List::of(Kind::Session, 500).owner(user.id.as_str())).await?;
        let named =
            |session: &Versioned<StoredSession>| short_id(&session.digest) == id && self.is_open(session, user, now);
        Ok(sessions.into_iter().find(named).map(|session| (session.remove(), session.value.user_agent)))
    }

    fn is_open(&self, session: &StoredSession, user: &StoredUser, now: Timestamp) -> bool {
        session.epoch == user.epoch && session.expires_at().is_some_and(|end| end > now)
    }

    /// Ends every session and token of the acting user but the own one.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`], [`ManagementError::SignedOut`].
    pub async fn sign_out_others(&self, actor: &Actor) -> Result<(), ManagementError> {
        for _ in 0..ATTEMPTS {
            let user = self.acting_user(actor).await?;
            let epoch = user.epoch + 1;
            let mut writes = vec![user.replace(&StoredUser { epoch, ..user.value.clone() })?];
            let own = match &actor.who {
                Who::User { through: Through::Session(digest), .. } => self
                    .get::<StoredSession>(digest)
                    .await?
                    .map(|own| own.replace(&StoredSession { epoch, ..own.value.clone() })),
                _ => self.own_family(actor).await?.map(|own| own.replace(&Family { epoch, ..own.value.clone() })),
            };
            writes.push(own.ok_or(ManagementError::SignedOut)??);
            let draft = Draft::new(actor, "session.end_others", Target::new("user", &user.id));
            if self.commit(writes, draft).await?.is_ok() {
                return Ok(());
            }
        }
        Err(ManagementError::Stale)
    }

    async fn own_family(&self, actor: &Actor) -> Result<Option<Versioned<Family>>, ManagementError> {
        let Who::User { through: Through::Token(token), .. } = &actor.who else { return Ok(None) };
        let Some(access) = self.find::<AccessToken>(token.as_str()).await? else { return Ok(None) };
        Ok(self.get(&access.family).await?)
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
            last_seen_from: context.address.map(around),
            link_maker: None,
        };
        Ok((secret, session))
    }
}

fn newest_of(kind: Kind, user: &StoredUser) -> List {
    let mut list = List::of(kind, 500).owner(user.id.as_str());
    list.newest_first = true;
    list
}

/// It names a session and opens none.
fn short_id(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

fn seen_from(session: &StoredSession) -> Option<String> {
    let begun_from = || session.address.as_ref()?.parse().ok().map(around);
    session.last_seen_from.or_else(begun_from).map(|network| network.to_string())
}
