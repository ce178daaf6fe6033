use keyward::Rejection;
use keyward::adapter::Admission;

use super::*;

impl World {
    /// Without `is_old_good`, the session is recent.
    pub(super) async fn signed_in(&mut self, id: &UserId, side: Side, is_old_good: bool) -> Option<(Actor, i64)> {
        let now = self.now();
        for session in self.sessions.iter().rev().filter(|known| known.user == *id && known.side == side) {
            let age = now - session.created_at;
            if age >= RECENT && !is_old_good {
                break;
            }
            if let Ok(actor) = self.management.session(&session.secret, Context::new()).await {
                return Some((actor, age));
            }
        }
        let person = self.person(id)?;
        let (mailbox, linked) = (person.mailbox, person.linked.clone());
        let secret = if person.password == Some(side) {
            let signed_in = self.management.sign_in(&Context::new(), MAILBOXES[mailbox].0, password(side)).await;
            let secret = signed_in.ok()?.session.to_string();
            self.sessions.push(Session { user: id.clone(), secret: secret.clone(), side, created_at: now });
            secret
        } else {
            let (subject, _) = linked.filter(|(_, of)| *of == side)?;
            match self.come_from_provider(mailbox, subject, side, true, &mut Granted::default()).await {
                Ok(secret) => secret?,
                Err(fault) => {
                    self.fault = Some(fault);
                    return None;
                }
            }
        };
        Some((self.management.session(&secret, Context::new()).await.ok()?, 0))
    }

    pub(super) async fn actor(&mut self, by: u8) -> Option<Acting> {
        if by >= 246 {
            return Some(Acting { by: Principal::System, side: Honest, actor: Self::system(), age: 0 });
        }
        let held: Vec<(CredentialId, AccountId)> = self
            .keys
            .iter()
            .filter(|key| self.holders.contains_key(&key.id))
            .map(|key| (key.id.clone(), key.account.clone()))
            .collect();
        if by.is_multiple_of(3)
            && let Some((id, account)) = pick(&held, by / 3)
        {
            let identity = Identity::api_key(id.clone(), account.clone());
            let (by, side) = (Principal::Key(id.clone()), self.holders[id]);
            return Some(Acting { by, side, actor: Actor::of_identity(&identity, Context::new()), age: 0 });
        }
        if by % 8 == 5
            && let Some(acting) = self.by_link_session(by / 8).await
        {
            return Some(acting);
        }
        if by % 4 == 2
            && let Some(place) = self.family(by / 4)
        {
            return self.by_token(place).await;
        }
        let person = pick(&self.people, by / 3)?;
        let (id, sides) = (person.id.clone(), person.sides());
        let side = *pick(&sides, by % 2)?;
        let (actor, age) = self.signed_in(&id, side, by % 8 == 1).await?;
        Some(Acting { by: Principal::User(id), side, actor, age })
    }

    fn family(&self, number: u8) -> Option<usize> {
        let count = self.families.len();
        (count > 0).then(|| count - 1 - usize::from(number) % count.min(6))
    }

    async fn by_token(&mut self, place: usize) -> Option<Acting> {
        let family = &self.families[place];
        let (access, ends) = family.accesses.last()?;
        let is_good = *ends > self.now();
        let (by, side, access) = (Principal::User(family.user.clone()), family.side, access.clone());
        let identity = self.accepts(&access).await;
        if identity.is_some() != is_good {
            self.fault = Some(format!("an access token is valid: {is_good}; is accepted: {}", identity.is_some()));
        }
        Some(Acting { by, side, actor: Actor::of_identity(&identity?, Context::new()), age: 0 })
    }

    /// Repeats an unavailable answer, because the store may be slow.
    async fn accepts(&self, access: &str) -> Option<Identity> {
        let authenticator = self.management.authenticator().unwrap();
        let field = format!("Bearer {access}");
        for _ in 0..20 {
            match authenticator.authenticate([field.as_bytes()]).await {
                Ok(Admission::Identity(identity)) => return Some(identity),
                Err(Rejection::StoreUnavailable) => {}
                Ok(Admission::Anonymous) | Err(_) => return None,
            }
        }
        panic!("the store was unavailable for every attempt to check an access token");
    }

