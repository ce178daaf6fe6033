//! An attacker's call never enlarges the attackers' abilities. An honest person's call adds only what it grants to
//! them.

mod calls;
mod checks;
mod links;
mod sign_in;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyward::clock::{Clock as _, ManualClock};
use keyward::id::UserId;
use keyward::key::KeyKind;
use keyward::limits::{MemoryLimits, Subject};
use keyward::manage::{
    AccountUpdate, Actor, Context, DashboardSettings, KeyChange, KeyDraft, KeyView, Kind, LifetimesOf, List,
    Management, ManagementBuilder, ManagementError, ManagementStore, Member, NewUser, Purpose, ResetLink, Role,
    SignUpPolicy, UserKeyPolicy, dashboard,
};
use keyward::store::{KeyQuery, Revocation};
use keyward::{AccountId, CredentialId, Identity, Mode, NewKey, Timestamp};
use keyward_client::{PutLifetimes, PutLimits};
use proptest::prelude::*;

use crate::ability::{EVERY, Holding, beyond, manage_scopes, of_role};
use crate::provider;
use values::{endpoints, networks, scopes};

pub(crate) static STEPS: AtomicU64 = AtomicU64::new(0);

const KEY_LIMIT: usize = 8;
const RECENT: i64 = 12 * 3_600_000;
const MOST_ACCOUNTS: usize = 9;
const HOUR: i64 = 3_600_000;
const ACCESS_LIFE: i64 = 6 * HOUR;
const REFRESH_LIFE: i64 = 30 * 24 * HOUR;
const FAMILY_LIFE: i64 = 90 * 24 * HOUR;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Honest,
    Attacker,
}
use Side::{Attacker, Honest};

fn password(side: Side) -> &'static str {
    match side {
        Honest => "honest walnut gondola 71",
        Attacker => "wicked walnut gondola 72",
    }
}

const MAILBOXES: [(&str, Side); 9] = [
    ("root@example.com", Honest),
    ("ann@example.com", Honest),
    ("bob@example.com", Honest),
    ("eve@example.com", Attacker),
    ("mal@example.com", Attacker),
    ("hal@example.com", Honest),
    ("ivy@example.com", Honest),
    ("joe@example.com", Honest),
    ("max@example.com", Attacker),
];

/// Its numbers choose among the objects that exist at that time, so that any part of a sequence is valid alone.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Advance { minutes: u32 },
    SignUp { by: bool, mailbox: u8 },
    Invite { by: u8, account: u8, mailbox: u8, role: u8 },
    Withdraw { by: u8, link: u8 },
    AcceptByLink { link: u8 },
    JoinByLink { link: u8 },
    JoinProven { user: u8, account: u8 },
    ChangeRole { by: u8, account: u8, user: u8, role: u8 },
    RemoveMember { by: u8, account: u8, user: u8 },
    MakeReset { by: u8, user: u8 },
    UseReset { link: u8 },
    Recover { user: u8 },
    SetUserDisabled { by: u8, user: u8, disabled: bool },
    DeleteUser { by: u8, user: u8 },
    CreateAccount { by: u8 },
    ChangeAccount { by: u8, account: u8, suspended: Option<bool> },
    PutLifetimes { by: u8, account: u8, days: Option<u8> },
    CreateKey { by: u8, account: u8, shape: Shape },
    UpdateKey { by: u8, key: u8, shape: Shape },
    RotateKey { by: u8, key: u8, overlap: u8 },
    SetKeyDisabled { by: u8, key: u8, disabled: bool },
    PutLimits { by: u8, key: u8, limited: bool },
    RevokeKey { by: u8, key: u8 },
    RevokeUserKeys { by: u8, account: u8, user: u8 },
    SignInExternal { mailbox: u8, how: u8 },
    Tokens { user: u8 },
    Refresh { token: u8, again: bool },
    SignOut { token: u8, everywhere: bool },
    MakeLink { by: u8, user: u8 },
    UseLink { link: u8 },
    OpenLink { by: u8, user: u8 },
    JoinInLink { session: u8, link: u8 },
    CreateInLink { session: u8 },
    DeleteAccount { by: u8, account: u8 },
}

