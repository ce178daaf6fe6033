use super::*;

impl World {
    pub(super) async fn step(&mut self, command: &Command, place: usize) -> Checked<()> {
        let before = self.held();
        let granted = self.call(command).await?;
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if granted.keys {
            self.read_keys().await;
        }
        let known = [before, granted.holdings].concat();
        for holding in self.held() {
            if !known.contains(&holding)
                && let Some(ability) = beyond(&holding, &known)
            {
                return Err(format!("the attackers gained {ability}"));
            }
        }
        self.check_state(place).await?;
        self.fault.take().map_or(Ok(()), Err)
    }

    pub(super) async fn read_keys(&mut self) {
        let query = KeyQuery { limit: KeyQuery::MAX_LIMIT, ..KeyQuery::default() };
        self.keys = self.management.keys(&Self::system(), &query).await.unwrap().items;
        self.keys.sort_by(|one, other| {
            (one.created_at, &one.name, &one.id).cmp(&(other.created_at, &other.name, &other.id))
        });
        let holding =
            |key: &KeyView| (key.id.clone(), Holding::of_key(key, &self.operator).limited_by(self.limits_of(&key.id)));
        self.key_holdings = self.keys.iter().map(holding).collect();
    }

    pub(super) fn check_recent(&self, age: i64) -> Checked<()> {
        if age >= RECENT { Err(format!("a session of {} hours handed out authority", age / 3_600_000)) } else { Ok(()) }
    }

    /// Fifteen minutes, if the session began with a link, whose age counts 12 times.
    fn check_fresh(&self, age: i64) -> Checked<()> {
        if age >= 12 * 15 * 60_000 {
            return Err(format!("a session of {} minutes made an owner or a reset link", age / 60_000));
        }
        Ok(())
    }

