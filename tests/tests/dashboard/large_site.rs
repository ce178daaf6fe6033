//! A site with 10,000 keys, most of them in one account, 1,000 accounts, and 1,000 users, with usage and audit entries.

use std::ffi::OsString;
use std::sync::Arc;

use keyward::clock::{Clock as _, SystemClock};
use keyward::id::UserId;
use keyward::key::KeyKind;
use keyward::manage::{
    Actor, Context, EventKind, KeyDraft, Kind, List, Management, ManagementStore, NewUser, Plan,
    PostgresManagementStore, Record, RequestEntry, Role, SqliteManagementStore, Write, Written,
};
use keyward::sqlite::SqliteStore;
use keyward::{AccountId, CredentialId};
use keyward_tests::postgres;
use serde_json::{Value, json};

use crate::site::{EMAIL, PASSWORD};

const KEYS: usize = 10_000;
const ACCOUNTS: usize = 1_000;
const MEMBERS: usize = 300;
const AUDIT_ENTRIES: usize = 20_000;
const DELIVERIES: usize = 300;
const REQUESTS: i64 = 200;
const DAYS: usize = 30;
/// A write of more takes too long on a busy machine.
const PER_BATCH: usize = 100;

enum Place {
    Sqlite { file: std::path::PathBuf, _folder: tempfile::TempDir },
    Postgresql { server: postgres::Server, url: String },
}

pub(crate) struct Store {
    place: Place,
    management: Management,
    records: Arc<dyn ManagementStore>,
}

/// What the paths of pages name.
pub(crate) struct Known {
    pub(crate) session: String,
    pub(crate) account: String,
    pub(crate) key: String,
    pub(crate) user: String,
    pub(crate) webhook: String,
    selected: Vec<CredentialId>,
}

impl Known {
    /// A query of as many keys as a page of the list has at most.
    pub(crate) fn selection(&self) -> String {
        self.selected.iter().map(|id| format!("id={id}")).collect::<Vec<_>>().join("&")
    }
}

fn system() -> Actor {
    Actor::system("test", Context::new())
}