/// One dimension is random; the others are like those of the actor or the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    what: u8,
    value: u8,
    management: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    (0..10_u8, any::<u8>(), any::<bool>()).prop_map(|(what, value, management)| Shape { what, value, management })
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    use Command as C;
    let n = any::<u8>;
    prop_oneof![
        4 => prop_oneof![0..120_u32, Just(780), Just(2_880), Just(11_520)].prop_map(|minutes| C::Advance { minutes }),
        3 => (any::<bool>(), n()).prop_map(|(by, mailbox)| C::SignUp { by, mailbox }),
        14 => (n(), n(), n(), n()).prop_map(|(by, account, mailbox, role)| C::Invite { by, account, mailbox, role }),
        1 => (n(), n()).prop_map(|(by, link)| C::Withdraw { by, link }),
        6 => n().prop_map(|link| C::AcceptByLink { link }),
        5 => n().prop_map(|link| C::JoinByLink { link }),
        6 => (n(), n()).prop_map(|(user, account)| C::JoinProven { user, account }),
        8 => (n(), n(), n(), n()).prop_map(|(by, account, user, role)| C::ChangeRole { by, account, user, role }),
        4 => (n(), n(), n()).prop_map(|(by, account, user)| C::RemoveMember { by, account, user }),
        6 => (n(), n()).prop_map(|(by, user)| C::MakeReset { by, user }),
        5 => n().prop_map(|link| C::UseReset { link }),
        1 => n().prop_map(|user| C::Recover { user }),
        5 => (n(), n(), any::<bool>()).prop_map(|(by, user, disabled)| C::SetUserDisabled { by, user, disabled }),
        2 => (n(), n()).prop_map(|(by, user)| C::DeleteUser { by, user }),
        1 => n().prop_map(|by| C::CreateAccount { by }),
        5 => (n(), n(), any::<Option<bool>>())
            .prop_map(|(by, account, suspended)| C::ChangeAccount { by, account, suspended }),
        2 => (n(), n(), any::<Option<u8>>())
            .prop_map(|(by, account, days)| C::PutLifetimes { by, account, days }),
        14 => (n(), n(), shape()).prop_map(|(by, account, shape)| C::CreateKey { by, account, shape }),
        10 => (n(), n(), shape()).prop_map(|(by, key, shape)| C::UpdateKey { by, key, shape }),
        6 => (n(), n(), n()).prop_map(|(by, key, overlap)| C::RotateKey { by, key, overlap }),
        8 => (n(), n(), any::<bool>()).prop_map(|(by, key, disabled)| C::SetKeyDisabled { by, key, disabled }),
        6 => (n(), n(), any::<bool>()).prop_map(|(by, key, limited)| C::PutLimits { by, key, limited }),
        2 => (n(), n()).prop_map(|(by, key)| C::RevokeKey { by, key }),
        1 => (n(), n(), n()).prop_map(|(by, account, user)| C::RevokeUserKeys { by, account, user }),
        5 => (n(), n()).prop_map(|(mailbox, how)| C::SignInExternal { mailbox, how }),
        4 => n().prop_map(|user| C::Tokens { user }),
        2 => (n(), prop::bool::weighted(0.2)).prop_map(|(token, again)| C::Refresh { token, again }),
        1 => (n(), any::<bool>()).prop_map(|(token, everywhere)| C::SignOut { token, everywhere }),
        7 => (n(), n()).prop_map(|(by, user)| C::MakeLink { by, user }),
        7 => n().prop_map(|link| C::UseLink { link }),
        4 => (n(), n()).prop_map(|(by, user)| C::OpenLink { by, user }),
        3 => (n(), n()).prop_map(|(session, link)| C::JoinInLink { session, link }),
        2 => n().prop_map(|session| C::CreateInLink { session }),
        1 => (n(), n()).prop_map(|(by, account)| C::DeleteAccount { by, account }),
    ]
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Principal {
    System,
    User(UserId),
    Key(CredentialId),
}

struct Person {
    id: UserId,
    mailbox: usize,
    password: Option<Side>,
    linked: Option<(String, Side)>,
    proven: bool,
    disabled: bool,
    /// A link has removed the password, so that only links sign the person in.
    by_links_only: bool,
}

