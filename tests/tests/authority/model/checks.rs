use super::*;

impl World {
    pub(super) fn link(&self, number: u8) -> Option<usize> {
        let count = self.links.len();
        (count > 0).then(|| count - 1 - usize::from(number) % count.min(6))
    }

    pub(super) fn member_of(&self, account: &AccountId, number: u8) -> Option<UserId> {
        let members: Vec<&UserId> =
            self.members.keys().filter(|(place, _)| place == account).map(|(_, user)| user).collect();
        pick(&members, number).map(|id| (*id).clone())
    }

    pub(super) fn key_for(&self, by: &Principal, number: u8) -> Option<KeyView> {
        let account = self.account(by, number);
        let near: Vec<&KeyView> = self.keys.iter().filter(|key| key.account == account).collect();
        pick(&near, number / 2).map(|key| (*key).clone())
    }

    pub(super) fn accepted(&mut self, place: usize, user: &UserId, granted: &mut Granted) -> Checked<()> {
        let now = self.now();
        let link = &self.links[place];
        let (account, role) = (link.account.clone(), link.role);
        if !link.is_open || link.ends_at <= now {
            return Err("an expired or withdrawn invitation was accepted".to_owned());
        }
        let given = Holding::of_member(&account, &self.operator, role);
        if let Some(ability) = beyond(&given, &self.of_principal(&link.maker)) {
            return Err(format!("an invitation gave {ability}: not held by its maker any more"));
        }
        // An honest maker invited an attacker.
        let is_meant = link.made_by == Honest && MAILBOXES[link.mailbox].1 == Attacker;
        // The attackers created it while they could sign in as its maker, and then had what it gives.
        let was_theirs = link.made_by == Attacker && !self.is_attackers(&link.maker);
        if is_meant || was_theirs {
            granted.holdings.push(given);
        }
        self.links[place].is_open = false;
        self.note_member(&account, user, role);
        Ok(())
    }

    pub(super) async fn taken_over(&mut self, id: &UserId, side: Side, granted: &mut Granted) -> Checked<()> {
        let Some(person) = self.people.iter_mut().find(|person| person.id == *id) else {
            return Err("the password of a deleted user was reset".to_owned());
        };
        person.password = Some(side);
        if MAILBOXES[person.mailbox].1 == Attacker {
            // The attackers own the user's address.
            granted.holdings.extend(self.of_user(id));
        }
        self.check_signed_out(id).await
    }

    /// A handler takes a key's user for the caller. So only the user, a key of the user, and managers of the members who
    /// outrank the user may create or change such a key.
    pub(super) fn check_user(&self, by: &Principal, key: &KeyView) -> Checked<()> {
        let Some(user) = &key.user else { return Ok(()) };
        let is_own = match by {
            Principal::System => true,
            Principal::User(id) => id == user,
            Principal::Key(id) => self.keys.iter().any(|own| own.id == *id && own.user.as_ref() == Some(user)),
        };
        if is_own {
            return Ok(());
        }
        let known = self.of_principal(by);
        let members_write = 1 << 3;
        let manages = |holding: &Holding| {
            holding.scopes & members_write != 0
                && holding.account.as_ref().is_none_or(|account| *account == key.account)
        };
        let role = self.members.get(&(key.account.clone(), user.clone()));
        let rank = role.map_or(0, |role| of_role(*role));
        let held = known.iter().filter(|holding| manages(holding)).fold(0, |all, holding| all | holding.scopes);
        if known.iter().any(manages) && rank & !held == 0 {
            return Ok(());
        }
        Err(format!("a key of {user}, {role:?}, was handed out by an actor who does not outrank this user"))
    }