impl Store {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.db");
        let store = SqliteStore::open(&file).unwrap();
        let records = SqliteManagementStore::open(&store).unwrap();
        let management = Management::builder(store, records.clone()).build().unwrap();
        Self { place: Place::Sqlite { file, _folder: folder }, management, records: Arc::new(records) }
    }

    pub(crate) async fn postgresql() -> Self {
        // A worker that ends takes its times along.
        let server = postgres::Server::with(vec!["max_parallel_workers_per_gather=0".to_owned()]);
        let url = server.database();
        let store = keyward_tests::postgres::store(&url).await;
        let records = PostgresManagementStore::open(&store).await.unwrap();
        let management = Management::builder(store, records.clone()).build().unwrap();
        Self { place: Place::Postgresql { server, url }, management, records: Arc::new(records) }
    }

    pub(crate) fn database(&self) -> OsString {
        match &self.place {
            Place::Sqlite { file, .. } => file.into(),
            Place::Postgresql { url, .. } => url.into(),
        }
    }

    /// The processes of the database's server.
    pub(crate) fn processes(&self) -> Vec<u32> {
        match &self.place {
            Place::Sqlite { .. } => Vec::new(),
            Place::Postgresql { server, .. } => server.processes(),
        }
    }

    /// Creates one of each kind.
    pub(crate) async fn begin(&self) -> Known {
        let management = &self.management;
        management.create_owner(&system(), NewUser::new(EMAIL, "Ada", PASSWORD)).await.unwrap();
        let session = management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
        let owner = management.session(&session, Context::new()).await.unwrap();
        let account = management.create_account(&owner, "Example Ltd").await.unwrap().value.id;
        management.put_plan(&owner, Plan::new("Pro").with_key_limit(10_000), None).await.unwrap();
        let invited = management.invite(&owner, &account, "grace@example.com", Role::Developer).await.unwrap();
        management.accept_invitation(&Context::new(), &invited.secret, "Grace", PASSWORD).await.unwrap();
        let user = management.user_with_email(&owner, "grace@example.com").await.unwrap().value.id;
        let mut selected = Vec::new();
        for number in 0..100 {
            let mut draft = KeyDraft::secret(account.clone(), format!("first {number}"));
            (draft.kind, draft.scopes) = (KeyKind::Restricted, "resources:read".parse().unwrap());
            selected.push(management.create_key(&owner, draft).await.unwrap().view.id);
        }
        let (url, events) = ("https://localhost:1/hooks", [EventKind::KeyCompromised]);
        let webhook = management.create_webhook(&owner, &account, url, "Alerts", &events).await.unwrap().webhook.id;
        management.test_webhook(&owner, &account, &webhook).await.unwrap();
        Known {
            session: session.to_string(),
            account: account.to_string(),
            key: selected[0].to_string(),
            user: user.to_string(),
            webhook,
            selected,
        }
    }

    /// Copies them.
    pub(crate) async fn grow(&self, known: &Known) {
        self.grow_accounts(known).await;
        self.grow_keys(known);
        self.grow_log(known).await;
        let delivery = self.first(List::of(Kind::Delivery, 1)).await;
        let deliveries = (0..DELIVERIES).map(|number| {
            let id = format!("evt_{number}.{}", known.webhook);
            let change =
                json!({"id": id, "event": format!("evt_{number}"), "state": "failed", "next_attempt_at": null});
            copy(&delivery, id, &change)
        });
        self.insert(deliveries.collect()).await;
        let now = SystemClock.now().as_millis();
        let request = |number: i64| RequestEntry {
            key: known.key.clone(),
            at: now - number * 60_000,
            number,
            account: known.account.clone(),
            method: Some("GET".to_owned()),
            route: Some("/v1/resources/{id}".to_owned()),
            network: Some("192.0.2.0/24".to_owned()),
            outcome: if number % 3 == 0 { "INSUFFICIENT_SCOPE" } else { "OK" }.to_owned(),
            missing: (number % 3 == 0).then(|| "resources:write".to_owned()),
        };
        self.records.add_requests(&(0..REQUESTS).map(request).collect::<Vec<_>>()).await.unwrap();
        if let Place::Postgresql { url, .. } = &self.place {
            postgres::sql(url, "ANALYZE");
        }
    }

    async fn grow_accounts(&self, known: &Known) {
        let account = self.records.get(Kind::Account, &known.account).await.unwrap().unwrap();
        let user = self.records.get(Kind::User, &known.user).await.unwrap().unwrap();
        let member = format!("{} {}", known.account, known.user);
        let member = self.records.get(Kind::Member, &member).await.unwrap().unwrap();
        let mut new = Vec::new();
        for number in 0..ACCOUNTS {
            let (of, id): (AccountId, UserId) = (format!("acct_{number}").parse().unwrap(), UserId::generate());
            new.push(copy(&account, of.to_string(), &json!({"id": of, "name": format!("Customer {number}")})));
            let email = format!("user{number}@example.com");
            let change = json!({"id": id, "email": email, "name": format!("User {number}")});
            new.push(Record { key: Some(email), ..copy(&user, id.to_string(), &change) });
            let also = (number < MEMBERS).then(|| known.account.parse().unwrap());
            for of in [Some(of), also].into_iter().flatten() {
                let change = json!({"account": of, "user": id});
                let owner = of.to_string();
                new.push(Record { owner, subject: id.to_string(), ..copy(&member, format!("{of} {id}"), &change) });
            }
        }
        self.insert(new).await;
        self.sql(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ACCOUNTS} - 1) \
             INSERT INTO {{}}accounts (id, name, plan, features, suspended_at) \
             SELECT 'acct_' || i, 'Customer ' || i, plan, features, suspended_at FROM n, {{}}accounts WHERE id = '{}'",
            known.account
        ));
    }

    /// A quarter is revoked, and all of them were used every day. Each account has one at least.
    fn grow_keys(&self, known: &Known) {
        let (digest, user, today) = match self.place {
            Place::Sqlite { .. } => ("randomblob(32)", "user", "unixepoch() / 86400"),
            Place::Postgresql { .. } => {
                ("sha256(convert_to(i::text, 'UTF8'))", "user_id", "extract(epoch FROM now())::bigint / 86400")
            }
        };
        let first = known.selected.len();
        self.sql(&format!(
            "WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {KEYS} - 1) \
             INSERT INTO {{}}keys (id, account, name, digest, hashed_with, hint, kind, mode, scopes, endpoints, networks, metadata, \
             created_at, expires_at, revoked_at, last_used_at, version, {user}, created_by) \
             SELECT 'key_' || i, CASE WHEN i < {KEYS} - {ACCOUNTS} THEN account ELSE 'acct_' || (i + {ACCOUNTS} - {KEYS}) END, \
             'key ' || i, {digest}, hashed_with, hint, kind, CASE WHEN i % 10 = 0 THEN 'test' ELSE mode END, scopes, endpoints, \
             networks, metadata, created_at - i, CASE WHEN i % 50 = 1 THEN created_at + 864000000 END, \
             CASE WHEN i % 4 = 0 THEN created_at END, created_at - i * 1000, version, {user}, created_by \
             FROM n, {{}}keys WHERE id = '{}'",
            known.key
        ));
        self.sql(&format!(
            "WITH RECURSIVE d (back) AS (SELECT 0 UNION ALL SELECT back + 1 FROM d WHERE back < {DAYS} - 1) \
             INSERT INTO {{}}desk_counts (account, key, day, outcome, times) \
             SELECT account, id, {today} - back, CASE WHEN revoked_at IS NULL THEN 'accepted' ELSE 'key_revoked' END, 7 \
             FROM {{}}keys, d"
        ));
        self.sql(
            "INSERT INTO {}desk_totals (account, day, outcome, times) \
             SELECT account, day, outcome, sum(times) FROM {}desk_counts GROUP BY account, day, outcome",
        );
        for days in [1, 4, 16] {
            self.sql(&format!(
                "INSERT INTO {{}}desk_spans (account, days, start, key, outcome, times) \
                 SELECT account, {days}, day - day % {days}, key, outcome, sum(times) FROM {{}}desk_counts GROUP BY 1, 3, 4, 5"
            ));
        }
        for (unit, hours) in [("day", 1), ("hour", 24)] {
            self.sql(&format!(
                "INSERT INTO {{}}desk_modes (account, unit, start, mode, outcome, times) \
                 SELECT c.account, '{unit}', c.day * {hours}, k.mode, c.outcome, sum(c.times) \
                 FROM {{}}desk_counts AS c JOIN {{}}keys AS k ON k.id = c.key GROUP BY 1, 3, 4, 5"
            ));
        }
    }

    async fn grow_log(&self, known: &Known) {
        let mut of_account = List::of(Kind::Audit, 50).owner(known.account.as_str());
        of_account.newest_first = true;
        let entries = self.records.list(&of_account).await.unwrap();
        let mut newest = List::of(Kind::Audit, 1);
        newest.newest_first = true;
        let last = self.first(newest).await.sort;
        let copies = entries.iter().cycle().zip(last + 1..).take(AUDIT_ENTRIES).map(|(entry, number)| {
            let copied = copy(entry, number.to_string(), &json!({"number": number}));
            Record { sort: number, key: Some(format!("copy {number}")), ..copied }
        });
        let copies: Vec<_> = copies.collect();
        let last = copies.last().unwrap().sort;
        self.insert(copies).await;
        // The server has no events of copies to deliver.
        let cursor = self.first(List::of(Kind::EventCursor, 1)).await;
        let moved = Record { version: cursor.version, ..copy(&cursor, cursor.id.clone(), &json!({"number": last})) };
        assert_eq!(self.records.write(&[Write::Replace(moved)]).await.unwrap(), Written::Done);
    }

    async fn first(&self, list: List) -> Record {
        self.records.list(&list).await.unwrap().remove(0)
    }

    async fn insert(&self, new: Vec<Record>) {
        let writes: Vec<_> = new.into_iter().map(Write::Insert).collect();
        for batch in writes.chunks(PER_BATCH) {
            assert_eq!(self.records.write(batch).await.unwrap(), Written::Done);
        }
    }

    /// Each `{}` stands for the prefix of the store's tables.
    fn sql(&self, sql: &str) {
        match &self.place {
            Place::Sqlite { file, .. } => {
                rusqlite::Connection::open(file).unwrap().execute_batch(&sql.replace("{}", "")).unwrap();
            }
            Place::Postgresql { url, .. } => drop(postgres::sql(url, &sql.replace("{}", "keyward_"))),
        }
    }
}

fn copy(record: &Record, id: String, change: &Value) -> Record {
    let mut body: Value = serde_json::from_str(&record.body).unwrap();
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    Record { id, version: 1, body: body.to_string(), ..record.clone() }
}