    pub(super) async fn check_signed_out(&mut self, id: &UserId) -> Checked<()> {
        for session in self.sessions.iter().filter(|session| session.user == *id) {
            if self.management.session(&session.secret, Context::new()).await.is_ok() {
                return Err("a session survived an operation that ends it".to_owned());
            }
        }
        self.sessions.retain(|session| session.user != *id);
        self.check_link_sessions_ended(id).await?;
        let (ended, others): (Vec<Family>, Vec<Family>) =
            std::mem::take(&mut self.families).into_iter().partition(|family| family.user == *id);
        self.families = others;
        for family in ended {
            self.check_ended(&family).await?;
        }
        Ok(())
    }

    async fn check_ended(&self, family: &Family) -> Checked<()> {
        for (access, _) in &family.accesses {
            if self.accepts(access).await.is_some() {
                return Err("an access token survived an operation that ends it".to_owned());
            }
        }
        if self.management.refresh_tokens(&Context::new(), &family.refresh).await.is_ok() {
            return Err("a refresh token survived an operation that ends it".to_owned());
        }
        Ok(())
    }

    pub(super) async fn issue_tokens(&mut self, user: u8) -> Checked<()> {
        let Some(person) = pick(&self.people, user) else { return Ok(()) };
        let (email, disabled) = (MAILBOXES[person.mailbox].0, person.disabled);
        let (id, known) = (person.id.clone(), person.password);
        for side in [Honest, Attacker] {
            let issued = self.management.issue_tokens(&Context::new(), email, password(side)).await;
            if issued.is_ok() != (known == Some(side) && !disabled) {
                return Err(format!(
                    "tokens issued for the password of {side:?}, while {known:?} knows the current one: {}",
                    issued.is_ok()
                ));
            }
            let Ok(tokens) = issued else { continue };
            if !self.has_tokens {
                continue;
            }
            let (now, refresh) = (self.now(), tokens.refresh.to_string());
            let access = (tokens.access.expose_once().to_string(), now + ACCESS_LIFE);
            self.families.push(Family {
                user: id.clone(),
                side,
                accesses: vec![access],
                refresh,
                refresh_ends: now + REFRESH_LIFE,
                used: None,
                ends: now + FAMILY_LIFE,
            });
        }
        Ok(())
    }

    /// A refresh token that was used before ends its whole family.
    pub(super) async fn refresh(&mut self, token: u8, again: bool) -> Checked<()> {
        let Some(place) = self.family(token) else { return Ok(()) };
        let now = self.now();
        if again && let Some(used) = self.families[place].used.clone() {
            if self.management.refresh_tokens(&Context::new(), &used).await.is_ok() {
                return Err("a refresh token worked twice".to_owned());
            }
            let family = self.families.remove(place);
            return if family.ends > now { self.check_ended(&family).await } else { Ok(()) };
        }
        let family = &mut self.families[place];
        let is_good = family.refresh_ends > now && family.ends > now;
        match self.management.refresh_tokens(&Context::new(), &family.refresh).await {
            Ok(tokens) if is_good => {
                family.used = Some(std::mem::replace(&mut family.refresh, tokens.refresh.to_string()));
                family.refresh_ends = family.ends.min(now + REFRESH_LIFE);
                let ends = family.ends.min(now + ACCESS_LIFE);
                family.accesses.push((tokens.access.expose_once().to_string(), ends));
                Ok(())
            }
            Err(_) if !is_good => {
                self.families.remove(place);
                Ok(())
            }
            outcome => Err(format!("a refresh token is valid: {is_good}; {outcome:?}")),
        }
    }

    pub(super) async fn sign_out(&mut self, token: u8, everywhere: bool) -> Checked<()> {
        let Some(place) = self.family(token) else { return Ok(()) };
        let Some(Acting { actor, .. }) = self.by_token(place).await else { return Ok(()) };
        if everywhere {
            self.management.sign_out_everywhere(&actor).await.map_err(|error| error.to_string())?;
            let user = self.families[place].user.clone();
            return self.check_signed_out(&user).await;
        }
        self.management.sign_out(&actor).await.map_err(|error| error.to_string())?;
        let family = self.families.remove(place);
        self.check_ended(&family).await
    }