    fn check_lifetime(&self, key: &KeyView) -> Checked<()> {
        let Some(maximum) = self.maxima.get(&key.account) else { return Ok(()) };
        let latest = key.created_at.as_millis() + maximum;
        match key.expires_at {
            Some(end) if end.as_millis() <= latest => Ok(()),
            end => Err(format!("a key of {} ends at {end:?}, beyond the maximum lifetime", key.account)),
        }
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each command")]
    pub(super) async fn call(&mut self, command: &Command) -> Checked<Granted> {
        let mut granted = Granted::default();
        let context = Context::new();
        match *command {
            Command::Advance { minutes } => {
                self.clock.advance(Duration::from_secs(u64::from(minutes) * 60));
            }
            Command::SignUp { by, mailbox } => {
                let mailbox = usize::from(mailbox) % MAILBOXES.len();
                let side = if by { Attacker } else { MAILBOXES[mailbox].1 };
                if self.accounts.len() >= MOST_ACCOUNTS || (!self.is_paused && self.people.len() > 6) {
                    return Ok(granted);
                }
                let new = NewUser::new(MAILBOXES[mailbox].0, "Person", password(side));
                fine(self.management.sign_up(&context, new).await)?;
                if self.people.iter().all(|person| person.mailbox != mailbox) {
                    self.note_person(mailbox, Some(side), false).await;
                    self.note_own_account(&mut granted).await?;
                }
            }
            Command::Invite { by, account, mailbox, role: wanted } => {
                let Some(Acting { by: maker, side: made_by, actor, age }) = self.actor(by).await else {
                    return Ok(granted);
                };
                let account = self.account(&maker, account);
                let mailbox = usize::from(mailbox) % MAILBOXES.len();
                let (email, reader) = MAILBOXES[mailbox];
                let role = self.modest(made_by, reader, &account, role(wanted));
                let Some(invited) = fine(self.management.invite(&actor, &account, email, role).await)? else {
                    return Ok(granted);
                };
                self.check_recent(age)?;
                if role == Role::Owner {
                    self.check_fresh(age)?;
                }
                let given = Holding::of_member(&account, &self.operator, role);
                if let Some(ability) = beyond(&given, &self.of_principal(&maker)) {
                    return Err(format!("an invitation offers {ability}: not held by its maker"));
                }
                for link in &mut self.links {
                    link.is_open &= link.account != account || link.mailbox != mailbox;
                }
                self.links.push(Link {
                    account,
                    mailbox,
                    role,
                    secret: invited.secret.to_string(),
                    id: invited.invitation.id,
                    maker,
                    made_by,
                    // The attackers keep the links that they create; other links go to the mailbox.
                    held_by: if made_by == Attacker { Attacker } else { reader },
                    ends_at: self.now() + 7 * 24 * 3_600_000,
                    is_open: true,
                });
            }
            Command::Withdraw { by, link } => {
                let Some(Acting { actor, .. }) = self.actor(by).await else { return Ok(granted) };
                let Some(link) = pick(&self.links, link) else { return Ok(granted) };
                let (account, id) = (link.account.clone(), link.id.clone());
                if fine(self.management.withdraw_invitation(&actor, &account, &id).await)?.is_some() {
                    for link in self.links.iter_mut().filter(|link| link.id == id) {
                        link.is_open = false;
                    }
                }
            }
            Command::AcceptByLink { link } => {
                let Some(place) = self.link(link) else { return Ok(granted) };
                let link = &self.links[place];
                let (side, mailbox, proven) = (link.held_by, link.mailbox, link.maker == Principal::System);
                let done = self.management.accept_invitation(&context, &link.secret, "Person", password(side)).await;
                if fine(done)?.is_some() {
                    if self.people.iter().any(|person| person.mailbox == mailbox) {
                        return Err("a second user has the address".to_owned());
                    }
                    self.note_person(mailbox, Some(side), proven).await;
                    let id = self.people.last().unwrap().id.clone();
                    self.accepted(place, &id, &mut granted)?;
                }
            }
            Command::JoinByLink { link } => {
                let Some(place) = self.link(link) else { return Ok(granted) };
                let (side, mailbox) = (self.links[place].held_by, self.links[place].mailbox);
                let user = self.people.iter().find(|person| person.mailbox == mailbox && person.is_of(side));
                let Some(id) = user.map(|user| user.id.clone()) else { return Ok(granted) };
                let Some((actor, _)) = self.signed_in(&id, side, true).await else { return Ok(granted) };
                let secret = self.links[place].secret.clone();
                if fine(self.management.join_by_link(&actor, &secret).await)?.is_some() {
                    self.accepted(place, &id, &mut granted)?;
                }
            }
            Command::JoinProven { user, account } => {
                let is_invited =
                    |person: &&Person| self.links.iter().any(|link| link.is_open && link.mailbox == person.mailbox);
                let invited: Vec<&Person> = self.people.iter().filter(is_invited).collect();
                let Some(person) = pick(&invited, user) else { return Ok(granted) };
                let (id, mailbox, sides) = (person.id.clone(), person.mailbox, person.sides());
                let Some(side) = pick(&sides, account.rotate_left(1)).copied() else { return Ok(granted) };
                let Some((actor, _)) = self.signed_in(&id, side, true).await else { return Ok(granted) };
                let own: Vec<usize> = (0..self.links.len())
                    .filter(|place| self.links[*place].mailbox == mailbox && self.links[*place].is_open)
                    .collect();
                let Some(place) = pick(&own, account).copied() else { return Ok(granted) };
                let invitation = self.links[place].id.clone();
                if fine(self.management.join(&actor, &invitation).await)?.is_some() {
                    self.accepted(place, &id, &mut granted)?;
                }
            }
            Command::ChangeRole { by, account, user, role: wanted } => {
                let Some(Acting { by, side, actor, age }) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let Some(id) = self.member_of(&account, user) else { return Ok(granted) };
                let of = if self.is_attackers(&Principal::User(id.clone())) { Attacker } else { Honest };
                let role = self.modest(side, of, &account, role(wanted));
                let Ok(known) = self.management.member(&Self::system(), &account, &id).await else {
                    return Ok(granted);
                };
                let done = self.management.update_member(&actor, &account, &id, role, known.version).await;
                if fine(done)?.is_some() {
                    self.check_recent(age)?;
                    if role == Role::Owner && known.role != Role::Owner {
                        self.check_fresh(age)?;
                    }
                    self.note_member(&account, &id, role);
                    if side == Honest {
                        granted.holdings.push(Holding::of_member(&account, &self.operator, role));
                    }
                }
            }
            Command::RemoveMember { by, account, user } => {
                let Some(Acting { by, actor, .. }) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let Some(id) = self.member_of(&account, user) else { return Ok(granted) };
                let Ok(known) = self.management.member(&Self::system(), &account, &id).await else {
                    return Ok(granted);
                };
                if fine(self.management.remove_member(&actor, &account, &id, known.version).await)?.is_some() {
                    self.members.remove(&(account.clone(), id.clone()));
                    self.check_keys_of(&id, Some(&account)).await?;
                }
            }
            Command::MakeReset { by, user } => {
                let Some(Acting { by, side, actor, age }) = self.actor(by).await else { return Ok(granted) };
                let Some(person) = pick(&self.people, user) else { return Ok(granted) };
                let (id, reader) = (person.id.clone(), MAILBOXES[person.mailbox].1);
                if let Some(link) = fine(self.management.create_password_reset(&actor, &id).await)? {
                    self.check_fresh(age)?;
                    let held_by = if side == Attacker { Attacker } else { reader };
                    let secret = link.secret.to_string();
                    self.resets.push(Reset { secret, user: id, maker: by, made_by: side, held_by });
                }
            }
            Command::UseReset { link } => {
                let latest = &self.resets[self.resets.len().saturating_sub(3)..];
                let Some(link) = pick(latest, link) else { return Ok(granted) };
                let (id, side, secret) = (link.user.clone(), link.held_by, link.secret.clone());
                let (maker, made_by) = (link.maker.clone(), link.made_by);
                if fine(self.management.reset_password(&context, &secret, password(side)).await)?.is_some() {
                    let known = self.of_principal(&maker);
                    if let Some(ability) = self.of_user(&id).iter().find_map(|holding| beyond(holding, &known)) {
                        return Err(format!("a reset gave {ability}: not held by its maker any more"));
                    }
                    if made_by == Attacker && !self.is_attackers(&maker) {
                        // The attackers created it while they could sign in as its maker, and controlled the user
                        // then.
                        granted.holdings.extend(self.of_user(&id));
                    }
                    // Only a link from the program shows who reads the mailbox. Any other maker may have used the
                    // link.
                    for person in self.people.iter_mut().filter(|person| person.id == id) {
                        person.proven &= maker == Principal::System;
                    }
                    self.taken_over(&id, side, &mut granted).await?;
                }
            }
            Command::Recover { user } => {
                let Some(person) = pick(&self.people, user) else { return Ok(granted) };
                let (id, (email, side), disabled) = (person.id.clone(), MAILBOXES[person.mailbox], person.disabled);
                if disabled {
                    return Ok(granted);
                }
                fine(self.management.forgot_password(&context, email).await)?;
                let mut mail = None;
                while mail.is_none() {
                    tokio::task::yield_now().await;
                    mail = self.mail.lock().unwrap().pop();
                }
                let Some(mail) = mail else { return Ok(granted) };
                if fine(self.management.reset_password(&context, &mail.secret, password(side)).await)?.is_some() {
                    for person in self.people.iter_mut().filter(|person| person.id == id) {
                        person.proven = true;
                    }
                    self.taken_over(&id, side, &mut granted).await?;
                }
            }
            Command::SetUserDisabled { by, user, disabled } => {
                let Some(Acting { side, actor, age, .. }) = self.actor(by).await else { return Ok(granted) };
                let Some(id) = pick(&self.people, user).map(|person| person.id.clone()) else { return Ok(granted) };
                let was = self.person(&id).is_some_and(|person| person.disabled);
                if fine(self.management.set_user_disabled(&actor, &id, disabled).await)?.is_some() {
                    if was && !disabled {
                        self.check_recent(age)?;
                    }
                    for person in self.people.iter_mut().filter(|person| person.id == id) {
                        person.disabled = disabled;
                    }
                    if disabled {
                        self.check_signed_out(&id).await?;
                        self.check_keys_of(&id, None).await?;
                    } else if side == Honest {
                        granted.holdings.extend(self.of_user(&id));
                    }
                }
            }
            Command::DeleteUser { by, user } => {
                let Some(Acting { actor, .. }) = self.actor(by).await else { return Ok(granted) };
                let Some(id) = pick(&self.people, user).map(|person| person.id.clone()) else { return Ok(granted) };
                let Ok(known) = self.management.user(&Self::system(), &id).await else { return Ok(granted) };
                if fine(self.management.delete_user(&actor, &id, known.version).await)?.is_some() {
                    let mailbox = self.person(&id).map(|person| person.mailbox);
                    self.people.retain(|person| person.id != id);
                    self.members.retain(|(_, user), _| *user != id);
                    for link in self.links.iter_mut().filter(|link| Some(link.mailbox) == mailbox) {
                        link.is_open = false;
                    }
                    self.check_signed_out(&id).await?;
                    self.check_keys_of(&id, None).await?;
                }
            }
            Command::CreateAccount { by } => {
                if self.accounts.len() >= MOST_ACCOUNTS {
                    return Ok(granted);
                }
                let Some(Acting { by, actor, .. }) = self.actor(by).await else { return Ok(granted) };
                if let Some(made) = fine(self.management.create_account(&actor, "Another").await)? {
                    self.accounts.push(made.value.id.clone());
                    if let Principal::User(id) = by {
                        self.note_member(&made.value.id, &id, Role::Owner);
                    }
                    granted.holdings.push(Holding::of_member(&made.value.id, &self.operator, Role::Owner));
                }
            }
            Command::ChangeAccount { by, account, suspended } => {
                let Some(Acting { by, actor, age, .. }) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let Ok(known) = self.management.account(&Self::system(), &account).await else { return Ok(granted) };
                let name = suspended.is_none().then(|| "Renamed".to_owned());
                let update = AccountUpdate { name, suspended, ..AccountUpdate::default() };
                if fine(self.management.update_account(&actor, &account, &update, known.version).await)?.is_some() {
                    let is_operators =
                        |holding: &Holding| holding.account.is_none() && holding.scopes & PLANS_WRITE != 0;
                    if suspended.is_some() && !self.of_principal(&by).iter().any(is_operators) {
                        return Err(
                            "an actor other than the operator suspended an account or lifted a suspension".to_owned()
                        );
                    }
                    match suspended {
                        Some(true) => drop(self.suspended.insert(account.clone())),
                        Some(false) => drop(self.suspended.remove(&account)),
                        None => {}
                    }
                    if suspended.is_some() {
                        self.check_recent(age)?;
                    }
                }
                let is_suspended =
                    self.management.account(&Self::system(), &account).await.unwrap().value.suspended_at.is_some();
                if is_suspended != self.suspended.contains(&account) {
                    return Err(format!(
                        "the account is suspended: {is_suspended}, which differs from the last change"
                    ));
                }
            }
            Command::PutLifetimes { by, account, days } => {
                let Some(Acting { by, actor, age, .. }) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let of = LifetimesOf::Account(account.clone());
                let Ok(known) = self.management.lifetimes(&Self::system(), &of).await else { return Ok(granted) };
                // Most lifetimes are so long that they refuse no other call.
                let seconds = days.map(|days| (u32::from(days) + 1) * 10 * 86_400);
                let lifetimes = PutLifetimes { default_seconds: None, maximum_seconds: seconds };
                let done = self.management.put_lifetimes(&actor, &of, &lifetimes, known.version).await;
                if fine(done)?.is_some() {
                    let is_operators =
                        |holding: &Holding| holding.account.is_none() && holding.scopes & PLANS_WRITE != 0;
                    if !self.of_principal(&by).iter().any(is_operators) {
                        return Err("an actor other than the operator set lifetimes".to_owned());
                    }
                    self.check_recent(age)?;
                    match seconds {
                        Some(seconds) => drop(self.maxima.insert(account, i64::from(seconds) * 1_000)),
                        None => drop(self.maxima.remove(&account)),
                    }
                }
            }
            Command::CreateKey { by, account, shape } => {
                let Some(Acting { by, side, actor, age }) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let draft = self.draft(&by, account, shape);
                if let Some(issued) = fine(self.management.create_key(&actor, draft).await)? {
                    self.check_recent(age)?;
                    self.check_user(&by, &issued.view)?;
                    self.check_lifetime(&issued.view)?;
                    self.holders.insert(issued.view.id, side);
                    granted.keys = true;
                }
            }
            Command::UpdateKey { by, key, shape } => {
                let Some(Acting { by, side, actor, age }) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                if side == Honest && self.holders.get(&key.id) == Some(&Attacker) {
                    return Ok(granted);
                }
                let change = self.change(&key.account, shape);
                let changed = fine(self.management.update_key(&actor, &key.id, change, key.version).await)?;
                if let Some((changed, _)) = changed {
                    self.check_user(&by, &key)?;
                    self.check_user(&by, &changed)?;
                    if changed.expires_at.is_none_or(|end| key.expires_at.is_some_and(|known| end > known))
                        && changed.expires_at != key.expires_at
                    {
                        self.check_lifetime(&changed)?;
                    }
                    if shape.what > 0 {
                        self.read_keys().await;
                        let changed = self.keys.iter().find(|other| other.id == key.id).unwrap();
                        let of = |key: &KeyView| Holding::of_key(key, &self.operator);
                        if of(changed) != of(&key) {
                            self.check_recent(age)?;
                        }
                    }
                    granted.keys = true;
                }
            }
            Command::RotateKey { by, key, overlap } => {
                let Some(Acting { by, side, actor, age }) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                let overlap = Duration::from_secs(u64::from(overlap % 3) * 3_600);
                if let Some(rotated) = fine(self.management.rotate_key(&actor, &key.id, overlap).await)? {
                    self.check_recent(age)?;
                    self.check_user(&by, &rotated.view)?;
                    self.check_lifetime(&rotated.view)?;
                    if let Some(place) = self.limited_as.get(&key.id).cloned() {
                        self.limited_as.insert(rotated.view.id.clone(), place);
                    }
                    self.holders.insert(rotated.view.id, side);
                    granted.keys = true;
                }
            }
            Command::SetKeyDisabled { by, key, disabled } => {
                let Some(Acting { by, side, actor, age }) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                if fine(self.management.set_key_disabled(&actor, &key.id, disabled).await)?.is_some() {
                    granted.keys = true;
                    if !disabled {
                        self.check_recent(age)?;
                        self.check_user(&by, &key)?;
                        if side == Honest {
                            let limits = self.limits_of(&key.id);
                            granted.holdings.push(Holding::of_key(&key, &self.operator).limited_by(limits));
                        }
                    }
                }
            }
            Command::PutLimits { by, key, limited } => {
                let Some(Acting { by, side, actor, age }) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                let subject = Subject::Key(key.id.clone());
                // A key of a deleted account has none.
                let known = self.management.limits(&Self::system(), &subject).await;
                let version = known.map_or(0, |known| known.version);
                let limits = PutLimits { tasks: limited.then_some(5), ..PutLimits::default() };
                if fine(self.management.put_limits(&actor, &subject, &limits, version).await)?.is_some() {
                    self.check_recent(age)?;
                    self.check_user(&by, &key)?;
                    if by == Principal::Key(key.id.clone()) {
                        return Err("a key changed its own limits".to_owned());
                    }
                    let place = self.limited_as.entry(key.id.clone()).or_insert_with(|| key.id.clone()).clone();
                    self.has_limits.insert(place, limited);
                    self.read_keys().await;
                    if side == Honest {
                        // They hold for the chain.
                        let chain: Vec<CredentialId> = self.keys.iter().map(|key| key.id.clone()).collect();
                        let place = self.limited_as.get(&key.id).cloned();
                        let same = chain.iter().filter(|id| self.limited_as.get(*id).cloned() == place);
                        let freed: Vec<Holding> = same.flat_map(|id| self.of_key(id)).collect();
                        granted.holdings.extend(freed);
                    }
                }
            }
            Command::RevokeKey { by, key } => {
                let Some(Acting { by, actor, .. }) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                granted.keys = fine(self.management.revoke_key(&actor, &key.id).await)?.is_some();
            }
            Command::RevokeUserKeys { by, account, user } => {
                let Some(Acting { by, actor, .. }) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let Some(id) = self.member_of(&account, user) else { return Ok(granted) };
                let done = self.management.revoke_user_keys(&actor, &account, &id, &Revocation::default()).await;
                if let Some(done) = fine(done)? {
                    self.read_keys().await;
                    let is_foreign = |key: &&KeyView| {
                        done.revoked.contains(&key.id) && (key.account != account || key.user.as_ref() != Some(&id))
                    };
                    if let Some(key) = self.keys.iter().find(is_foreign) {
                        return Err(format!("the key {} of another user was revoked", key.id));
                    }
                }
            }
            Command::SignInExternal { mailbox, how } => self.sign_in_external(mailbox, how, &mut granted).await?,
            Command::Tokens { user } => self.issue_tokens(user).await?,
            Command::Refresh { token, again } => self.refresh(token, again).await?,
            Command::SignOut { token, everywhere } => self.sign_out(token, everywhere).await?,
            Command::MakeLink { by, user } => self.make_link(by, user).await.map(drop)?,
            Command::UseLink { link } => self.use_link(link).await?,
            Command::OpenLink { by, user } => {
                if self.make_link(by, user).await? {
                    self.use_link(0).await?;
                }
            }
            Command::JoinInLink { session, link } => self.join_in_link(session, link).await?,
            Command::CreateInLink { session } => self.create_in_link(session).await?,
            Command::DeleteAccount { by, account } => granted.keys = self.delete_account(by, account).await?,
        }
        Ok(granted)
    }
}
