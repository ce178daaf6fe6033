//! The sample data of `--demo`.

mod traffic;

use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use keyward_core::clock::{Clock, ManualClock, SystemClock};
use keyward_core::key::KeyKind;
use keyward_core::store::KeyQuery;
use keyward_core::{AccountId, AuthLayer, Authenticator, Mode, NewKey, PlainKey, ScopeSet, Timestamp};
use keyward_manage::{
    AccountUpdate, Context, KeyChange, KeyDraft, Management, NewUser, PageRequest, Plan, Purpose, Role,
};
use serde_json::{Value, json};

use self::traffic::{CHANGE, LIST, POLL, READ, START, Traffic};
use crate::backend::{Managed, system};
use crate::error::{Error, ErrorKind};

/// The scopes of the API of the demo.
pub(super) const SCOPES: &str = "\
    # Resources\n\
    resources:read List and retrieve resources\n\
    resources:write Create, change and delete resources\n\
    # Jobs\n\
    jobs:read See jobs and their results\n\
    jobs:write Start and cancel jobs\n";

/// The call of the examples for a new key.
pub(super) const EXAMPLE_PATH: &str = "/demo/resources";

/// The API that the keys of the demo are for.
pub(super) fn example_api(authenticator: &Authenticator) -> Router {
    let list = async || Json(json!({"resources": [{"id": "res_1", "name": "The first resource"}]}));
    Router::new().route(EXAMPLE_PATH, get(list)).layer(AuthLayer::from(authenticator.clone()))
}

const HOUR: i64 = 3_600 * 1_000;
const EMAIL: &str = "demo@example.com";

/// Refuses a database with an owner or an account. Each key has an account.
pub(super) async fn require_empty(management: &Management) -> Result<(), Error> {
    let what = if management.has_owner().await? {
        "an owner"
    } else if !management.accounts(&system(), &PageRequest::default()).await?.items.is_empty() {
        "accounts"
    } else {
        return Ok(());
    };
    let message = format!("--demo needs an empty database, and this one has {what}: pass another --database");
    Err(Error::new(ErrorKind::Refused, message))
}

const FOUNDED: i64 = 90;
/// Days ago.
const ROTATED: i64 = 20;
/// Days ago. Since then, the exporter of the first customer is refused.
const NARROWED: i64 = 3;

/// A customer of the demo, with the address of its owner.
struct Customer {
    name: &'static str,
    plan: &'static str,
    owner: (&'static str, &'static str),
    keys: [Seed; 3],
}

/// A key of a customer, and what calls with it.
struct Seed {
    name: &'static str,
    mode: Mode,
    /// `*` for a secret key.
    scopes: &'static str,
    /// Days ago.
    created: i64,
    /// Days from now.
    expires: Option<i64>,
    is_rotated: bool,
    traffic: Traffic,
}

impl Seed {
    const fn new(name: &'static str, scopes: &'static str, created: i64, traffic: Traffic) -> Self {
        Self { name, mode: Mode::Live, scopes, created, expires: None, is_rotated: false, traffic }
    }
}

const ALL: &[usize] = &[LIST, READ, READ, START, POLL, POLL, CHANGE];

const CUSTOMERS: [Customer; 3] = [
    Customer {
        name: "Northwind Analytics",
        plan: "Pro",
        owner: ("nora@northwind.example", "Nora Lind"),
        keys: [
            Seed { is_rotated: true, ..Seed::new("Production API", "*", 80, Traffic::new(900, ALL)) },
            Seed {
                mode: Mode::Test,
                ..Seed::new("Staging API", "resources:read jobs:*", 60, Traffic::new(140, &[LIST, READ, START, POLL]))
            },
            Seed {
                expires: Some(10),
                ..Seed::new(
                    "Metrics exporter",
                    "resources:read resources:write",
                    24,
                    Traffic::new(300, &[READ, CHANGE, READ]),
                )
            },
        ],
    },
    Customer {
        name: "Blue Harbor Shipping",
        plan: "Scale",
        owner: ("bela@blueharbor.example", "Bela Kovacs"),
        keys: [
            Seed { is_rotated: true, ..Seed::new("Track & trace", "*", 80, Traffic::new(5_200, &[READ, READ, LIST])) },
            Seed::new("Mobile app", "resources:read", 55, Traffic::new(2_600, &[LIST, READ])),
            Seed::new("Nightly import", "resources:write jobs:*", 30, Traffic::new(420, &[START, POLL, CHANGE])),
        ],
    },
    Customer {
        name: "Kiosk Café",
        plan: "Free",
        owner: ("kim@kioskcafe.example", "Kim Okafor"),
        keys: [
            Seed { is_rotated: true, ..Seed::new("Point of sale", "*", 75, Traffic::new(110, &[LIST, CHANGE])) },
            Seed::new("Website", "resources:read", 50, Traffic::new(240, &[LIST, LIST, READ])),
            Seed {
                mode: Mode::Test,
                expires: Some(6),
                ..Seed::new(
                    "Ben's experiments",
                    "resources:read",
                    12,
                    Traffic::new(30, &[LIST, READ, READ, READ, START]),
                )
            },
        ],
    },
];

fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_millis(SystemClock.now().as_millis() - days * 24 * HOUR)
}

/// The clock of the program that fills the database, so that its past is one story.
pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(days_ago(FOUNDED)))
}

