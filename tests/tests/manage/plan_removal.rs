//! Plans that are removed while other requests use them.

use std::time::Duration;

use keyward::clock::Clock as _;
use keyward::limits::{BudgetRule, LimitRules, LimitStore as _, Refill, Subject};
use keyward::manage::{
    AccountUpdate, Actor, Context, Kind, LifetimesOf, Management, ManagementError, ManagementStore as _, Plan, Record,
    SqliteManagementStore, Write, Written,
};
use keyward::sqlite::{SqliteLimits, SqliteStore};
use keyward_client::{PutLifetimes, PutLimits};
use serde_json::json;

use crate::setting::{Setting, everywhere, failing_everywhere, on_sqlite};

const ROUNDS: u32 = 30;

/// Where another request interrupts one: after its first read of a kind, or before a write of it that follows this many others.
type Place = (Kind, Option<usize>);

fn code<T>(done: Result<T, ManagementError>) -> Result<T, &'static str> {
    done.map_err(|error| error.code())
}

/// Lets one of two requests begin later, by another time in each round.
async fn wait(round: u32, is_first: bool) {
    let late = if round.is_multiple_of(2) == is_first { round * 250 } else { 0 };
    tokio::time::sleep(Duration::from_micros(late.into())).await;
}

#[tokio::test]
async fn a_plan_is_assigned_or_removed_at_whatever_step_the_other_request_comes() {
    // Whether the assignment is interrupted or the removal, where, and whether the account has the plan afterwards.
    let cases: [(bool, Place, bool); 7] = [
        (true, (Kind::Plan, None), false),
        (true, (Kind::RemovedPlan, None), false),
        (true, (Kind::Begun, Some(0)), false),
        // The key store has the account.
        (true, (Kind::Begun, Some(1)), true),
        (false, (Kind::Plan, None), true),
        (false, (Kind::RemovedPlan, None), true),
        // The accounts with the plan are counted.
        (false, (Kind::Lifetimes, None), false),
    ];
    for (setting, records) in failing_everywhere().await {
        let (management, operator) = (&setting.management, setting.operator().await);
        for (case, (assignment_waits, (kind, writes), is_assigned)) in cases.into_iter().enumerate() {
            let plan = format!("Plan {case}");
            let account = management.create_account(&operator, "Customer").await.unwrap().value;
            management.put_plan(&operator, Plan::new(&plan), None).await.unwrap();
            let update = AccountUpdate { plan: Some(Some(plan.as_str().into())), ..AccountUpdate::default() };
            let assign = async || code(management.change_account(&operator, &account.id, &update, 1).await.map(drop));
            let remove = async || code(management.remove_plan(&operator, &plan, 1).await);
            let (mut assigned, mut removed) = (Ok(()), Ok(()));
            if assignment_waits {
                let removing = async { removed = remove().await };
                assigned = records.change_at(kind, writes, assign(), removing).await;
            } else {
                let assigning = async { assigned = assign().await };
                removed = records.change_at(kind, writes, remove(), assigning).await;
            }
            let expected = if is_assigned { (Ok(()), Err("PLAN_IN_USE")) } else { (Err("INVALID_VALUE"), Ok(())) };
            assert_eq!((assigned, removed), expected, "case {case}");
            let now = management.account(&operator, &account.id).await.unwrap().value;
            assert_eq!(now.plan.is_some(), is_assigned, "case {case}");
            let is_there = management.plans(&operator).await.unwrap().iter().any(|known| known.name == plan);
            assert_eq!(is_there, is_assigned, "case {case}");
        }
    }
}

