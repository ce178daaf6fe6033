use std::sync::Arc;
use std::time::Duration;

use keyward_core::clock::{Clock, ManualClock, SystemClock};
use keyward_core::key::KeyKind;
use keyward_core::{AccountId, Mode, NewKey, PlainKey, ScopeSet, Timestamp};
use keyward_manage::{
    AccountUpdate, Context, KeyDraft, KeyView, Management, NewCount, NewUser, PageRequest, Plan, Purpose, RequestEntry,
    Role,
};
use serde_json::{Value, json};

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

/// A customer of the demo: its name, its plan, its owner's address, and its keys.
type Customer = (&'static str, &'static str, &'static str, [&'static str; 3]);

const CUSTOMERS: [Customer; 3] = [
    ("Northwind Analytics", "Pro", "nora@northwind.example", ["Production API", "Staging API", "Metrics exporter"]),
    ("Blue Harbor Shipping", "Scale", "bela@blueharbor.example", ["Track & trace", "Mobile app", "Nightly import"]),
    ("Kiosk Café", "Free", "kim@kioskcafe.example", ["Point of sale", "Website", "Ben's experiments"]),
];
const FOUNDED: i64 = 90;
/// Days ago.
const CREATED: [i64; 3] = [80, 60, 24];
const ROTATED: i64 = 20;

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
    for (name, plan, owner, keys) in CUSTOMERS {
        let account = management.create_account(&actor, name).await?;
        let update = AccountUpdate { plan: Some(Some(plan.into())), ..AccountUpdate::default() };
        management.update_account(&actor, &account.id, &update, account.version).await?;
        let invited = management.invite(&actor, &account.id, owner, Role::Owner).await?;
        management.accept_invitation(&Context::new(), &invited.secret, owner, &password).await?;
        accounts.push((account.value.id, keys));
    }
    // The demo opens on the first customer.
    if let Some((first, _)) = accounts.first() {
        let session = management.sign_in(&Context::new(), EMAIL, &password).await?.session;
        let user = management.session(&session, Context::new()).await?;
        let invited = management.invite(&actor, first, EMAIL, Role::Admin).await?;
        management.join_by_link(&user, &invited.secret).await?;
    }
    let (mut rotated, mut used) = (Vec::new(), Vec::new());
    for (number, created) in CREATED.into_iter().enumerate() {
        clock.set_wall(days_ago(created));
        for (account, keys) in &accounts {
            let new = new_key(number, account, keys.get(number).copied().unwrap_or_default());
            let issued = management.create_key(&actor, KeyDraft::of(Purpose::Api, new)).await?;
            if number == 0 {
                rotated.push(issued.view);
            } else {
                count(managed, &issued.view, number, 29, 0).await?;
                used.push(issued.key);
            }
        }
    }
    clock.set_wall(days_ago(ROTATED));
    for key in rotated {
        let successor = management.rotate_key(&actor, &key.id, Duration::from_secs(86_400)).await?;
        count(managed, &key, 0, 29, ROTATED).await?;
        count(managed, &successor.view, 0, ROTATED - 1, 0).await?;
        used.push(successor.key);
    }
    clock.set_wall(SystemClock.now());
    for key in used {
        use_once(management, key).await?;
    }
    let managing = "*".parse().unwrap_or_default();
    let operator = management.operator().clone();
    let new = NewKey { kind: KeyKind::Secret, ..NewKey::restricted(operator, "Demo management", managing) };
    let key = server.create_key(&actor, KeyDraft::of(Purpose::Management, new)).await?;
    Ok(json!({"email": EMAIL, "password": password, "management_key": *key.key.expose_once()}))
}

fn new_key(number: usize, account: &AccountId, name: &str) -> NewKey {
    let base = NewKey::restricted(account.clone(), name, "resources:read jobs:write".parse().unwrap_or_default());
    match number {
        0 => NewKey { kind: KeyKind::Secret, scopes: ScopeSet::all(), ..base },
        1 => NewKey { mode: Mode::Test, ..base },
        _ => NewKey { expires_at: Some(days_ago(-10)), ..base },
    }
}

/// The last use of a key is now, as the newest counts are.
async fn use_once(management: &Management, key: PlainKey) -> Result<(), Error> {
    let failed = |error: &dyn std::error::Error| Error::caused(ErrorKind::Failed, error);
    let verifier = management.verifier().map_err(|error| failed(&error))?;
    let field = format!("Bearer {}", *key.expose_once());
    verifier.authenticate([field.as_bytes()]).await.map_err(|error| failed(&error))?;
    verifier.shutdown().await;
    Ok(())
}

/// Counts requests from the first to the last of these days ago, with quiet weekends. The newest key of an account lacks a scope since three days.
async fn count(managed: &Managed, key: &KeyView, number: usize, first: i64, last: i64) -> Result<(), Error> {
    let this_hour = SystemClock.now().as_millis() / HOUR;
    let first = first.min(CREATED.get(number).copied().unwrap_or_default());
    let new = |ago: i64, outcome: &str, times: i64| NewCount {
        account: key.account.to_string(),
        key: key.id.to_string(),
        hour: this_hour - ago * 24,
        mode: key.mode,
        outcome: outcome.to_owned(),
        times: u64::try_from(times).unwrap_or(0),
    };
    let part = i64::try_from(number).unwrap_or(0) + 1;
    let counts = (last..=first).rev().flat_map(|ago| {
        let day = this_hour / 24 - ago;
        let busy = if (day + 4) % 7 < 2 { 120 } else { 900 };
        let accepted = busy / part + (day * 7_919) % 97;
        let refused = if number == 2 && ago < 3 { accepted / 2 } else { (day * 31) % 3 };
        [new(ago, "accepted", accepted), new(ago, "insufficient_scope", refused)]
    });
    let counts: Vec<_> = counts.collect();
    managed.records.add(&counts).await.map_err(|error| Error::caused(ErrorKind::Failed, &error))?;
    if last == 0 { record(managed, key, number).await } else { Ok(()) }
}

/// Records requests of the last hours, as often refused as [`count`] counts them.
async fn record(managed: &Managed, key: &KeyView, number: usize) -> Result<(), Error> {
    const ROUTES: [(&str, &str); 5] = [
        ("GET", "/v1/resources"),
        ("GET", "/v1/resources/{id}"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs/{id}"),
        ("PUT", "/v1/resources/{id}"),
    ];
    const NETWORKS: [&str; 3] = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8:7::/48"];
    let now = SystemClock.now().as_millis();
    let requests = (0..60_i64).map(|place| {
        // Every third request of the key that lacks a scope writes.
        let is_refused = number == 2 && place % 3 == 0;
        let turn = usize::try_from(place).unwrap_or(0);
        let (method, route) = if is_refused { ROUTES[4] } else { ROUTES[turn % 4] };
        RequestEntry {
            key: key.id.to_string(),
            at: now - (place * 97 + place * place * 3) * 1_000 - 1_000,
            number: place,
            account: key.account.to_string(),
            method: Some(method.to_owned()),
            route: Some(route.to_owned()),
            network: Some(NETWORKS[turn % 7 % 3].to_owned()),
            outcome: if is_refused { "INSUFFICIENT_SCOPE" } else { "OK" }.to_owned(),
            missing: is_refused.then(|| "resources:write".to_owned()),
        }
    });
    let requests: Vec<_> = requests.collect();
    managed.records.add_requests(&requests).await.map_err(|error| Error::caused(ErrorKind::Failed, &error))
}
