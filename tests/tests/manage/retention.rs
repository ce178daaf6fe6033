use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use keyward::adapter::Event;
use keyward::clock::Clock as _;
use keyward::manage::{
    Actor, AuditEntry, AuditQuery, Context, KeyDraft, Management, ManagementStore as _, NewCount, PageRequest, Plan,
    SqliteManagementStore,
};
use keyward::sqlite::SqliteStore;
use keyward::{Authenticator, Identity, MemoryStore, Mode, Scope, ScopeSet};
use keyward_tests::log::Log;
use keyward_tests::service::call;

use crate::setting::{Setting, clock, quick};
use tracing::Level;

const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Setting {
    fn keeping(retention: Duration) -> Self {
        let (clock, store) = (clock(), SqliteStore::temporary().unwrap());
        let records = SqliteManagementStore::open(&store).unwrap();
        let file = Some(store.path().to_owned());
        let management = quick(Management::builder(store, records.clone()).audit_retention(retention), &clock);
        Self { management, records: Arc::new(records), clock, file }
    }

    async fn entries(&self) -> Vec<AuditEntry> {
        let page = PageRequest { after: None, limit: 500 };
        self.management.audit_log(&self.system(), &AuditQuery { page, ..AuditQuery::default() }).await.unwrap().items
    }

    async fn plans(&self, name: &str, many: u64) {
        for n in 0..many {
            self.management.put_plan(&self.system(), Plan::new(format!("{name} {n}")), None).await.unwrap();
        }
    }
}

#[tokio::test]
async fn maintenance_prunes_what_is_older_than_the_retention() {
    let setting = Setting::keeping(30 * DAY);
    let (management, system) = (&setting.management, setting.system());
    setting.plans("old", 205).await;
    let early = management.verify_audit_log(&system, None).await.unwrap().checkpoint();
    setting.clock.advance(29 * DAY);
    setting.plans("new", 3).await;
    let late = management.verify_audit_log(&system, None).await.unwrap().checkpoint();
    // Nothing is pruned at an age of 29 days, or of exactly 31: pruning may wait for a day.
    for wait in [Duration::ZERO, 2 * DAY] {
        setting.clock.advance(wait);
        management.maintain().await.unwrap();
        assert_eq!(management.verify_audit_log(&system, None).await.unwrap().pruned_through, None, "{wait:?}");
    }
    setting.clock.advance(Duration::from_millis(1));
    // Prune only once, even if maintenance runs twice.
    for _ in 0..2 {
        management.maintain().await.unwrap();
        let entries = setting.entries().await;
        let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["audit.prune", "plan.put", "plan.put", "plan.put"]);
        let (by, after) = (&entries[0].actor, entries[0].after.as_ref().unwrap());
        assert_eq!((by.kind.as_str(), by.id.as_str(), &after["entries"]), ("system", "retention", &205.into()));
    }
    for since in [None, Some(&early), Some(&late)] {
        let verdict = management.verify_audit_log(&system, since).await.unwrap();
        assert_eq!((verdict.entries, verdict.pruned_through, verdict.first_bad), (209, Some(205), None), "{since:?}");
    }
    // A later run also prunes the entry about the first one.
    setting.clock.advance(40 * DAY);
    management.maintain().await.unwrap();
    let verdict = management.verify_audit_log(&system, None).await.unwrap();
    assert_eq!((verdict.entries, verdict.pruned_through, verdict.first_bad), (210, Some(209), None));
}

/// Today is day 20,513 since 1970.
#[tokio::test]
async fn maintenance_removes_usage_past_its_retention() {
    let today = 20_513;
    for (days, kept) in [(None, [400, 399, 0].as_slice()), (Some(30), &[0]), (Some(399), &[399, 0])] {
        let (clock, store) = (clock(), SqliteStore::temporary().unwrap());
        assert_eq!(clock.now().as_millis() / (24 * 3_600 * 1_000), today);
        let records = SqliteManagementStore::open(&store).unwrap();
        let mut builder = Management::builder(store, records.clone());
        if let Some(days) = days {
            builder = builder.usage_retention(days * DAY);
        }
        let management = quick(builder, &clock);
        let count = |back: i64| NewCount {
            account: "acct".to_owned(),
            key: "key_1".to_owned(),
            hour: (today - back) * 24,
            mode: Mode::Live,
            outcome: "accepted".to_owned(),
            times: 1,
        };
        records.add(&[401, 400, 399, 0].map(count)).await.unwrap();
        let left = async || {
            let counts = records.counts("acct", None, 0, today).await.unwrap();
            counts.iter().map(|count| today - count.day).collect::<Vec<_>>()
        };
        management.maintain().await.unwrap();
        assert_eq!(left().await, kept, "{days:?}");
        clock.advance(401 * DAY);
        management.maintain().await.unwrap();
        assert_eq!(left().await, [] as [i64; 0], "{days:?}");
    }
}