struct Family {
    user: UserId,
    side: Side,
    /// Newest last.
    accesses: Vec<(String, i64)>,
    refresh: String,
    refresh_ends: i64,
    used: Option<String>,
    ends: i64,
}

struct Acting {
    by: Principal,
    side: Side,
    actor: Actor,
    age: i64,
}

struct Link {
    account: AccountId,
    mailbox: usize,
    role: Role,
    secret: String,
    id: String,
    maker: Principal,
    made_by: Side,
    held_by: Side,
    ends_at: i64,
    is_open: bool,
}

struct Reset {
    secret: String,
    user: UserId,
    maker: Principal,
    made_by: Side,
    held_by: Side,
}

struct Session {
    user: UserId,
    secret: String,
    side: Side,
    created_at: i64,
}

pub(crate) struct Parts {
    pub(crate) builder: ManagementBuilder,
    pub(crate) records: Arc<dyn ManagementStore>,
    /// Signing up then skips its delay of at least a third of a second.
    pub(crate) is_paused: bool,
}

struct World {
    management: Management,
    records: Arc<dyn ManagementStore>,
    clock: Arc<ManualClock>,
    is_paused: bool,
    has_tokens: bool,
    mail: Arc<Mutex<Vec<ResetLink>>>,
    operator: AccountId,
    accounts: Vec<AccountId>,
    suspended: BTreeSet<AccountId>,
    /// The maximum lifetimes that the operator has set.
    maxima: BTreeMap<AccountId, i64>,
    people: Vec<Person>,
    members: BTreeMap<(AccountId, UserId), Role>,
    had_owner: BTreeSet<AccountId>,
    links: Vec<Link>,
    resets: Vec<Reset>,
    sessions: Vec<Session>,
    families: Vec<Family>,
    sign_in_links: Vec<links::SignInLink>,
    link_sessions: Vec<links::LinkSession>,
    dashboard: Option<axum::Router>,
    keys: Vec<KeyView>,
    key_holdings: BTreeMap<CredentialId, Holding>,
    holders: BTreeMap<CredentialId, Side>,
    /// The key whose limits hold for a key: itself or an earlier one of its chain. And whether that one has limits.
    limited_as: BTreeMap<CredentialId, CredentialId>,
    has_limits: BTreeMap<CredentialId, bool>,
    read_members: HashMap<String, Member>,
    read_users: HashMap<String, Stored>,
    /// A failure in a function that cannot return an error.
    fault: Option<String>,
}

/// Whether it is disabled, has a verified address, and has a password.
type Stored = (bool, bool, bool);

#[derive(Default)]
struct Granted {
    holdings: Vec<Holding>,
    keys: bool,
}

type Checked<T> = Result<T, String>;

fn pick<T>(items: &[T], number: u8) -> Option<&T> {
    items.get(usize::from(number) % items.len().max(1))
}

fn role(number: u8) -> Role {
    Role::ALL[usize::from(number) % 4]
}

pub(crate) async fn run(parts: Parts, beginning: u8, commands: &[Command]) -> Result<(), String> {
    let mut world = World::new(parts, beginning).await;
    // A management service that has built its authenticator stays in memory until the process ends, so only a quarter
    // of many sequences do so.
    world.has_tokens = !world.is_paused || beginning >> 6 == 3;
    world.begin(beginning).await;
    for (place, command) in commands.iter().enumerate() {
        STEPS.fetch_add(1, Ordering::Relaxed);
        let told = |why: String| format!("call {place} ({command:?}): {why}");
        world.step(command, place).await.map_err(told)?;
    }
    Ok(())
}