    pub(super) async fn sign_in_external(&mut self, mailbox: u8, how: u8, granted: &mut Granted) -> Checked<()> {
        // In half of the cases, a linked person signs in again.
        let linked: Vec<usize> =
            self.people.iter().filter(|person| person.linked.is_some()).map(|person| person.mailbox).collect();
        let again = pick(&linked, mailbox).filter(|_| how >= 128).copied();
        let mailbox = again.unwrap_or(usize::from(mailbox) % MAILBOXES.len());
        let reader = MAILBOXES[mailbox].1;
        let (who, side, is_verified) = match how % 8 {
            0..=4 => ("reader", reader, true),
            5 => ("reader", reader, false),
            // An attacker claims any address, which the provider has not verified.
            6 => ("stranger", Attacker, false),
            // The provider has given the address to another account.
            _ => ("heir", reader, true),
        };
        if self.accounts.len() >= MOST_ACCOUNTS && self.people.iter().all(|person| person.mailbox != mailbox) {
            return Ok(());
        }
        self.come_from_provider(mailbox, format!("{who} of {mailbox}"), side, is_verified, granted).await.map(drop)
    }

    /// Returns the session if the model admits the account.
    async fn come_from_provider(
        &mut self,
        mailbox: usize,
        subject: String,
        side: Side,
        is_verified: bool,
        granted: &mut Granted,
    ) -> Checked<Option<String>> {
        let settings = || DashboardSettings::new("Test");
        let pages = self.dashboard.get_or_insert_with(|| dashboard(self.management.clone(), settings())).clone();
        let account = provider::Account { subject: subject.clone(), email: MAILBOXES[mailbox].0, is_verified };
        // With paused time, every wait for a socket would end at once.
        if self.is_paused {
            tokio::time::resume();
        }
        let outcome = provider::sign_in(&pages, &account).await;
        if self.is_paused {
            tokio::time::pause();
        }
        let secret = outcome?;
        let is_linked = |person: &Person| person.linked.as_ref().is_some_and(|(known, _)| *known == subject);
        let known = self.people.iter().position(is_linked);
        let of_address = self.people.iter().position(|person| person.mailbox == mailbox);
        let place = known.or(of_address.filter(|_| is_verified));
        let is_new = place.is_none() && is_verified;
        let may = is_new
            || place.is_some_and(|place| {
                let person = &self.people[place];
                !person.disabled && (known.is_some() || person.linked.is_none())
            });
        if secret.is_some() != may {
            return Err(format!("{account:?} may come in: {may}; came in: {}", secret.is_some()));
        }
        let Some(secret) = secret else { return Ok(None) };
        let created_at = self.now();
        let place = match place {
            Some(place) => place,
            None => {
                self.note_person(mailbox, None, true).await;
                self.note_own_account(granted).await?;
                self.people.len() - 1
            }
        };
        let person = &mut self.people[place];
        let id = person.id.clone();
        person.linked = Some((subject, side));
        // A person who may never have read the mailbox chose the password. It ends, with all sessions and tokens.
        let ends = !person.proven && (known.is_none() || person.password.is_some());
        person.proven |= is_verified;
        if ends {
            person.password = None;
            self.check_signed_out(&id).await?;
            for side in [Honest, Attacker] {
                if self.management.sign_in(&Context::new(), MAILBOXES[mailbox].0, password(side)).await.is_ok() {
                    return Err("a password outlived the first sign-in at the identity provider".to_owned());
                }
            }
        }
        if MAILBOXES[mailbox].1 == Attacker {
            // The attackers own the user's address.
            granted.holdings.extend(self.of_user(&id));
        }
        self.sessions.push(Session { user: id, secret: secret.clone(), side, created_at });
        Ok(Some(secret))
    }

    pub(super) async fn note_own_account(&mut self, granted: &mut Granted) -> Checked<()> {
        let id = self.people.last().unwrap().id.clone();
        let own = self.management.accounts_of(&Self::system(), &id).await.unwrap();
        let [(account, Role::Owner)] = &own[..] else { return Err(format!("signed up to {own:?}")) };
        self.accounts.push(account.id.clone());
        self.note_member(&account.id, &id, Role::Owner);
        granted.holdings.push(Holding::of_member(&account.id, &self.operator, Role::Owner));
        Ok(())
    }
}

impl Person {
    pub(super) fn sides(&self) -> Vec<Side> {
        let linked = self.linked.as_ref().map(|(_, side)| *side).filter(|side| self.password != Some(*side));
        self.password.into_iter().chain(linked).collect()
    }

    pub(super) fn is_of(&self, side: Side) -> bool {
        self.sides().contains(&side)
    }
}
