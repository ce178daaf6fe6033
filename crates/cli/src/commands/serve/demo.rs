use std::time::Duration;

use keyward_core::clock::{Clock, SystemClock};
use keyward_core::key::KeyKind;
use keyward_core::{Mode, NewKey, ScopeSet};
use keyward_manage::{AccountUpdate, Context, KeyDraft, Management, NewCount, NewUser, Plan, Role};
use serde_json::{Value, json};

use crate::backend::{Managed, system};
use crate::error::{Error, ErrorKind};

const HOUR: i64 = 3_600 * 1_000;
const EMAIL: &str = "demo@example.com";

/// Refuses a database with an owner.
pub(super) async fn require_empty(management: &Management) -> Result<(), Error> {
    if management.has_owner().await? {
        return Err(Error::new(
            ErrorKind::Refused,
            "--demo needs an empty database, and this one has an owner: pass another --database",
        ));
    }
    Ok(())
}

/// Fills an empty database. Returns credentials to sign in with.
pub(super) async fn seed(managed: &Managed) -> Result<Value, Error> {
    let Managed { management, records, .. } = managed;
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
    let customers = [
        ("Northwind Analytics", "Pro", "nora@northwind.example", ["Production API", "Staging API", "Metrics exporter"]),
        ("Blue Harbor Shipping", "Scale", "bela@blueharbor.example", ["Track & trace", "Mobile app", "Nightly import"]),
        ("Kiosk Café", "Free", "kim@kioskcafe.example", ["Point of sale", "Website", "Ben's experiments"]),
    ];
    for (name, plan, owner, keys) in customers {
        let account = management.create_account(&actor, name).await?;
        let update = AccountUpdate { plan: Some(Some(plan.into())), ..AccountUpdate::default() };
        management.update_account(&actor, &account.id, &update, account.version).await?;
        let invited = management.invite(&actor, &account.id, owner, Role::Owner).await?;
        management.accept_invitation(&Context::new(), &invited.secret, owner, &password).await?;
        let most = management.effective_lifetimes(&actor, &account.id).await?.maximum_seconds;
        let soon = Duration::from_secs(most.unwrap_or(u64::MAX).min(10 * 86_400));
        for (number, key) in keys.into_iter().enumerate() {
            let base =
                NewKey::restricted(account.id.clone(), key, "resources:read jobs:write".parse().unwrap_or_default());
            let new = match number {
                0 => NewKey { kind: KeyKind::Secret, scopes: ScopeSet::all(), ..base },
                1 => NewKey { mode: Mode::Test, ..base },
                _ => NewKey { expires_at: Some(SystemClock.now().saturating_add(soon)), ..base },
            };
            let issued = management.create_key(&actor, KeyDraft::of(Default::default(), new)).await?;
            records
                .add(&month(&issued.view.id, &issued.view.account, number as i64))
                .await
                .map_err(|error| Error::caused(ErrorKind::Failed, &error))?;
            if number == 0 {
                management.rotate_key(&actor, &issued.view.id, Duration::from_secs(86_400)).await?;
            }
        }
    }
    let managing = "*".parse().unwrap_or_default();
    let operator = management.operator().clone();
    let new = NewKey { kind: KeyKind::Secret, ..NewKey::restricted(operator, "Demo management", managing) };
    let key = management.create_key(&actor, KeyDraft::of(keyward_manage::Purpose::Management, new)).await?;
    Ok(json!({"email": EMAIL, "password": password, "management_key": *key.key.expose_once()}))
}

/// With quiet weekends.
fn month(key: &keyward_core::CredentialId, account: &keyward_core::AccountId, number: i64) -> Vec<NewCount> {
    let this_hour = SystemClock.now().as_millis() / HOUR;
    let today = this_hour / 24;
    let count = |day: i64, outcome: &str, times: i64| NewCount {
        account: account.to_string(),
        key: key.to_string(),
        hour: this_hour - (today - day) * 24,
        outcome: outcome.to_owned(),
        times: u64::try_from(times).unwrap_or(0),
    };
    let busy = |day: i64| if (day + 4) % 7 < 2 { 120 } else { 900 };
    (today - 29..=today)
        .flat_map(|day| {
            let accepted = busy(day) / (number + 1) + (day * 7_919) % 97;
            [count(day, "accepted", accepted), count(day, "insufficient_scope", (day * 31 + number) % 9)]
        })
        .collect()
}
