//! Sign-in links, and the deletion of accounts.

use keyward::manage::SignInLinkDraft;

use super::*;

const DELETIONS_WRITE: u32 = 1 << 13;
const LINK_LIFE: i64 = 60_000;
const MOST_SESSIONS: usize = 4;
const LINK_SESSION_LIFE: i64 = 8 * HOUR;
/// A session of a link counts as recent for an hour, and other sessions for 12.
const AGED: i64 = RECENT / HOUR;

pub(super) struct SignInLink {
    pub(super) secret: String,
    pub(super) user: UserId,
    pub(super) maker: Principal,
    pub(super) made_by: Side,
    pub(super) ends_at: i64,
    pub(super) is_used: bool,
}

pub(super) struct LinkSession {
    pub(super) secret: String,
    pub(super) user: UserId,
    pub(super) side: Side,
    pub(super) maker: Principal,
    pub(super) created_at: i64,
}

impl World {
    /// What an active key with `users:sign_in` reaches by links.
    pub(super) fn by_links(&self, holding: &Holding) -> Vec<Holding> {
        if !holding.signs_in() {
            return Vec::new();
        }
        let of = |account: &&AccountId| match &holding.account {
            Some(own) => own == *account,
            None => **account != self.operator,
        };
        let developer = |account| Holding::of_member(account, &self.operator, Role::Developer);
        self.accounts.iter().filter(of).map(developer).collect()
    }

    /// Returns `true` if there is a new link.
    pub(super) async fn make_link(&mut self, by: u8, user: u8) -> Checked<bool> {
        let Some(Acting { by: maker, side, actor, age }) = self.actor(by).await else { return Ok(false) };
        let Some(id) = pick(&self.people, user).map(|person| person.id.clone()) else { return Ok(false) };
        let draft = SignInLinkDraft::new(id.as_str());
        let Some(link) = fine(self.management.create_sign_in_link(&actor, &draft).await)? else { return Ok(false) };
        self.check_recent(age)?;
        self.check_covers(&maker, &id, "a link offers")?;
        let (secret, ends_at) = (link.secret.to_string(), self.now() + LINK_LIFE);
        self.sign_in_links.push(SignInLink { secret, user: id, maker, made_by: side, ends_at, is_used: false });
        Ok(true)
    }

    fn check_covers(&self, maker: &Principal, user: &UserId, what: &str) -> Checked<()> {
        let known = self.of_principal(maker);
        match self.of_user(user).iter().find_map(|holding| beyond(holding, &known)) {
            Some(ability) => Err(format!("{what} {ability}: not held by its maker")),
            None => Ok(()),
        }
    }

    /// The maker opens it for the person. An attacker keeps it.
    pub(super) async fn use_link(&mut self, number: u8) -> Checked<()> {
        let count = self.sign_in_links.len();
        if count == 0 {
            return Ok(());
        }
        let place = count - 1 - usize::from(number) % count.min(4);
        let SignInLink { secret, user, maker, made_by, ends_at, is_used } = &self.sign_in_links[place];
        let (secret, user, maker, ended) =
            (secret.clone(), user.clone(), maker.clone(), *is_used || *ends_at <= self.now());
        let side = match made_by {
            // After the attackers have lost the maker, they gained what they had at the creation.
            Attacker if !self.is_attackers(&maker) => return Ok(()),
            Attacker => Attacker,
            Honest if self.is_attackers(&Principal::User(user.clone())) => Attacker,
            Honest => Honest,
        };
        let begun = fine(self.management.sign_in_with_link(&Context::new(), &secret).await)?;
        self.sign_in_links[place].is_used |= begun.is_some();
        let Some(begun) = begun else { return Ok(()) };
        if ended {
            return Err("a link that was used or has ended began a session".to_owned());
        }
        self.check_covers(&maker, &user, "a link gave")?;
        self.check_password_of_stranger(&user).await?;
        let (secret, created_at) = (begun.session.to_string(), self.now());
        self.link_sessions.push(LinkSession { secret, user, side, maker, created_at });
        Ok(())
    }

    /// A person who may never have read the mailbox chose the password. It ends, with all sessions and tokens.
    async fn check_password_of_stranger(&mut self, user: &UserId) -> Checked<()> {
        let Some(person) = self.people.iter_mut().find(|person| person.id == *user) else { return Ok(()) };
        if person.proven || person.password.take().is_none() {
            return Ok(());
        }
        person.by_links_only = person.linked.is_none();
        let email = MAILBOXES[person.mailbox].0;
        for side in [Honest, Attacker] {
            if self.management.sign_in(&Context::new(), email, password(side)).await.is_ok() {
                return Err("a password outlived the use of a sign-in link".to_owned());
            }
        }
        self.check_signed_out(user).await
    }

