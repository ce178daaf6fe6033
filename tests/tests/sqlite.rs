//! Several processes on one file, and damaged or foreign files.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::error::Error as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use keyward::lifecycle::KeysError;
use keyward::manage::{Count, Kind, List, ManagementStore, SqliteManagementStore};
use keyward::sqlite::{OpenError, SqliteStore};
use keyward::store::{ChangeLog, KeyAdmin, KeyStore, LogBatch, StoreErrorKind, WriteRefused};
use keyward::{AccountRecord, Keys, NewKey};
use keyward_tests::node::{Node, assert_no_node_accepts_revoked_keys, assert_stopped_node_is_waited_out};
use rusqlite::Connection;
use tempfile::TempDir;

const NODE: &str = env!("CARGO_BIN_EXE_sqlite_node");

struct Management {
    folder: TempDir,
    keys: Keys,
    store: SqliteStore,
}

impl Management {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
        let keys = Keys::new(store.clone());
        keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
        Self { folder, keys, store }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("keys.db")
    }

    async fn issue(&self) -> (String, keyward::store::KeyRecord) {
        let issued = self.keys.issue(NewKey::secret("acct_1".parse().unwrap(), "a key")).await.unwrap();
        (format!("Bearer {}", *issued.key.expose_once()), issued.record)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_revoked_in_one_process_is_refused_in_all() {
    let management = Management::new().await;
    let mut nodes: Vec<Node> = (0..2).map(|_| Node::start(NODE, management.file().to_str().unwrap())).collect();
    assert_no_node_accepts_revoked_keys(&management.keys, "acct_1", &mut nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_process_is_waited_out_and_then_refuses_the_key() {
    let management = Management::new().await;
    assert_stopped_node_is_waited_out(
        &management.keys,
        "acct_1",
        Node::start(NODE, management.file().to_str().unwrap()),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn returned_revocation_survives_a_killed_process() {
    let management = Management::new().await;
    let program = env!("CARGO_BIN_EXE_revoker");
    for _ in 0..50 {
        let (_, record) = management.issue().await;
        let mut child = Command::new(program)
            .arg(management.file())
            .arg(record.id.as_str())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The program prints a line as soon as `revoke` has returned, and is killed as soon as the line arrives.
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(said, "revoked\n");
        let reopened = SqliteStore::open(management.file()).unwrap();
        assert!(reopened.get(&record.id).await.unwrap().unwrap().revoked_at.is_some());
    }
}

#[tokio::test]
async fn no_plain_key_is_in_the_file_or_beside_it() {
    let management = Management::new().await;
    let (field, _) = management.issue().await;
    let secret = &field["Bearer kw_live_".len()..];
    let mut files = 0;
    for entry in fs::read_dir(management.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read(&path).unwrap();
        assert!(!content.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
        files += 1;
    }
    assert_eq!(files, 3, "expected the database, its write-ahead log and the log's index");
}

#[tokio::test]
async fn invalid_row_is_a_corrupt_store() {
    let management = Management::new().await;
    let (_, record) = management.issue().await;
    for (column, value) in
        [("scopes", "'not a scope'"), ("kind", "'x'"), ("metadata", "'{'"), ("networks", "'here'"), ("version", "-1")]
    {
        let direct = Connection::open(management.file()).unwrap();
        let before: rusqlite::types::Value =
            direct.query_row(&format!("SELECT {column} FROM keys"), [], |row| row.get(0)).unwrap();
        direct.execute(&format!("UPDATE keys SET {column} = {value}"), []).unwrap();
        let error = management.store.find(&record.digest).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{column}: {:?}", error.source());
        let error = management.keys.revoke(&record.id).await.unwrap_err();
        assert!(matches!(&error, KeysError::Store(error) if error.kind() == StoreErrorKind::Corrupt), "{column}");
        direct.execute(&format!("UPDATE keys SET {column} = ?1"), [before]).unwrap();
        assert!(management.store.find(&record.digest).await.unwrap().key.is_some(), "{column}");
    }
    assert!(matches!(
        management.keys.revoke(&keyward::CredentialId::generate()).await,
        Err(KeysError::Denied(WriteRefused::NotFound))
    ));
}

#[test]
fn foreign_or_damaged_file_is_refused_on_open() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text"), "no database ".repeat(500)).unwrap();
    Connection::open(path("foreign")).unwrap().execute("CREATE TABLE theirs (a)", []).unwrap();
    drop(SqliteStore::open(path("newer")).unwrap());
    Connection::open(path("newer")).unwrap().pragma_update(None, "user_version", 1_000).unwrap();
    for (file, expected) in [
        (path("text"), "the file is not an SQLite database, or is damaged: restore a backup or choose another file"),
        (path("foreign"), "the file is the database of another application: choose another file"),
        (path("newer"), "a newer version of keyward wrote the database: update this program"),
        (path("none/at/all"), "cannot open or create the database file"),
        (folder.path().to_owned(), "cannot open or create the database file"),
    ] {
        let error = SqliteStore::open(&file).unwrap_err();
        assert_eq!(error.to_string(), expected, "{}", file.display());
        let _: &OpenError = &error;
    }
}

#[tokio::test]
async fn restored_backup_starts_another_history() {
    let management = Management::new().await;
    let backup = management.folder.path().join("backup.db");
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    Connection::open(management.file()).unwrap().execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    management.keys.put_account(&account).await.unwrap();
    let seen = management.store.newest().await.unwrap();

    let restored = SqliteStore::open(&backup).unwrap();
    let written = restored.put_account(&account).await.unwrap();
    assert_eq!(written.position.unwrap().number, seen.number, "the log does not continue from the backup's position");
    assert_eq!(restored.read(seen, 10).await.unwrap(), LogBatch::Gap(written.position.unwrap()));
}

#[tokio::test]
async fn reader_before_the_cut_of_the_log_gets_a_gap() {
    let management = Management::new().await;
    let begin = management.store.newest().await.unwrap();
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    // The store cuts its log in the same way after ten thousand entries.
    for _ in 0..10 {
        management.keys.put_account(&account).await.unwrap();
    }
    let newest = management.store.newest().await.unwrap();
    Connection::open(management.file())
        .unwrap()
        .execute("DELETE FROM changes WHERE number < ?1", [newest.number as i64 - 1])
        .unwrap();
    assert_eq!(management.store.read(begin, 10).await.unwrap(), LogBatch::Gap(newest));
}

/// Before the file had one counter of migrations, at `user_version` 2.
const OLD_KEYS: [&str; 2] = [
    include_str!("../../crates/sqlite/migrations/1_keys.sql"),
    include_str!("../../crates/sqlite/migrations/2_last_used_from.sql"),
];

/// The management service counted them in `desk_migrations`.
const OLD_STEPS: [&str; 3] = [
    "CREATE TABLE desk_records (kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, subject TEXT NOT NULL, key TEXT,
        sort INTEGER NOT NULL, expires_at INTEGER, version INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (kind, id), UNIQUE (kind, key)) STRICT, WITHOUT ROWID;
    CREATE INDEX desk_records_in_order ON desk_records (kind, sort, id);
    CREATE INDEX desk_records_of_owner ON desk_records (kind, owner, sort, id) WHERE owner <> '';
    CREATE INDEX desk_records_about ON desk_records (kind, subject, sort, id) WHERE subject <> '';
    CREATE INDEX desk_records_expire ON desk_records (expires_at) WHERE expires_at IS NOT NULL;
    CREATE TABLE desk_counts (account TEXT NOT NULL, key TEXT NOT NULL, day INTEGER NOT NULL, outcome TEXT NOT NULL,
        times INTEGER NOT NULL, PRIMARY KEY (account, key, day, outcome)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE desk_totals (account TEXT NOT NULL, day INTEGER NOT NULL, outcome TEXT NOT NULL, times INTEGER NOT NULL,
        PRIMARY KEY (account, day, outcome)) STRICT, WITHOUT ROWID;
    INSERT INTO desk_totals SELECT account, day, outcome, sum(times) FROM desk_counts GROUP BY account, day, outcome;
    CREATE TABLE desk_hours (key TEXT NOT NULL, outcome TEXT NOT NULL, hour INTEGER NOT NULL, times INTEGER NOT NULL,
        PRIMARY KEY (key, outcome, hour)) STRICT, WITHOUT ROWID;
    CREATE INDEX desk_hours_in_order ON desk_hours (hour);",
    "DELETE FROM desk_records WHERE kind IN ('invitation', 'password_reset');",
];

const OLD_ROWS: &str = r#"
    INSERT INTO desk_records VALUES ('user', 'old', '', '', 'a@example.com', 1, NULL, 3, '{"password":"x"}');
    INSERT INTO desk_records VALUES ('user', 'new', '', '', 'b@example.com', 2, NULL, 1, '{"password":null}');
    INSERT INTO desk_records VALUES ('invitation', 'inv_1', 'acct_1', '', NULL, 3, NULL, 1, '{}');
    INSERT INTO desk_counts VALUES ('acct_1', 'k', 5, 'accepted', 2), ('acct_1', 'l', 5, 'accepted', 3);"#;

fn old_file(path: &std::path::Path, steps: usize) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(&OLD_KEYS.join("\n")).unwrap();
    connection.execute("INSERT INTO log_head VALUES (1, 0, 7, 7)", []).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    if steps > 0 {
        connection.execute_batch("CREATE TABLE desk_migrations (number INTEGER NOT NULL) STRICT").unwrap();
    }
    for (number, sql) in OLD_STEPS.iter().enumerate().take(steps) {
        connection.execute_batch(sql).unwrap();
        connection.execute("INSERT INTO desk_migrations VALUES (?1)", [number as i64]).unwrap();
    }
    if steps > 0 {
        connection.execute_batch(OLD_ROWS).unwrap();
    }
    if steps > 1 {
        connection.execute("INSERT INTO desk_totals VALUES ('acct_1', 5, 'accepted', 5)", []).unwrap();
    }
}

#[tokio::test]
async fn files_with_the_old_counter_of_migrations_still_open() {
    let folder = TempDir::new().unwrap();
    for (steps, users, invitations) in [(0, 0, 0), (1, 1, 0), (2, 1, 0), (3, 2, 1)] {
        let path = folder.path().join(format!("{steps}.db"));
        old_file(&path, steps);
        for _ in 0..2 {
            let store = SqliteStore::open(&path).unwrap();
            assert_eq!(store.newest().await.unwrap().mark, 7, "{steps}: the log goes on");
            let records = SqliteManagementStore::open(&store).unwrap();
            let count = async |kind| records.list(&List::of(kind, 10)).await.unwrap().len();
            assert_eq!((count(Kind::User).await, count(Kind::Invitation).await), (users, invitations), "{steps}");
            let total = Count {
                account: "acct_1".to_owned(),
                key: String::new(),
                day: 5,
                outcome: "accepted".to_owned(),
                times: 5,
            };
            let totals: Vec<Count> = (steps > 0).then_some(total).into_iter().collect();
            assert_eq!(records.totals("acct_1", 0, 9).await.unwrap(), totals, "{steps}");
            let of_keys = records.key_totals("acct_1", 0, 9).await.unwrap();
            let of_keys: Vec<_> = of_keys.iter().map(|count| (count.key.as_str(), count.times)).collect();
            assert_eq!(of_keys, if steps > 0 { vec![("k", 2), ("l", 3)] } else { Vec::new() }, "{steps}");
            if steps > 0 {
                assert_eq!(records.get(Kind::User, "old").await.unwrap().unwrap().version, 3, "{steps}");
            }
        }
        let connection = Connection::open(&path).unwrap();
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        let old_counter: bool = connection
            .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'desk_migrations')", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!((version, old_counter), (11, false), "{steps}: one counter is left");
    }
}

#[tokio::test]
async fn keys_of_older_files_have_an_unknown_creator() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keys.db");
    old_file(&path, 0);
    let digest = [7_u8; 32];
    let connection = Connection::open(&path).unwrap();
    connection.execute("INSERT INTO accounts VALUES ('acct_1', 'Example Ltd', NULL, '[]', NULL)", []).unwrap();
    connection
        .execute(
            "INSERT INTO keys VALUES ('key_1', 'acct_1', 'old', ?1, 'sha256', 'kw_live_…3456', 'secret', 'live', '*', '[]', '', \
             '{}', 1, NULL, NULL, NULL, 5, NULL, NULL, NULL, NULL, 1, NULL)",
            [digest],
        )
        .unwrap();
    drop(connection);
    let store = SqliteStore::open(&path).unwrap();
    let key = store.get(&"key_1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((&key.created_by, &key.user, &key.revocation, key.tags.is_empty()), (&None, &None, &None, true));
    assert!(store.find(&keyward::key::Digest::from_bytes(digest)).await.unwrap().key.is_some());
}

#[tokio::test]
async fn removed_records_are_overwritten_in_the_file() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
    let tables = keyward::sqlite::tables::Tables::of(&store);
    let secure: i64 =
        tables.write(|transaction| transaction.query_row("PRAGMA secure_delete", [], |row| row.get(0))).await.unwrap();
    assert_eq!(secure, 1);
}
