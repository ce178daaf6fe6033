//! Several node processes on one PostgreSQL server, and failures of the server.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::process::Command;
use std::time::{Duration, Instant};

use keyward::clock::{Clock, SystemClock};
use keyward::lease::Lease;
use keyward::manage::{ManagementStore as _, PostgresManagementStore};
use keyward::postgres::{ConnectError, PostgresOptions, PostgresStore};
use keyward::store::{KeyAdmin, KeyStore, StoreErrorKind};
use keyward::{AccountRecord, Authenticator, Keys, NewKey, Rejection};
use keyward_needs::needs;
use keyward_tests::node::{Node, assert_no_node_accepts_revoked_keys, assert_stopped_node_is_waited_out, registered};
use keyward_tests::postgres;
use keyward_tests::program::package_program;
use keyward_tests::watched::within;

const NODE: &str = env!("CARGO_BIN_EXE_postgres_node");

struct Management {
    url: String,
    store: PostgresStore,
    keys: Keys,
}

impl Management {
    async fn new() -> Self {
        let url = postgres::database();
        let store = postgres::store(&url).await;
        let keys = Keys::new(store.clone());
        keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
        Self { url, store, keys }
    }

    async fn issue(&self) -> (String, keyward::store::KeyRecord) {
        let issued = self.keys.issue(NewKey::secret("acct_1".parse().unwrap(), "a key")).await.unwrap();
        (format!("Bearer {}", *issued.key.expose_once()), issued.record)
    }
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_revoked_on_one_node_is_refused_by_all() {
    let management = Management::new().await;
    let mut nodes: Vec<Node> = (0..3).map(|_| Node::start(NODE, &management.url)).collect();
    assert_no_node_accepts_revoked_keys(&management.keys, "acct_1", &mut nodes).await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_node_is_waited_out_and_then_refuses_the_key() {
    let management = Management::new().await;
    assert_stopped_node_is_waited_out(&management.keys, "acct_1", Node::start(NODE, &management.url)).await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uncommitted_log_entry_blocks_lease_grants() {
    let management = Management::new().await;
    let (client, connection) = tokio_postgres::connect(&management.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; UPDATE keyward_log_head SET number = number + 1, mark = 7").await.unwrap();
    let keyward::store::Freshness::ChangeLog(log) = management.store.freshness() else {
        panic!("the store has no change log")
    };
    let position = log.newest().await.unwrap();
    let renewing =
        tokio::spawn(
            async move { log.renew(&"node".parse().unwrap(), position, Duration::from_secs(2)).await.unwrap() },
        );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!renewing.is_finished(), "a lease was granted while an entry was being committed");
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(renewing.await.unwrap(), keyward::store::LeaseAnswer::Behind);
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreachable_database_refuses_requests_until_it_is_back() {
    let management = Management::new().await;
    let (field, _) = management.issue().await;
    let authenticator = Authenticator::builder(management.store.clone()).build().unwrap();
    let ask = async || authenticator.authenticate([field.as_bytes()]).await.map(drop);
    within("the key is accepted", async || ask().await.is_ok()).await;
    postgres::shut(&management.url);
    let shut = Instant::now();
    let mut refused = false;
    while !refused {
        let asked = shut.elapsed();
        match ask().await {
            // The lease outlives the database for a while.
            Ok(()) => assert!(asked <= Lease::default().length(), "a lease outlived the database: {asked:?}"),
            Err(rejection) => {
                assert_eq!(rejection, Rejection::StoreUnavailable);
                refused = true;
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let error = management.store.find(&keyward::key::Digest::from_bytes([1; 32])).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    postgres::open(&management.url);
    within("the node recovers", async || ask().await.is_ok()).await;
}

const LOCKS: [i64; 2] = [0x6b65_7977, 0x6465_736b];
const SHORT: Duration = Duration::from_millis(300);

async fn stranger(url: &str) -> tokio_postgres::Client {
    let url = format!("{url}?application_name=a_stranger");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Statements that take the lock: first as earlier versions did, then as this version does.
const HOLD: [&str; 2] = ["SELECT pg_advisory_lock(LOCK)", "BEGIN; SELECT pg_advisory_xact_lock(LOCK)"];

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stranded_lock_is_harmless_if_tables_are_up_to_date() {
    for hold in HOLD {
        let url = postgres::database();
        let store = postgres::store(&url).await;
        PostgresManagementStore::open(&store).await.unwrap();
        let mut strangers = Vec::new();
        for lock in LOCKS {
            let stranger = stranger(&url).await;
            stranger.batch_execute(&hold.replace("LOCK", &lock.to_string())).await.unwrap();
            strangers.push(stranger);
        }
        let store = postgres::patient().migration_wait(SHORT).connect(&url).await.unwrap();
        PostgresManagementStore::open(&store).await.unwrap();
    }
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranded_lock_before_a_migration_is_named() {
    for (hold, lock) in HOLD.into_iter().flat_map(|hold| LOCKS.map(|lock| (hold, lock))) {
        let url = postgres::database();
        let stranger = stranger(&url).await;
        stranger.batch_execute(&hold.replace("LOCK", &lock.to_string())).await.unwrap();
        let process: i32 = stranger.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let open = async || -> Result<(), Box<dyn std::error::Error>> {
            let store = postgres::patient().migration_wait(SHORT).connect(&url).await?;
            PostgresManagementStore::open(&store).await?;
            Ok(())
        };
        let error = open().await.unwrap_err();
        let chain: Vec<String> =
            std::iter::successors(Some(&*error), |error| error.source()).map(ToString::to_string).collect();
        let chain = chain.join(": ");
        for part in [
            &format!("process id {process}"),
            "application a_stranger",
            "connected since 2",
            &format!("pg_terminate_backend({process})"),
        ] {
            assert!(chain.contains(part), "{hold}: {part} is not in {chain}");
        }
        // Follow the advice in the error.
        postgres::sql(&url, &format!("SELECT pg_terminate_backend({process})"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = open().await {
            assert!(Instant::now() < deadline, "{error}");
        }
    }
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_before_a_migration_is_named() {
    let url = postgres::database();
    postgres::store(&url).await;
    postgres::sql(
        &url,
        "DELETE FROM keyward_migrations WHERE version >= 4; ALTER TABLE keyward_keys DROP COLUMN last_used_from, \
         DROP COLUMN user_id, DROP COLUMN created_by, DROP COLUMN revocation_reason, DROP COLUMN revocation_note, DROP COLUMN tags; \
         DROP VIEW keyward_position; DROP FUNCTION keyward_invalidate_key, keyward_invalidate_account, keyward_random_mark, \
         keyward_put_limits; DROP TABLE keyward_limit_rules, keyward_limit_head, keyward_limit_budgets, keyward_limit_rates",
    );
    let stranger = stranger(&url).await;
    stranger.batch_execute("BEGIN; SELECT * FROM keyward_keys").await.unwrap();
    let error = postgres::patient().migration_wait(SHORT).connect(&url).await.unwrap_err();
    let ConnectError::Migration(error) = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("application a_stranger"), "{error}");
    stranger.batch_execute("COMMIT").await.unwrap();
    postgres::store(&url).await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_from_before_the_spans_are_in_the_totals_of_keys() {
    let url = postgres::database();
    let store = postgres::store(&url).await;
    PostgresManagementStore::open(&store).await.unwrap();
    postgres::sql(
        &url,
        "DELETE FROM keyward_desk_migrations WHERE version >= 8; DROP TABLE keyward_desk_spans; \
         CREATE INDEX keyward_desk_counts_refused ON keyward_desk_counts (account, day) WHERE outcome <> 'accepted'; \
         INSERT INTO keyward_desk_counts SELECT 'acct', 'k', day, 'accepted', 1 FROM generate_series(20001, 20100) AS day",
    );
    let records = PostgresManagementStore::open(&store).await.unwrap();
    for (from, to) in [(20_001, 20_100), (20_000, 20_030), (20_017, 20_017), (20_090, 20_200)] {
        let found = records.key_totals("acct", from, to).await.unwrap();
        let days = to.min(20_100) - from.max(20_001) + 1;
        assert_eq!(found.iter().map(|total| total.times as i64).collect::<Vec<_>>(), [days], "{from} to {to}");
    }
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_without_spans_are_removed_too() {
    let url = postgres::database();
    let records = PostgresManagementStore::open(&postgres::store(&url).await).await.unwrap();
    // A node of a version without spans writes them. There are more than the store removes at a time.
    postgres::sql(
        &url,
        "INSERT INTO keyward_desk_counts SELECT account, 'k' || n % 600, n / 600, 'accepted', 1 \
         FROM generate_series(0, 11999) AS n, (VALUES ('acct'), ('other')) AS accounts (account); \
         INSERT INTO keyward_desk_totals VALUES ('acct', 3, 'accepted', 600)",
    );
    records.remove_counts(18).await.unwrap();
    let left = records.counts("acct", None, 0, 99).await.unwrap();
    assert!(left.len() == 1_200 && left.iter().all(|count| count.day >= 18), "{}", left.len());
    assert_eq!(records.totals("acct", 0, 99).await.unwrap(), []);
    assert_eq!(records.counts("other", None, 0, 99).await.unwrap().len(), 12_000);
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_on_an_empty_database_all_start() {
    for _ in 0..3 {
        let url = postgres::database();
        let mut nodes = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let url = url.clone();
            nodes.spawn(async move {
                let store = postgres::store(&url).await;
                PostgresManagementStore::open(&store).await.unwrap();
            });
        }
        while let Some(node) = nodes.join_next().await {
            node.unwrap();
        }
        assert_eq!(postgres::sql(&url, "SELECT count(*) FROM keyward_log_head"), "1");
    }
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_waits_for_one_that_makes_the_tables() {
    let url = postgres::database();
    let other = stranger(&url).await;
    other.batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({})", LOCKS[0])).await.unwrap();
    let timeout = Duration::from_secs(5);
    let starting = {
        let options = postgres::patient().statement_timeout(timeout).migration_wait(Duration::from_secs(600));
        let url = url.clone();
        tokio::spawn(async move { options.connect(&url).await })
    };
    // Wait longer than any statement of a request may take.
    tokio::time::sleep(timeout * 2).await;
    assert!(!starting.is_finished(), "the node gave up waiting");
    other.batch_execute("COMMIT").await.unwrap();
    let store = starting.await.unwrap().unwrap();
    // Requests keep their time limit.
    other.batch_execute("BEGIN; LOCK TABLE keyward_accounts").await.unwrap();
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    assert!(store.put_account(&account).await.is_err());
}

/// `pg_locks` lists those of the whole server, which other tests share.
const ADVISORY_LOCKS_HERE: &str = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
     WHERE locktype = 'advisory' AND datname = current_database()";

#[needs(postgresql, pgbouncer)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_lends_sessions_is_refused() {
    let url = postgres::database();
    for (mode, works) in [("transaction", false), ("statement", false), ("session", true)] {
        let pooler = postgres::Pooler::start(&url, mode);
        let connected = postgres::patient().connect(&pooler.url).await;
        match connected {
            Ok(store) if works => {
                // The session has no leftovers for the next client.
                drop(store);
                assert_eq!(postgres::sql(&url, ADVISORY_LOCKS_HERE), "0");
            }
            Err(ConnectError::Pooler) if !works => {}
            // This mode allows no transactions, so an unreachable store is a correct answer too.
            Err(ConnectError::Unreachable(_)) if mode == "statement" => {}
            other => panic!("{mode}: {other:?}"),
        }
    }
    let one_session = postgres::Pooler::with_sessions(&url, "transaction", 1);
    let refused = postgres::patient().connect(&one_session.url).await;
    assert!(matches!(refused, Err(ConnectError::Pooler)), "{refused:?}");
}

#[needs(postgresql, pgbouncer)]
#[test]
fn server_behind_a_pooler_that_lends_sessions_says_why_it_does_not_start() {
    let pooler = postgres::Pooler::start(&postgres::database(), "transaction");
    let keyward = package_program("keyward-cli", "keyward");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["keys", "list"]] {
        let ended = Command::new(&keyward).args(["--database", &pooler.url]).args(command).output().unwrap();
        assert!(matches!(ended.status.code(), Some(1 | 2)), "{command:?}: {ended:?}");
        let said = String::from_utf8(ended.stderr).unwrap();
        let advice = "connect to PostgreSQL directly, or set `pool_mode = session`";
        assert!(ended.stdout.is_empty() && said.contains(advice), "{command:?}: {said}");
    }
}

#[needs(postgresql, pgbouncer)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_behind_a_pooler_with_whole_sessions_refuse_revoked_keys() {
    let management = Management::new().await;
    let pooler = postgres::Pooler::start(&management.url, "session");
    let mut nodes: Vec<Node> = (0..2).map(|_| Node::start(NODE, &pooler.url)).collect();
    assert_no_node_accepts_revoked_keys(&management.keys, "acct_1", &mut nodes).await;
}

#[needs(postgresql)]
#[tokio::test]
async fn invalid_or_unreliable_databases_are_refused() {
    for (url, expected) in [
        ("not a url", "invalid connection string or option"),
        ("postgres://keyward@127.0.0.1:1/none", "cannot connect to the database"),
    ] {
        assert_eq!(PostgresStore::connect(url).await.unwrap_err().to_string(), expected);
    }
    let url = postgres::database();
    let none = PostgresOptions::default().pool_size(0).connect(&url).await.unwrap_err();
    assert!(matches!(none, ConnectError::Options(_)));
    let forgetful = format!("{url}?options=-c%20synchronous_commit%3Doff");
    let error = postgres::patient().connect(&forgetful).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotDurable("synchronous_commit")), "{error:?}");
    // Nodes that connect at once create the tables once.
    let connects: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { postgres::patient().connect(&url).await.map(drop) })
        })
        .collect();
    for connect in connects {
        connect.await.unwrap().unwrap();
    }
}

/// A migration or another program may write the same features with different whitespace.
#[needs(postgresql)]
#[tokio::test]
async fn features_compare_equal_in_other_json_spellings() {
    let management = Management::new().await;
    let client = stranger(&management.url).await;
    let id = "acct_1".parse().unwrap();
    for written in [r#"[ "analytics", "exports" ]"#, r#"["\u0061nalytics","exports"]"#] {
        client.execute("UPDATE keyward_accounts SET features = $1", &[&written]).await.unwrap();
        let known = management.keys.get_account(&id).await.unwrap().unwrap();
        assert_eq!(known.features, ["analytics", "exports"], "{written}");
        let other = AccountRecord { features: vec!["analytics".into()], ..known.clone() };
        assert!(
            management.keys.replace_account(&other, &known).await.is_err(),
            "{written}: an account with other features was replaced"
        );
        let renamed = AccountRecord { name: format!("from {written}"), ..known.clone() };
        management.keys.replace_account(&known, &renamed).await.unwrap();
        assert_eq!(management.keys.get_account(&id).await.unwrap(), Some(renamed), "{written}");
    }
}

#[needs(postgresql)]
#[tokio::test]
async fn uses_are_not_logged_and_no_plain_key_is_stored() {
    let management = Management::new().await;
    let (field, record) = management.issue().await;
    let keyward::store::Freshness::ChangeLog(log) = management.store.freshness() else {
        panic!("the store has no change log")
    };
    let before = log.newest().await.unwrap();
    let used = keyward::store::KeyUse::new(record.id, SystemClock.now(), None);
    management.store.record_use(&[used]).await.unwrap();
    assert_eq!(log.newest().await.unwrap(), before);

    let secret = &field["Bearer kw_live_".len()..];
    let dump = Command::new("pg_dump").arg(&management.url).output().unwrap();
    assert!(dump.status.success() && dump.stdout.len() > 1_000);
    assert!(!dump.stdout.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[needs(postgresql)]
#[tokio::test]
async fn the_command_line_manages_keys_on_the_server() {
    let management = Management::new().await;
    let mut node = Node::start(NODE, &management.url);
    registered(&management.keys, 1).await;
    let program = keyward_tests::program::package_program("keyward-cli", "keyward");
    let run = |arguments: &[&str]| {
        let output = Command::new(&program).env("KEYWARD_DATABASE", &management.url).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let key = run(&["keys", "create", "--name", "by hand", "--account", "acct_1"]);
    let field = format!("Bearer {}", key.trim_end());
    assert_eq!(node.decide(&field), "accepted");
    assert!(run(&["nodes"]).contains("node_"));
    let list: serde_json::Value = serde_json::from_str(&run(&["keys", "list", "--json"])).unwrap();
    let revoked = run(&["keys", "revoke", list[0]["id"].as_str().unwrap(), "--yes"]);
    // A node that gets no processor for the time of its lease is waited out.
    assert!(revoked.contains("of 1 nodes after"), "{revoked}");
    assert_eq!(node.decide(&field), "key_revoked");
    let logged: serde_json::Value =
        serde_json::from_str(&run(&["audit", "list", "--account", "acct_1", "--json"])).unwrap();
    let actions: Vec<_> = logged.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["key.revoke", "key.create"]);
    assert_eq!(logged[0]["actor"], serde_json::json!({"type": "system", "id": "command line"}));
}
