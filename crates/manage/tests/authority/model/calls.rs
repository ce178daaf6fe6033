//! The calls of the management service, and what the model says of each.

use super::*;

impl World {
    pub(super) async fn step(&mut self, command: &Command, place: usize) -> Checked<()> {
        let before = self.held();
        let granted = self.call(command).await?;
        if granted.keys {
            self.read_keys().await;
        }
        let known = [before, granted.holdings].concat();
        for holding in self.held() {
            if !known.contains(&holding)
                && let Some(ability) = beyond(&holding, &known)
            {
                return Err(format!("the attackers have gained {ability}"));
            }
        }
        self.check_state(place).await
    }

    pub(super) async fn read_keys(&mut self) {
        let query = KeyQuery { limit: KeyQuery::MAX_LIMIT, ..KeyQuery::default() };
        self.keys = self.desk.keys(&Self::system(), &query).await.unwrap().items;
        self.keys.sort_by(|one, other| {
            (one.created_at, &one.name, &one.id).cmp(&(other.created_at, &other.name, &other.id))
        });
    }

    /// A grant by a session that began too long ago is a fault.
    pub(super) fn check_recent(&self, age: i64) -> Checked<()> {
        if age >= RECENT { Err(format!("a session of {} hours handed out authority", age / 3_600_000)) } else { Ok(()) }
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
                fine(self.desk.sign_up(&context, new).await)?;
                if self.people.iter().all(|person| person.mailbox != mailbox) {
                    self.note_person(mailbox, side).await;
                    let id = self.people.last().unwrap().id.clone();
                    let own = self.desk.accounts_of(&Self::system(), &id).await.unwrap();
                    let [(account, Role::Owner)] = &own[..] else { return Err(format!("signed up to {own:?}")) };
                    self.accounts.push(account.id.clone());
                    self.note_member(&account.id, &id, Role::Owner);
                    granted.holdings.push(Holding::of_member(&account.id, &self.operator, Role::Owner));
                }
            }
            Command::Invite { by, account, mailbox, role: wanted } => {
                let Some((maker, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&maker, account);
                let mailbox = usize::from(mailbox) % MAILBOXES.len();
                let (email, reader) = MAILBOXES[mailbox];
                let made_by = self.side_of(&maker);
                let role = self.modest(made_by, reader, &account, role(wanted));
                let Some(invited) = fine(self.desk.invite(&actor, &account, email, role).await)? else {
                    return Ok(granted);
                };
                self.check_recent(age)?;
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
                    // The attackers keep the links that they make; the others go to the mailbox.
                    held_by: if made_by == Attacker { Attacker } else { reader },
                    ends_at: self.now() + 7 * 24 * 3_600_000,
                    is_open: true,
                });
            }
            Command::Withdraw { by, link } => {
                let Some((_, actor, _)) = self.actor(by).await else { return Ok(granted) };
                let Some(link) = pick(&self.links, link) else { return Ok(granted) };
                let (account, id) = (link.account.clone(), link.id.clone());
                if fine(self.desk.withdraw_invitation(&actor, &account, &id).await)?.is_some() {
                    for link in self.links.iter_mut().filter(|link| link.id == id) {
                        link.is_open = false;
                    }
                }
            }
            Command::AcceptByLink { link } => {
                let Some(place) = self.link(link) else { return Ok(granted) };
                let link = &self.links[place];
                let (side, mailbox) = (link.held_by, link.mailbox);
                let done = self.desk.accept_invitation(&context, &link.secret, "Person", password(side)).await;
                if fine(done)?.is_some() {
                    if self.people.iter().any(|person| person.mailbox == mailbox) {
                        return Err("a second user has the address".to_owned());
                    }
                    self.note_person(mailbox, side).await;
                    let id = self.people.last().unwrap().id.clone();
                    self.accepted(place, &id, &mut granted)?;
                }
            }
            Command::JoinByLink { link } => {
                let Some(place) = self.link(link) else { return Ok(granted) };
                let (side, mailbox) = (self.links[place].held_by, self.links[place].mailbox);
                let user = self.people.iter().find(|person| person.mailbox == mailbox && person.control == side);
                let Some(id) = user.map(|user| user.id.clone()) else { return Ok(granted) };
                let Some((actor, _)) = self.signed_in(&id, true).await else { return Ok(granted) };
                let secret = self.links[place].secret.clone();
                if fine(self.desk.join_by_link(&actor, &secret).await)?.is_some() {
                    self.accepted(place, &id, &mut granted)?;
                }
            }
            Command::JoinProven { user, account } => {
                let is_invited =
                    |person: &&Person| self.links.iter().any(|link| link.is_open && link.mailbox == person.mailbox);
                let invited: Vec<&Person> = self.people.iter().filter(is_invited).collect();
                let Some(person) = pick(&invited, user) else { return Ok(granted) };
                let (id, mailbox) = (person.id.clone(), person.mailbox);
                let Some((actor, _)) = self.signed_in(&id, true).await else { return Ok(granted) };
                let own: Vec<usize> = (0..self.links.len())
                    .filter(|place| self.links[*place].mailbox == mailbox && self.links[*place].is_open)
                    .collect();
                let Some(place) = pick(&own, account).copied() else { return Ok(granted) };
                let invitation = self.links[place].id.clone();
                if fine(self.desk.join(&actor, &invitation).await)?.is_some() {
                    self.accepted(place, &id, &mut granted)?;
                }
            }
            Command::ChangeRole { by, account, user, role: wanted } => {
                let Some((by, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let Some(id) = self.member_of(&account, user) else { return Ok(granted) };
                let of = self.side_of(&Principal::User(id.clone()));
                let role = self.modest(self.side_of(&by), of, &account, role(wanted));
                let Ok(known) = self.desk.member(&Self::system(), &account, &id).await else { return Ok(granted) };
                let done = self.desk.update_member(&actor, &account, &id, role, known.version).await;
                if fine(done)?.is_some() {
                    self.check_recent(age)?;
                    self.note_member(&account, &id, role);
                    if self.side_of(&by) == Honest {
                        granted.holdings.push(Holding::of_member(&account, &self.operator, role));
                    }
                }
            }
            Command::RemoveMember { by, account, user } => {
                let Some((by, actor, _)) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let Some(id) = self.member_of(&account, user) else { return Ok(granted) };
                let Ok(known) = self.desk.member(&Self::system(), &account, &id).await else { return Ok(granted) };
                if fine(self.desk.remove_member(&actor, &account, &id, known.version).await)?.is_some() {
                    self.members.remove(&(account, id));
                }
            }
            Command::MakeReset { by, user } => {
                let Some((by, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let Some(person) = pick(&self.people, user) else { return Ok(granted) };
                let (id, reader) = (person.id.clone(), MAILBOXES[person.mailbox].1);
                if let Some(link) = fine(self.desk.create_password_reset(&actor, &id).await)? {
                    self.check_recent(age)?;
                    let held_by = if self.side_of(&by) == Attacker { Attacker } else { reader };
                    self.resets.push(Reset { secret: link.secret.to_string(), user: id, maker: by, held_by });
                }
            }
            Command::UseReset { link } => {
                let latest = &self.resets[self.resets.len().saturating_sub(3)..];
                let Some(link) = pick(latest, link) else { return Ok(granted) };
                let (id, side, secret) = (link.user.clone(), link.held_by, link.secret.clone());
                let maker = link.maker.clone();
                if fine(self.desk.reset_password(&context, &secret, password(side)).await)?.is_some() {
                    let known = self.of_principal(&maker);
                    if let Some(ability) = self.of_user(&id).iter().find_map(|holding| beyond(holding, &known)) {
                        return Err(format!("a reset gave {ability}: not held by its maker any more"));
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
                fine(self.desk.forgot_password(&context, email).await)?;
                let mut mail = None;
                while mail.is_none() {
                    tokio::task::yield_now().await;
                    mail = self.mail.lock().unwrap().pop();
                }
                let Some(mail) = mail else { return Ok(granted) };
                if fine(self.desk.reset_password(&context, &mail.secret, password(side)).await)?.is_some() {
                    self.taken_over(&id, side, &mut granted).await?;
                }
            }
            Command::SetUserDisabled { by, user, disabled } => {
                let Some((by, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let Some(id) = pick(&self.people, user).map(|person| person.id.clone()) else { return Ok(granted) };
                let was = self.person(&id).is_some_and(|person| person.disabled);
                if fine(self.desk.set_user_disabled(&actor, &id, disabled).await)?.is_some() {
                    if was && !disabled {
                        self.check_recent(age)?;
                    }
                    for person in self.people.iter_mut().filter(|person| person.id == id) {
                        person.disabled = disabled;
                    }
                    if disabled {
                        self.check_signed_out(&id).await?;
                    } else if self.side_of(&by) == Honest {
                        granted.holdings.extend(self.of_user(&id));
                    }
                }
            }
            Command::DeleteUser { by, user } => {
                let Some((_, actor, _)) = self.actor(by).await else { return Ok(granted) };
                let Some(id) = pick(&self.people, user).map(|person| person.id.clone()) else { return Ok(granted) };
                let Ok(known) = self.desk.user(&Self::system(), &id).await else { return Ok(granted) };
                if fine(self.desk.delete_user(&actor, &id, known.version).await)?.is_some() {
                    let mailbox = self.person(&id).map(|person| person.mailbox);
                    self.people.retain(|person| person.id != id);
                    self.members.retain(|(_, user), _| *user != id);
                    for link in self.links.iter_mut().filter(|link| Some(link.mailbox) == mailbox) {
                        link.is_open = false;
                    }
                    self.check_signed_out(&id).await?;
                }
            }
            Command::CreateAccount { by } => {
                if self.accounts.len() >= MOST_ACCOUNTS {
                    return Ok(granted);
                }
                let Some((by, actor, _)) = self.actor(by).await else { return Ok(granted) };
                if let Some(made) = fine(self.desk.create_account(&actor, "Another").await)? {
                    self.accounts.push(made.value.id.clone());
                    if let Principal::User(id) = by {
                        self.note_member(&made.value.id, &id, Role::Owner);
                    }
                    granted.holdings.push(Holding::of_member(&made.value.id, &self.operator, Role::Owner));
                }
            }
            Command::ChangeAccount { by, account, suspended } => {
                let Some((by, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let Ok(known) = self.desk.account(&Self::system(), &account).await else { return Ok(granted) };
                let name = suspended.is_none().then(|| "Renamed".to_owned());
                let update = AccountUpdate { name, suspended, ..AccountUpdate::default() };
                if fine(self.desk.update_account(&actor, &account, &update, known.version).await)?.is_some() {
                    let is_operators =
                        |holding: &Holding| holding.account.is_none() && holding.scopes & PLANS_WRITE != 0;
                    if suspended.is_some() && !self.of_principal(&by).iter().any(is_operators) {
                        return Err("somebody other than the operator suspended an account, or lifted it".to_owned());
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
                    self.desk.account(&Self::system(), &account).await.unwrap().value.suspended_at.is_some();
                if is_suspended != self.suspended.contains(&account) {
                    return Err(format!("the account is suspended: {is_suspended}, against what was asked for"));
                }
            }
            Command::CreateKey { by, account, shape } => {
                let Some((by, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let account = self.account(&by, account);
                let draft = self.draft(&by, account, shape);
                if let Some(issued) = fine(self.desk.create_key(&actor, draft).await)? {
                    self.check_recent(age)?;
                    self.holders.insert(issued.view.id, self.side_of(&by));
                    granted.keys = true;
                }
            }
            Command::UpdateKey { by, key, shape } => {
                let Some((by, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                if self.side_of(&by) == Honest && self.holders.get(&key.id) == Some(&Attacker) {
                    return Ok(granted);
                }
                let change = self.change(shape);
                if fine(self.desk.update_key(&actor, &key.id, change, key.version).await)?.is_some() {
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
                let Some((by, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                let overlap = Duration::from_secs(u64::from(overlap % 3) * 3_600);
                if let Some(rotated) = fine(self.desk.rotate_key(&actor, &key.id, overlap).await)? {
                    self.check_recent(age)?;
                    self.holders.insert(rotated.view.id, self.side_of(&by));
                    granted.keys = true;
                }
            }
            Command::SetKeyDisabled { by, key, disabled } => {
                let Some((by, actor, age)) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                if fine(self.desk.set_key_disabled(&actor, &key.id, disabled).await)?.is_some() {
                    granted.keys = true;
                    if !disabled {
                        self.check_recent(age)?;
                        if self.side_of(&by) == Honest {
                            granted.holdings.push(Holding::of_key(&key, &self.operator));
                        }
                    }
                }
            }
            Command::RevokeKey { by, key } => {
                let Some((by, actor, _)) = self.actor(by).await else { return Ok(granted) };
                let Some(key) = self.key_for(&by, key) else { return Ok(granted) };
                granted.keys = fine(self.desk.revoke_key(&actor, &key.id).await)?.is_some();
            }
            Command::Tokens { user } => {
                let Some(person) = pick(&self.people, user) else { return Ok(granted) };
                let (email, disabled) = (MAILBOXES[person.mailbox].0, person.disabled);
                let (mine, other) = if person.control == Honest { (Honest, Attacker) } else { (Attacker, Honest) };
                if self.desk.issue_tokens(&context, email, password(other)).await.is_ok() {
                    return Err("tokens were issued for a password that is not the user's".to_owned());
                }
                match self.desk.issue_tokens(&context, email, password(mine)).await {
                    Ok(_) if disabled => return Err("tokens were issued to a disabled user".to_owned()),
                    Ok(tokens) => {
                        self.desk.refresh_tokens(&context, &tokens.refresh).await.map_err(|error| error.to_string())?;
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(granted)
    }
}