    pub(super) async fn check_keys_of(&mut self, user: &UserId, account: Option<&AccountId>) -> Checked<()> {
        self.read_keys().await;
        let is_left = |key: &&KeyView| {
            key.user.as_ref() == Some(user)
                && account.is_none_or(|account| key.account == *account)
                && self.is_active(key)
        };
        match self.keys.iter().find(is_left) {
            Some(key) if self.management.user_key_policy() != UserKeyPolicy::Keep => {
                Err(format!("the key {} works after its user has left", key.id))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn draft(&self, by: &Principal, account: AccountId, shape: Shape) -> KeyDraft {
        let own = match by {
            Principal::Key(id) => self.keys.iter().find(|key| key.id == *id),
            _ => None,
        };
        let user = self.member_of(&account, shape.value);
        let mut new = NewKey::restricted(account, "key", "keys:write".parse().unwrap());
        let purpose = if shape.management { Purpose::Management } else { Purpose::Api };
        match own {
            Some(own) => {
                (new.kind, new.mode, new.scopes) = (own.kind, own.mode, own.scopes.clone());
                (new.endpoints, new.expires_at) = (own.endpoints.clone(), own.expires_at);
                new.networks.clone_from(&own.networks);
            }
            None => {
                new.scopes = scopes(shape.value.rotate_left(3));
                new.kind = if shape.value & 4 == 0 { KeyKind::Restricted } else { KeyKind::Secret };
                new.expires_at = self.end(shape.value.rotate_left(2));
            }
        }
        match shape.what {
            1 => new.mode = if shape.value & 1 == 0 { Mode::Live } else { Mode::Test },
            2 => new.kind = [KeyKind::Publishable, KeyKind::Restricted, KeyKind::Secret][usize::from(shape.value % 3)],
            3 => new.scopes = scopes(shape.value),
            4 => new.networks = networks(shape.value),
            5 => new.endpoints = endpoints(shape.value),
            6 => new.expires_at = self.end(shape.value),
            7 => new.scopes = "keys:write".parse().unwrap(),
            8 | 9 => new.user = user,
            _ => {}
        }
        KeyDraft::of(purpose, new)
    }

    pub(super) fn change(&self, account: &AccountId, shape: Shape) -> KeyChange {
        let mut change = KeyChange::default();
        match shape.what {
            0 | 1 => change.name = Some("Renamed".to_owned()),
            2 | 3 => change.scopes = Some(scopes(shape.value)),
            4 => change.networks = Some(networks(shape.value)),
            5 => change.endpoints = Some(endpoints(shape.value)),
            8 => change.user = Some(self.member_of(account, shape.value)),
            9 => change.user = Some(None),
            _ => change.expires_at = Some(self.end(shape.value)),
        }
        change
    }

    pub(super) fn end(&self, number: u8) -> Option<Timestamp> {
        let hours = [None, Some(2), Some(30), Some(24 * 10), Some(24 * 60)][usize::from(number % 5)];
        hours.map(|hours: i64| Timestamp::from_millis(self.now() + hours * 3_600_000))
    }

    pub(super) async fn check_state(&mut self, place: usize) -> Checked<()> {
        let records = Arc::clone(&self.records);
        let list = async |kind| records.list(&List::of(kind, 500)).await;
        let mut members = BTreeMap::new();
        for record in list(Kind::Member).await.unwrap() {
            let read = self.read_members.entry(record.body);
            let member = read.or_insert_with_key(|body| serde_json::from_str(body).unwrap());
            members.insert((member.account.clone(), member.user.clone()), member.role);
        }
        if members != self.members {
            return Err(format!("the members are {members:?} and not {:?}", self.members));
        }
        let mut users: BTreeMap<String, Stored> = BTreeMap::new();
        for record in list(Kind::User).await.unwrap() {
            let user = self.read_users.entry(record.body).or_insert_with_key(|body| {
                let body: serde_json::Value = serde_json::from_str(body).unwrap();
                let has = |name: &str| !body[name].is_null();
                (has("disabled_at"), has("address_proven_at"), has("password"))
            });
            users.insert(record.id, *user);
        }
        let stored = |person: &Person| (person.disabled, person.proven, person.password.is_some());
        let known = self.people.iter().map(|person| (person.id.to_string(), stored(person))).collect();
        if users != known {
            return Err(format!("the users (disabled, proven, with a password) are {users:?} and not {known:?}"));
        }
        if let Some((account, user)) = members.keys().find(|(_, user)| !users.contains_key(user.as_str())) {
            return Err(format!("{user} is a member of {account} but does not exist"));
        }
        for account in &self.had_owner {
            let owns = |((place, user), role): (&(AccountId, UserId), &Role)| {
                place == account
                    && *role == Role::Owner
                    && users.get(user.as_str()).is_some_and(|(disabled, ..)| !disabled)
            };
            if !members.iter().any(owns) {
                return Err(format!("{account} has lost its last owner who can sign in"));
            }
        }
        for account in &self.accounts {
            let active = |key: &&KeyView| key.account == *account && self.is_active(key);
            let count = self.keys.iter().filter(active).count();
            if count > KEY_LIMIT {
                return Err(format!("{account} has {count} active keys"));
            }
        }
        self.check_link_sessions().await?;
        self.check_rights(place).await
    }

    pub(super) async fn check_rights(&mut self, place: usize) -> Checked<()> {
        let Some(person) = self.people.get(place % self.people.len().max(1)) else { return Ok(()) };
        let (id, disabled, sides) = (person.id.clone(), person.disabled, person.sides());
        let by_links_only = person.by_links_only;
        let account = self.accounts[place / 3 % self.accounts.len()].clone();
        let Some(side) = pick(&sides, u8::from(place.is_multiple_of(7))).copied() else {
            if by_links_only {
                return Ok(());
            }
            return Err(format!("no party can sign in as {id} any more"));
        };
        let signed_in = self.signed_in(&id, side, true).await;
        if disabled != signed_in.is_none() {
            return Err(format!("{id} is disabled: {disabled}; is signed in: {}", signed_in.is_some()));
        }
        let Some((actor, _)) = signed_in else { return Ok(()) };
        let roles = [&account, &self.operator].map(|place| self.members.get(&(place.clone(), id.clone())).copied());
        let expected: Option<u32> = roles.into_iter().flatten().map(of_role).reduce(|one, other| one | other);
        let actual = match self.management.rights(&actor, &account).await {
            Ok(rights) => {
                let named = manage_scopes().iter().enumerate().filter(|(_, scope)| rights.allows(scope));
                let every = if rights.scopes().iter().any(|grant| grant.as_str() == "*") { EVERY } else { 0 };
                Some(named.map(|(bit, _)| 1 << bit).sum::<u32>() | every)
            }
            Err(ManagementError::NotFound(_)) => None,
            Err(error) => return Err(error.to_string()),
        };
        if actual != expected {
            return Err(format!("the rights of {id} in {account} are {actual:?} and not {expected:?}"));
        }
        Ok(())
    }

    pub(super) fn limits_of(&self, key: &CredentialId) -> Option<CredentialId> {
        let place = self.limited_as.get(key)?;
        self.has_limits.get(place).is_some_and(|limited| *limited).then(|| place.clone())
    }

    pub(super) fn held(&self) -> Vec<Holding> {
        let people = self.people.iter().filter(|person| person.is_of(Attacker));
        let keys = self.keys.iter().filter(|key| self.holders.get(&key.id) == Some(&Attacker));
        people.flat_map(|person| self.of_user(&person.id)).chain(keys.flat_map(|key| self.of_key(&key.id))).collect()
    }

    pub(super) fn account(&self, principal: &Principal, number: u8) -> AccountId {
        let mut own: Vec<AccountId> = match principal {
            Principal::System => Vec::new(),
            Principal::User(id) => {
                self.members.keys().filter(|(_, user)| user == id).map(|(account, _)| account.clone()).collect()
            }
            Principal::Key(id) => self.keys.iter().filter(|key| key.id == *id).map(|key| key.account.clone()).collect(),
        };
        if own.is_empty() || number.is_multiple_of(4) {
            own.clone_from(&self.accounts);
        }
        pick(&own, number / 4).cloned().unwrap_or_else(|| self.operator.clone())
    }

    /// Otherwise attackers would soon have all rights.
    pub(super) fn modest(&self, by: Side, to: Side, account: &AccountId, role: Role) -> Role {
        match (by, to) {
            (Honest, Attacker) if *account == self.operator => Role::Viewer,
            (Honest, Attacker) => role.min(Role::Developer),
            _ => role,
        }
    }
}