    /// A session counts only while its maker has all rights of its user. Each call uses the newest sessions, so that they stay.
    pub(super) async fn check_link_sessions(&mut self) -> Checked<()> {
        let mut place = self.link_sessions.len();
        for _ in 0..place.min(MOST_SESSIONS) {
            place -= 1;
            let LinkSession { secret, user, maker, created_at, .. } = &self.link_sessions[place];
            let Ok(actor) = self.management.session(secret, Context::new()).await else {
                self.link_sessions.remove(place);
                continue;
            };
            let age = self.now() - created_at;
            if age >= LINK_SESSION_LIFE {
                return Err("a session of a link outlived 8 hours".to_owned());
            }
            let is_recent = fine(self.management.has_signed_in_recently(&actor).await)?;
            if is_recent != Some(age < HOUR) {
                return Err(format!("after {} minutes, a session of a link is recent: {is_recent:?}", age / 60_000));
            }
            self.check_covers(maker, user, "a session of a link has")?;
        }
        Ok(())
    }

    async fn link_session(&self, number: u8) -> Option<(&LinkSession, Actor)> {
        let count = self.link_sessions.len();
        let place = count.checked_sub(1 + usize::from(number) % count.clamp(1, MOST_SESSIONS))?;
        let session = &self.link_sessions[place];
        Some((session, self.management.session(&session.secret, Context::new()).await.ok()?))
    }

    /// An owner of another account has more rights than the maker of the link.
    pub(super) async fn create_in_link(&mut self, session: u8) -> Checked<()> {
        let Some((_, actor)) = self.link_session(session).await else { return Ok(()) };
        match fine(self.management.create_account(&actor, "Another").await)? {
            Some(_) => Err("a session of a link created an account".to_owned()),
            None => Ok(()),
        }
    }

    /// The maker of the link may hold the session, but reads no mail of the user.
    pub(super) async fn join_in_link(&mut self, session: u8, link: u8) -> Checked<()> {
        let Some((LinkSession { user, .. }, actor)) = self.link_session(session).await else { return Ok(()) };
        let mailbox = self.person(user).map(|person| person.mailbox);
        let invited: Vec<_> = self.links.iter().filter(|link| link.is_open && Some(link.mailbox) == mailbox).collect();
        let Some(invited) = pick(&invited, link) else { return Ok(()) };
        let by_link = fine(self.management.join_by_link(&actor, &invited.secret).await)?;
        let by_id = fine(self.management.join(&actor, &invited.id).await)?;
        match by_link.or(by_id) {
            Some(_) => Err("a session of a link joined an account".to_owned()),
            None => Ok(()),
        }
    }

    pub(super) async fn by_link_session(&mut self, number: u8) -> Option<Acting> {
        let (LinkSession { user, side, maker, created_at, .. }, actor) = self.link_session(number).await?;
        let (side, age) = (*side, self.now() - created_at);
        let (user, maker) = (user.clone(), maker.clone());
        // What an honest maker lets an attacker see belongs to the attackers only while the user does.
        let theirs = [Principal::User(user.clone()), maker].iter().any(|principal| self.is_attackers(principal));
        (side == Honest || theirs).then(|| Acting { by: Principal::User(user), side, actor, age: age * AGED })
    }

    pub(super) async fn check_link_sessions_ended(&mut self, user: &UserId) -> Checked<()> {
        for session in self.link_sessions.iter().filter(|session| session.user == *user) {
            if self.management.session(&session.secret, Context::new()).await.is_ok() {
                return Err("a session of a link survived an operation that ends it".to_owned());
            }
        }
        self.link_sessions.retain(|session| session.user != *user);
        for link in self.sign_in_links.iter().filter(|link| link.user == *user) {
            if self.management.sign_in_with_link(&Context::new(), &link.secret).await.is_ok() {
                return Err("a sign-in link survived an operation that ends it".to_owned());
            }
        }
        Ok(())
    }

    pub(super) async fn delete_account(&mut self, by: u8, account: u8) -> Checked<bool> {
        let Some(Acting { by, actor, age, .. }) = self.actor(by).await else { return Ok(false) };
        let account = self.account(&by, account);
        let Ok(known) = self.management.account(&Self::system(), &account).await else { return Ok(false) };
        let done = fine(self.management.delete_account(&actor, &account, known.version).await)?;
        if done.is_none() {
            return Ok(false);
        }
        let may_delete = |holding: &Holding| holding.account.is_none() && holding.scopes & DELETIONS_WRITE != 0;
        if account == self.operator || !self.of_principal(&by).iter().any(may_delete) {
            return Err(format!("{account} was deleted by an actor that may not"));
        }
        self.check_recent(age)?;
        self.accounts.retain(|known| *known != account);
        self.members.retain(|(place, _), _| *place != account);
        self.had_owner.remove(&account);
        self.suspended.remove(&account);
        self.maxima.remove(&account);
        for link in self.links.iter_mut().filter(|link| link.account == account) {
            link.is_open = false;
        }
        self.read_keys().await;
        if let Some(key) = self.keys.iter().find(|key| key.account == account && self.is_active(key)) {
            return Err(format!("the key {} works after the deletion of its account", key.id));
        }
        if self.management.account(&Self::system(), &account).await.is_ok() {
            return Err(format!("{account} is known after its deletion"));
        }
        Ok(true)
    }
}