/// Whatever the order, which the machine chooses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_account_gets_a_plan_while_it_is_removed() {
    for setting in everywhere().await {
        let (management, operator) = (setting.management.clone(), setting.operator().await);
        let account = management.create_account(&operator, "Customer").await.unwrap().value.id;
        management.put_plan(&operator, Plan::new("Before"), None).await.unwrap();
        for round in 0..ROUNDS {
            let plan = format!("Plan {round}");
            management.put_plan(&operator, Plan::new(&plan).with_key_limit(1), None).await.unwrap();
            let version = management.account(&operator, &account).await.unwrap().version;
            let update = AccountUpdate { plan: Some(Some("Before".into())), ..AccountUpdate::default() };
            let before = management.update_account(&operator, &account, &update, version).await.unwrap();

            let (working, actor, id, name) = (management.clone(), operator.clone(), account.clone(), plan.clone());
            let assigning = tokio::spawn(async move {
                wait(round, true).await;
                let plan = Some(Some(name.as_str().into()));
                let update =
                    AccountUpdate { plan, name: Some(format!("Customer of {name}")), ..AccountUpdate::default() };
                code(working.change_account(&actor, &id, &update, before.version).await.map(drop))
            });
            let (working, actor, name) = (management.clone(), operator.clone(), plan.clone());
            let removing = tokio::spawn(async move {
                wait(round, false).await;
                code(working.remove_plan(&actor, &name, 1).await)
            });
            let (assigned, removed) = (assigning.await.unwrap(), removing.await.unwrap());
            let now = management.account(&operator, &account).await.unwrap().value;
            let is_there = management.plans(&operator).await.unwrap().iter().any(|known| known.name == plan);
            assert!(assigned.is_ok() || assigned == Err("INVALID_VALUE"), "round {round}: {assigned:?}");
            assert!(removed.is_ok() || removed == Err("PLAN_IN_USE"), "round {round}: {removed:?}");
            assert_eq!(is_there, removed.is_err(), "round {round}");
            assert!(!(assigned.is_ok() && removed.is_ok()), "round {round}: both are done");
            // A refused change changes nothing.
            let expected = if assigned.is_ok() { (Some(plan.as_str()), true) } else { (Some("Before"), false) };
            assert_eq!((now.plan.as_deref(), now.name.ends_with(&plan)), expected, "round {round}");
            // A refused removal leaves nothing behind.
            if removed.is_err() {
                let update = AccountUpdate { plan: Some(Some(plan.into())), ..AccountUpdate::default() };
                let version = management.account(&operator, &account).await.unwrap().version;
                management.update_account(&operator, &account, &update, version).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_plan_has_no_lifetimes_that_came_while_its_namesake_was_removed() {
    for setting in everywhere().await {
        let (management, system) = (setting.management.clone(), setting.system());
        for round in 0..ROUNDS {
            let plan = format!("Plan {round}");
            management.put_plan(&system, Plan::new(&plan), None).await.unwrap();
            let of = LifetimesOf::Plan(plan.as_str().into());
            // Every third one has lifetimes, which are changed.
            let day = PutLifetimes { maximum_seconds: Some(86_400), ..PutLifetimes::default() };
            let known = u64::from(round.is_multiple_of(3));
            if known == 1 {
                management.put_lifetimes(&system, &of, &day, 0).await.unwrap();
            }
            let (working, actor, changed) = (management.clone(), system.clone(), of.clone());
            let putting = tokio::spawn(async move {
                wait(round, true).await;
                code(working.put_lifetimes(&actor, &changed, &day, known).await.map(drop))
            });
            let (working, actor, name) = (management.clone(), system.clone(), plan.clone());
            let removing = tokio::spawn(async move {
                wait(round, false).await;
                code(working.remove_plan(&actor, &name, 1).await)
            });
            let (put, removed) = (putting.await.unwrap(), removing.await.unwrap());
            let refused = ["NOT_FOUND", "PRECONDITION_FAILED"];
            assert!(put.is_ok() || put.is_err_and(|code| refused.contains(&code)), "round {round}: {put:?}");
            assert_eq!(removed, Ok(()), "round {round}");
            management.put_plan(&system, Plan::new(&plan), None).await.unwrap();
            assert_eq!(management.lifetimes(&system, &of).await.unwrap().version, 0, "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_plan_has_no_limits_that_came_while_its_namesake_was_removed() {
    let setting = on_sqlite();
    let (management, system) = (setting.management.clone(), setting.system());
    let limits: PutLimits = serde_json::from_value(json!({"budget": {"credits": 10}})).unwrap();
    for round in 0..ROUNDS {
        let plan = format!("Plan {round}");
        management.put_plan(&system, Plan::new(&plan), None).await.unwrap();
        let of = Subject::Plan(plan.as_str().into());
        let (working, actor, changed, put) = (management.clone(), system.clone(), of.clone(), limits.clone());
        let putting = tokio::spawn(async move {
            wait(round, true).await;
            code(working.put_limits(&actor, &changed, &put, 0).await.map(drop))
        });
        let (working, actor, name) = (management.clone(), system.clone(), plan.clone());
        let removing = tokio::spawn(async move {
            wait(round, false).await;
            code(working.remove_plan(&actor, &name, 1).await)
        });
        let (put, removed) = (putting.await.unwrap(), removing.await.unwrap());
        assert!(put.is_ok() || put == Err("NOT_FOUND"), "round {round}: {put:?}");
        assert_eq!(removed, Ok(()), "round {round}");
        management.put_plan(&system, Plan::new(&plan), None).await.unwrap();
        let known = management.limits(&system, &of).await.unwrap();
        assert!(known.budget.is_none(), "round {round}: {known:?}");
        // They stay those of the new plan.
        management.put_limits(&system, &of, &limits, known.version).await.unwrap();
        management.maintain().await.unwrap();
        assert!(management.limits(&system, &of).await.unwrap().budget.is_some(), "round {round}");
    }
}

/// Maintenance and a new plan end what a request writes that began before the removal.
#[tokio::test]
async fn late_limits_of_a_removed_plan_are_removed() {
    let (clock, store) = (crate::setting::clock(), SqliteStore::temporary().unwrap());
    let (records, limits) = (SqliteManagementStore::open(&store).unwrap(), SqliteLimits::new(&store));
    let builder = Management::builder(store, records.clone()).limits(limits.clone());
    let management = crate::setting::quick(builder, &clock);
    let (system, of) = (Actor::system("test", Context::new()), Subject::Plan("Pro".into()));
    let late = LimitRules::new().budget(BudgetRule::new(10, Refill::Month)).unwrap();
    for by_maintenance in [true, false] {
        management.put_plan(&system, Plan::new("Pro"), None).await.unwrap();
        management.remove_plan(&system, "Pro", 1).await.unwrap();
        clock.advance(Duration::from_secs(50 * 60));
        management.maintain().await.unwrap();
        limits.put_rules(&of, &late, None).await.unwrap();
        if by_maintenance {
            management.maintain().await.unwrap();
            assert!(limits.rules(&of).await.unwrap().rules.is_empty());
        }
        management.put_plan(&system, Plan::new("Pro"), None).await.unwrap();
        assert!(limits.rules(&of).await.unwrap().rules.is_empty());
        management.remove_plan(&system, "Pro", 1).await.unwrap();
        clock.advance(Duration::from_secs(3_601));
        management.maintain().await.unwrap();
        assert!(records.get(Kind::RemovedPlan, "Pro").await.unwrap().is_none());
    }
}

/// Begins a removal that goes no further.
async fn note(setting: &Setting) {
    let (now, known) = (setting.clock.now(), setting.records.get(Kind::RemovedPlan, "Pro").await.unwrap());
    let note = Record {
        kind: Kind::RemovedPlan,
        id: "Pro".to_owned(),
        owner: String::new(),
        subject: String::new(),
        key: None,
        sort: now.as_millis(),
        expires_at: None,
        version: known.as_ref().map_or(1, |known| known.version),
        body: json!({"name": "Pro", "at": now}).to_string(),
    };
    let write = if known.is_some() { Write::Replace(note) } else { Write::Insert(note) };
    assert_eq!(setting.records.write(&[write]).await.unwrap(), Written::Done);
}

/// A removal that is held up finds the note of another one.
#[tokio::test]
async fn a_removal_takes_no_note_of_another_for_its_own() {
    for (setting, records) in failing_everywhere().await {
        let (management, system, operator) = (&setting.management, setting.system(), setting.operator().await);
        let account = management.create_account(&system, "Customer").await.unwrap().value.id;
        management.put_plan(&system, Plan::new("Pro"), None).await.unwrap();
        let meanwhile = async {
            setting.clock.advance(Duration::from_secs(61));
            management.maintain().await.unwrap();
            let update = AccountUpdate { plan: Some(Some("Pro".into())), ..AccountUpdate::default() };
            let operator = setting.signed_in("operator@example.com").await;
            management.update_account(&operator, &account, &update, 1).await.unwrap();
            // Another removal counts the accounts now.
            note(&setting).await;
        };
        // It has counted the accounts, and reads the lifetimes of the plan.
        let removing = Box::pin(management.remove_plan(&operator, "Pro", 1));
        let removed = records.change_after_read(Kind::Lifetimes, removing, Box::pin(meanwhile)).await;
        assert_eq!(code(removed), Err("PLAN_IN_USE"));
        assert_eq!(management.plans(&system).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_removal_that_was_cut_off_is_withdrawn() {
    for setting in everywhere().await {
        let (management, operator) = (&setting.management, setting.operator().await);
        let account = management.create_account(&operator, "Customer").await.unwrap().value.id;
        management.put_plan(&operator, Plan::new("Pro"), None).await.unwrap();
        let assign = async || {
            let version = management.account(&operator, &account).await.unwrap().version;
            let update = AccountUpdate { plan: Some(Some("Pro".into())), ..AccountUpdate::default() };
            code(management.update_account(&operator, &account, &update, version).await.map(drop))
        };
        note(&setting).await;
        management.maintain().await.unwrap();
        assert_eq!(assign().await, Err("INVALID_VALUE"));
        assert_eq!(management.account(&operator, &account).await.unwrap().plan, None);
        setting.clock.advance(Duration::from_secs(61));
        management.maintain().await.unwrap();
        assert_eq!(assign().await, Ok(()));
        // Another removal does not wait, and withdraws both.
        note(&setting).await;
        assert_eq!(code(management.remove_plan(&operator, "Pro", 1).await), Err("PLAN_IN_USE"));
        management.remove_used_plan(&operator, "Pro", 1).await.unwrap();
        assert!(management.plans(&operator).await.unwrap().is_empty());
    }
}
