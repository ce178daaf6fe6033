//! SQLite: several processes on one file, and damaged or foreign files.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::error::Error as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use keyward::lifecycle::KeysError;
use keyward::sqlite::{OpenError, SqliteStore};
use keyward::store::{ChangeLog, KeyAdmin, KeyStore, LogBatch, StoreErrorKind, WriteRefused};
use keyward::{AccountRecord, Keys, NewKey};
use keyward_tests::node::{
    Node, none_accepts_a_key_once_its_revocation_has_returned, one_that_is_stopped_is_waited_out,
};
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
async fn a_key_revoked_in_one_process_is_refused_in_the_others_from_then_on() {
    let management = Management::new().await;
    let mut nodes: Vec<Node> = (0..2).map(|_| Node::start(NODE, management.file().to_str().unwrap())).collect();
    none_accepts_a_key_once_its_revocation_has_returned(&management.keys, "acct_1", &mut nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_stopped_is_waited_out_and_accepts_nothing_when_it_goes_on() {
    let management = Management::new().await;
    one_that_is_stopped_is_waited_out(
        &management.keys,
        "acct_1",
        Node::start(NODE, management.file().to_str().unwrap()),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_returned_survives_that_the_process_is_killed() {
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
async fn a_row_that_cannot_be_is_a_corrupt_store_and_is_named() {
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
fn what_is_no_database_of_ours_is_refused_when_it_is_opened() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text"), "no database ".repeat(500)).unwrap();
    Connection::open(path("foreign")).unwrap().execute("CREATE TABLE theirs (a)", []).unwrap();
    drop(SqliteStore::open(path("newer")).unwrap());
    Connection::open(path("newer")).unwrap().pragma_update(None, "user_version", 1_000).unwrap();
    for (file, expected) in [
        (path("text"), "the file is not an SQLite database, or is damaged"),
        (path("foreign"), "the file is the database of another application"),
        (path("newer"), "the database was written by a newer version of keyward: update this program"),
        (path("none/at/all"), "the database file cannot be opened or made"),
        (folder.path().to_owned(), "the database file cannot be opened or made"),
    ] {
        let error = SqliteStore::open(&file).unwrap_err();
        assert_eq!(error.to_string(), expected, "{}", file.display());
        let _: &OpenError = &error;
    }
}

#[tokio::test]
async fn a_restored_backup_is_another_history() {
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
async fn a_log_that_was_cut_is_a_gap_for_who_stands_before_the_cut() {
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