impl World {
    async fn new(parts: Parts, beginning: u8) -> Self {
        let Parts { builder, records, is_paused } = parts;
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap()));
        let many = std::num::NonZeroU32::new(1_000_000).unwrap();
        let mail: Arc<Mutex<Vec<ResetLink>>> = Arc::default();
        let outbox = Arc::clone(&mail);
        let days = |days: u64| Duration::from_secs(days * 24 * 3_600);
        let policy = [UserKeyPolicy::Keep, UserKeyPolicy::Disable, UserKeyPolicy::Revoke]
            [usize::from(beginning.rotate_left(3) % 3)];
        let management = builder
            .clock(Arc::<ManualClock>::clone(&clock))
            .password_params(argon2::Params::new(8, 1, 1, None).unwrap())
            .sign_in_attempts(many, many)
            .sign_up(SignUpPolicy::Open)
            .key_limit(u32::try_from(KEY_LIMIT).unwrap())
            .user_keys(policy)
            // Sessions live longer than the time in which they may grant authority.
            .session_life(days(300), days(300))
            .access_token_life(Duration::from_millis(ACCESS_LIFE as u64))
            .identity_provider(provider::client())
            .limits(MemoryLimits::new())
            .on_forgotten_password(move |link| outbox.lock().unwrap().push(link))
            .build()
            .unwrap();
        Self {
            operator: management.operator().clone(),
            management,
            records,
            clock,
            is_paused,
            has_tokens: true,
            mail,
            accounts: Vec::new(),
            suspended: BTreeSet::new(),
            maxima: BTreeMap::new(),
            people: Vec::new(),
            members: BTreeMap::new(),
            had_owner: BTreeSet::new(),
            links: Vec::new(),
            resets: Vec::new(),
            sessions: Vec::new(),
            families: Vec::new(),
            sign_in_links: Vec::new(),
            link_sessions: Vec::new(),
            dashboard: None,
            keys: Vec::new(),
            key_holdings: BTreeMap::new(),
            limited_as: BTreeMap::new(),
            has_limits: BTreeMap::new(),
            holders: BTreeMap::new(),
            read_members: HashMap::new(),
            read_users: HashMap::new(),
            fault: None,
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    fn system() -> Actor {
        Actor::system("test", Context::new())
    }

    async fn begin(&mut self, beginning: u8) {
        let first = self.management.invite_first_owner(&Self::system(), MAILBOXES[0].0).await.unwrap();
        self.accounts.push(self.operator.clone());
        for name in ["Ann's", "Bob's", "Ann's other"] {
            let account = self.management.create_account(&Self::system(), name).await.unwrap();
            self.accounts.push(account.value.id);
        }
        self.add(0, 0, Role::Owner, Some(first.secret.to_string())).await;
        self.add(1, 1, Role::Owner, None).await;
        self.add(2, 2, Role::Owner, None).await;
        let role = |shift: u8| Role::ALL[usize::from(beginning >> shift & 3).min(2)];
        self.add(3, 1, role(0), None).await;
        self.add(4, 2, role(2), None).await;
        self.add(5, 1, Role::Admin, None).await;
        if beginning & 16 != 0 {
            self.join(3, 0, Role::Viewer).await;
        }
        if beginning & 32 != 0 {
            // Restricted keys of the attackers, in an account where they have no role with more rights.
            self.join(1, 3, Role::Owner).await;
            let end = Some(Timestamp::from_millis(self.now() + 20 * 24 * 3_600_000));
            let viewer = "members:write accounts:read members:read keys:read usage:read plans:read";
            for (scopes, secret, mode, networks, endpoints, expires_at) in [
                ("keys:write keys:read resources:read", false, Mode::Live, "10.1.0.0/16", "", None),
                ("keys:write resources:*", false, Mode::Live, "", "GET /a/1", end),
                ("keys:* resources:*", true, Mode::Test, "", "", None),
                (viewer, false, Mode::Test, "", "", None),
            ] {
                let mut draft = KeyDraft::management(self.accounts[3].clone(), "attacker", scopes.parse().unwrap());
                draft.kind = if secret { KeyKind::Secret } else { KeyKind::Restricted };
                draft.mode = mode;
                draft.networks = networks.split_whitespace().map(|network| network.parse().unwrap()).collect();
                draft.endpoints =
                    Some(endpoints).filter(|text| !text.is_empty()).iter().map(|e| e.parse().unwrap()).collect();
                draft.expires_at = expires_at;
                self.give_key(draft).await;
            }
        }
        let account = self.accounts[1 + usize::from(beginning >> 6 & 1)].clone();
        self.give_key(KeyDraft::secret(account, "attacker")).await;
        self.read_keys().await;
        self.check_state(0).await.unwrap();
    }

    async fn give_key(&mut self, draft: KeyDraft) {
        let issued = self.management.create_key(&Self::system(), draft).await.unwrap();
        self.holders.insert(issued.view.id, Attacker);
    }

    async fn add(&mut self, mailbox: usize, account: usize, role: Role, secret: Option<String>) {
        let (email, control) = MAILBOXES[mailbox];
        let account = self.accounts[account].clone();
        let secret = match secret {
            Some(secret) => secret,
            None => self.management.invite(&Self::system(), &account, email, role).await.unwrap().secret.to_string(),
        };
        self.management.accept_invitation(&Context::new(), &secret, "Person", password(control)).await.unwrap();
        // The program's own link verifies the address.
        self.note_person(mailbox, Some(control), true).await;
        let id = self.people.last().unwrap().id.clone();
        self.note_member(&account, &id, role);
    }

    async fn join(&mut self, mailbox: usize, account: usize, role: Role) {
        let account = self.accounts[account].clone();
        let invited = self.management.invite(&Self::system(), &account, MAILBOXES[mailbox].0, role).await.unwrap();
        let id = self.people.iter().find(|person| person.mailbox == mailbox).unwrap().id.clone();
        let (actor, _) = self.signed_in(&id, MAILBOXES[mailbox].1, false).await.unwrap();
        self.management.join_by_link(&actor, &invited.secret).await.unwrap();
        self.note_member(&account, &id, role);
    }

    async fn note_person(&mut self, mailbox: usize, password: Option<Side>, proven: bool) {
        let user = self.management.user_with_email(&Self::system(), MAILBOXES[mailbox].0).await.unwrap().value;
        self.people.push(Person {
            id: user.id,
            mailbox,
            password,
            linked: None,
            proven,
            disabled: false,
            by_links_only: false,
        });
    }

    fn note_member(&mut self, account: &AccountId, user: &UserId, role: Role) {
        self.members.insert((account.clone(), user.clone()), role);
        if role == Role::Owner {
            self.had_owner.insert(account.clone());
        }
    }

    fn person(&self, id: &UserId) -> Option<&Person> {
        self.people.iter().find(|person| person.id == *id)
    }

    fn is_attackers(&self, principal: &Principal) -> bool {
        match principal {
            Principal::System => false,
            Principal::User(id) => self.person(id).is_some_and(|person| person.is_of(Attacker)),
            Principal::Key(id) => self.holders.get(id) == Some(&Attacker),
        }
    }

    fn of_user(&self, id: &UserId) -> Vec<Holding> {
        let works = self.person(id).is_some_and(|person| !person.disabled);
        let of = self.members.iter().filter(|((_, user), _)| works && user == id);
        of.map(|((account, _), role)| Holding::of_member(account, &self.operator, *role)).collect()
    }

    fn is_active(&self, key: &KeyView) -> bool {
        key.disabled_at.is_none()
            && key.revoked_at.is_none()
            && key.compromised_at.is_none()
            && key.expires_at.is_none_or(|end| end.as_millis() > self.now())
    }

    fn of_key(&self, id: &CredentialId) -> Vec<Holding> {
        let active = self.keys.iter().filter(|key| key.id == *id && self.is_active(key));
        let own: Vec<Holding> = active.map(|key| self.key_holdings[&key.id].clone()).collect();
        let by_links: Vec<Holding> = own.iter().flat_map(|holding| self.by_links(holding)).collect();
        [own, by_links].concat()
    }

    fn of_principal(&self, principal: &Principal) -> Vec<Holding> {
        match principal {
            Principal::System => vec![Holding::of_member(&self.operator, &self.operator, Role::Owner)],
            Principal::User(id) => self.of_user(id),
            Principal::Key(id) => self.of_key(id),
        }
    }
}

const PLANS_WRITE: u32 = 1 << 9;

/// A refusal is an answer; a failing store is a fault of the test.
fn fine<T>(result: Result<T, ManagementError>) -> Checked<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error @ (ManagementError::Store(_) | ManagementError::Internal | ManagementError::Throttled { .. })) => {
            Err(error.to_string())
        }
        Err(_) => Ok(None),
    }
}