/// Fills an empty database with a past, and creates a management key as the server does. Returns credentials to sign in with.
pub(super) async fn seed(server: &Management, managed: &Managed, clock: &ManualClock) -> Result<Value, Error> {
    let management = &managed.management;
    let mut random = [0_u8; 12];
    getrandom::fill(&mut random).map_err(|error| Error::usage(error.to_string()))?;
    let password = hex::encode(random);
    let actor = system();
    management.create_owner(&actor, NewUser::new(EMAIL, "Dana Demo", &password)).await?;
    let plans = [("Free", "For trying it out", 5), ("Pro", "For products", 50), ("Scale", "For platforms", 500)];
    for (name, description, keys) in plans {
        let plan = Plan { description: description.to_owned(), ..Plan::new(name).with_key_limit(keys) };
        management.put_plan(&actor, plan, None).await?;
    }
    let mut accounts = Vec::new();
    for customer in &CUSTOMERS {
        let account = management.create_account(&actor, customer.name).await?;
        let update = AccountUpdate { plan: Some(Some(customer.plan.into())), ..AccountUpdate::default() };
        management.update_account(&actor, &account.id, &update, account.version).await?;
        let (email, name) = customer.owner;
        let invited = management.invite(&actor, &account.id, email, Role::Owner).await?;
        management.accept_invitation(&Context::new(), &invited.secret, name, &password).await?;
        accounts.push((account.value.id, customer));
    }
    // The demo opens on the first customer.
    if let Some((first, _)) = accounts.first() {
        let session = management.sign_in(&Context::new(), EMAIL, &password).await?.session;
        let user = management.session(&session, Context::new()).await?;
        let invited = management.invite(&actor, first, EMAIL, Role::Admin).await?;
        management.join_by_link(&user, &invited.secret).await?;
    }
    let mut seeds: Vec<_> =
        accounts.iter().flat_map(|(account, customer)| customer.keys.iter().map(move |seed| (account, seed))).collect();
    seeds.sort_by_key(|(_, seed)| std::cmp::Reverse(seed.created));
    let mut issued = Vec::new();
    for (account, seed) in seeds {
        clock.set_wall(days_ago(seed.created));
        let key = management.create_key(&actor, KeyDraft::of(Purpose::Api, new_key(seed, account))).await?;
        issued.push((seed, key));
    }
    // Each key was used last when its requests end.
    let (mut in_use, now) = (Vec::new(), SystemClock.now());
    for (seed, key) in issued {
        if !seed.is_rotated {
            in_use.push((seed, key.view.id, days_ago(seed.created), key.key));
            continue;
        }
        let (from, until) = (days_ago(seed.created), days_ago(ROTATED));
        clock.set_wall(traffic::write(managed, &key.view, &seed.traffic, from, until, None).await?);
        use_once(management, key.key).await?;
        clock.set_wall(until);
        let successor = management.rotate_key(&actor, &key.view.id, Duration::from_secs(86_400)).await?;
        in_use.push((seed, successor.view.id, days_ago(ROTATED), successor.key));
    }
    clock.set_wall(days_ago(NARROWED));
    if let (Some(first), Some((account, _))) = (CUSTOMERS.first(), accounts.first()) {
        narrow(management, first, account, &password).await?;
    }
    clock.set_wall(now);
    for (seed, id, from, key) in in_use {
        let view = management.key(&actor, &id).await?;
        let created: ScopeSet = seed.scopes.parse().unwrap_or_default();
        let before = (view.scopes != created).then(|| (days_ago(NARROWED), created));
        clock.set_wall(traffic::write(managed, &view, &seed.traffic, from, now, before).await?);
        use_once(management, key).await?;
    }
    clock.set_wall(now);
    let managing = "*".parse().unwrap_or_default();
    let operator = management.operator().clone();
    let new = NewKey { kind: KeyKind::Secret, ..NewKey::restricted(operator, "Demo management", managing) };
    let key = server.create_key(&actor, KeyDraft::of(Purpose::Management, new)).await?;
    Ok(json!({"email": EMAIL, "password": password, "management_key": *key.key.expose_once()}))
}

fn new_key(seed: &Seed, account: &AccountId) -> NewKey {
    let base = NewKey::restricted(account.clone(), seed.name, seed.scopes.parse().unwrap_or_default());
    let kind = if seed.scopes == "*" { KeyKind::Secret } else { base.kind };
    NewKey { kind, mode: seed.mode, expires_at: seed.expires.map(|days| days_ago(-days)), ..base }
}

/// The owner takes a scope from the exporter, which still needs it.
async fn narrow(
    management: &Management,
    customer: &Customer,
    account: &AccountId,
    password: &str,
) -> Result<(), Error> {
    let session = management.sign_in(&Context::new(), customer.owner.0, password).await?.session;
    let owner = management.session(&session, Context::new()).await?;
    let query = KeyQuery { account: Some(account.clone()), text: Some("exporter".to_owned()), ..KeyQuery::default() };
    for key in management.keys(&owner, &query).await?.items {
        let scopes = "resources:read".parse().ok();
        management.update_key(&owner, &key.id, KeyChange { scopes, ..KeyChange::default() }, key.version).await?;
    }
    Ok(())
}

/// Uses a key at the time of the clock.
async fn use_once(management: &Management, key: PlainKey) -> Result<(), Error> {
    let failed = |error: &dyn std::error::Error| Error::caused(ErrorKind::Failed, error);
    let verifier = management.verifier().map_err(|error| failed(&error))?;
    let field = format!("Bearer {}", *key.expose_once());
    verifier.authenticate([field.as_bytes()]).await.map_err(|error| failed(&error))?;
    verifier.shutdown().await;
    Ok(())
}