/// The span of 16 days from day 20,512 has days on both sides of the cut.
#[tokio::test]
async fn counts_that_come_after_the_retention_are_left_out() {
    let (clock, store) = (clock(), SqliteStore::temporary().unwrap());
    let records = SqliteManagementStore::open(&store).unwrap();
    let node = || {
        let builder = Management::builder(store.clone(), records.clone()).usage_retention(30 * DAY);
        quick(builder, &clock)
    };
    let (late, other) = (node(), node());
    let system = Actor::system("test", Context::new());
    let account = other.create_account(&system, "Customer").await.unwrap().value.id;
    let key = other.create_key(&system, KeyDraft::secret(account.clone(), "key")).await.unwrap().view.id;
    let identity = Identity::api_key(key.clone(), account.clone()).with_scopes(ScopeSet::all());
    let required: Scope = "a:read".parse().unwrap();
    let count = |node: &Management| {
        let hook = node.usage_hook();
        hook(&Event::Accepted { identity: &identity });
        hook(&Event::ScopesGranted { identity: &identity, required: std::slice::from_ref(&required) });
    };
    count(&late);
    for _ in 0..40 {
        count(&other);
        other.flush_usage().await.unwrap();
        clock.advance(DAY);
    }
    other.maintain().await.unwrap();
    late.flush_usage().await.unwrap();
    let (today, first) = (20_513 + 40, 20_513 + 10);
    let of_account = account.as_str();
    let days = records.counts(of_account, None, 0, today).await.unwrap();
    let sum: u64 = days.iter().map(|count| count.times).sum();
    assert_eq!((days.first().map(|count| count.day), sum), (Some(first), 30));
    let totals = records.key_totals(of_account, 0, today).await.unwrap();
    assert_eq!(totals.iter().map(|total| total.times).sum::<u64>(), 30);
    for key in [None, Some(key.as_str())] {
        let scopes = records.scopes(of_account, key, 0, today).await.unwrap();
        assert_eq!(scopes.iter().map(|count| count.day).min(), Some(first), "{key:?}");
    }

    // A node of an older version writes them, and nobody reads them.
    let written = NewCount {
        account: account.to_string(),
        key: key.to_string(),
        hour: 20_513 * 24,
        mode: Mode::Live,
        outcome: "accepted".to_owned(),
        times: 5,
    };
    records.add(&[written]).await.unwrap();
    let usage = other.usage(&system, &account, 60).await.unwrap();
    assert_eq!(usage.days.iter().map(|day| day.times).sum::<u64>(), 30);
    let totals = other.usage_totals(&system, &account, 60).await.unwrap();
    assert_eq!(totals.iter().map(|total| total.times).sum::<u64>(), 30);
}

#[tokio::test]
async fn a_flood_of_malformed_forward_auth_writes_a_few_lines() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let router = keyward::gateway::forward_auth(Authenticator::new(MemoryStore::new()));
    let method: &[_] = &[("x-forwarded-method", "GET")];
    let (uri, both): (&[_], &[_]) =
        (&[("x-forwarded-uri", "/")], &[("x-forwarded-method", "GET"), ("x-forwarded-uri", "/")]);
    let kinds = [
        ("/forward-auth", &[][..]),
        ("/forward-auth", method),
        ("/forward-auth", uri),
        ("/forward-auth/refusal", &[]),
        ("/forward-auth?scope=", both),
        ("/forward-auth?scope=nonsense", both),
        ("/forward-auth?other=a", both),
        ("/forward-auth?scope=%FF%", both),
    ];
    const TIMES: usize = 500;
    for _ in 0..TIMES {
        for (path, fields) in kinds {
            let mut request = Request::get(path);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let answer = call(&router, request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 500, "{path} {fields:?}");
        }
    }
    let said = log.text();
    assert!(said.contains("a gateway sends neither x-forwarded-"), "{said}");
    // Each of six places logs at most one line a minute. Allow five minutes for a busy machine.
    let lines = said.lines().count();
    assert!(lines <= 6 * 5, "{lines} lines of {} requests: {said}", TIMES * kinds.len());
}
