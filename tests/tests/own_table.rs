//! Keys in an application's own table, which its own transactions revoke on every node.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::path::PathBuf;

use keyward::key::{Digest, Hasher, KeyFormat, KeyKind};
use keyward::postgres::PostgresStore;
use keyward::sqlite::SqliteStore;
use keyward::store::{Found, Freshness, KeyAdmin, KeyStatus, KeyStore, Position, StoreError, StoredKey, async_trait};
use keyward::{Authenticator, Identity, Keys, Mode};
use keyward_needs::needs;
use keyward_tests::program::SOON;
use rusqlite::Connection;
use tokio_postgres::NoTls;

const TABLE: &str = "CREATE TABLE app_keys (id TEXT, account TEXT, revoked BOOLEAN)";
const FIND: &str = "SELECT id, account, revoked, number, mark FROM keyward_position LEFT JOIN app_keys ON sha256 = $1";

/// The application's statements, over its own connection.
#[async_trait]
trait Application: KeyStore + Clone {
    async fn insert(&self, id: &str, digest: &Digest);
    /// Runs these statements in one transaction.
    async fn transact(&self, statements: &[&str], commit: bool) -> Result<(), String>;
    fn literal(digest: &Digest) -> String;
}

fn found(key: Option<(String, String, bool)>, number: i64, mark: i64) -> Result<Found, StoreError> {
    let position = Position { number: number.try_into().unwrap(), mark: mark.try_into().unwrap() };
    let Some((id, account, revoked)) = key else { return Ok(Found::unknown().at(position)) };
    let identity = Identity::api_key(id.parse().unwrap(), account.parse().unwrap());
    let status = if revoked { KeyStatus::Revoked } else { KeyStatus::Active };
    Ok(Found::key(StoredKey::new(identity).with_status(status)).at(position))
}

fn hex(digest: &Digest) -> String {
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone)]
struct OnSqlite {
    store: SqliteStore,
    file: PathBuf,
}

#[async_trait]
impl KeyStore for OnSqlite {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let connection = Connection::open(&self.file).unwrap();
        let read = connection.query_row(FIND, [digest.as_bytes()], |row| {
            let id: Option<String> = row.get(0)?;
            let key = id.map(|id| Ok::<_, rusqlite::Error>((id, row.get(1)?, row.get(2)?))).transpose()?;
            Ok((key, row.get(3)?, row.get(4)?))
        });
        let (key, number, mark) = read.map_err(StoreError::unavailable)?;
        found(key, number, mark)
    }

    fn freshness(&self) -> Freshness {
        self.store.freshness()
    }
}

#[async_trait]
impl Application for OnSqlite {
    async fn insert(&self, id: &str, digest: &Digest) {
        let sql = "INSERT INTO app_keys VALUES (?1, 'acct_1', FALSE, ?2)";
        Connection::open(&self.file).unwrap().execute(sql, (id, digest.as_bytes())).unwrap();
    }

    async fn transact(&self, statements: &[&str], commit: bool) -> Result<(), String> {
        let mut connection = Connection::open(&self.file).unwrap();
        let transaction = connection.transaction().unwrap();
        for statement in statements {
            transaction.execute_batch(statement).map_err(|error| error.to_string())?;
        }
        if commit { transaction.commit() } else { transaction.rollback() }.map_err(|error| error.to_string())
    }

    fn literal(digest: &Digest) -> String {
        format!("x'{}'", hex(digest))
    }
}

#[derive(Clone)]
struct OnPostgres {
    store: PostgresStore,
    url: String,
}

impl OnPostgres {
    async fn client(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

#[async_trait]
impl KeyStore for OnPostgres {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let row = self.client().await.query_one(FIND, &[&digest.as_bytes().as_slice()]).await;
        let row = row.map_err(StoreError::unavailable)?;
        let id: Option<String> = row.get(0);
        found(id.map(|id| (id, row.get(1), row.get(2))), row.get(3), row.get(4))
    }

    fn freshness(&self) -> Freshness {
        self.store.freshness()
    }
}

#[async_trait]
impl Application for OnPostgres {
    async fn insert(&self, id: &str, digest: &Digest) {
        let sql = "INSERT INTO app_keys VALUES ($1, 'acct_1', FALSE, $2)";
        self.client().await.execute(sql, &[&id, &digest.as_bytes().as_slice()]).await.unwrap();
    }

    async fn transact(&self, statements: &[&str], commit: bool) -> Result<(), String> {
        let mut client = self.client().await;
        let transaction = client.transaction().await.unwrap();
        for statement in statements {
            let done = transaction.batch_execute(statement).await;
            done.map_err(|error| error.as_db_error().unwrap().message().to_owned())?;
        }
        if commit { transaction.commit().await } else { transaction.rollback().await }
            .map_err(|error| error.to_string())
    }

    fn literal(digest: &Digest) -> String {
        format!("'\\x{}'", hex(digest))
    }
}

/// How the application calls the documented entry points.
struct Calls {
    key: fn(id: &str, digest: &str) -> String,
    account: fn(id: &str) -> String,
}

async fn own_transactions_revoke_on_every_node<A: Application>(application: A, admin: impl KeyAdmin, calls: Calls) {
    let keys = Keys::new(admin);
    let format = KeyFormat::default();
    let issue = async |id: &str| {
        let key = format.generate(KeyKind::Secret, Mode::Live).unwrap();
        let digest = Hasher::default().digest(&key.parse(&format).unwrap());
        application.insert(id, &digest).await;
        (format!("Bearer {}", *key.expose_once()), A::literal(&digest))
    };
    let (first, first_digest) = issue("key_1").await;
    let (second, _) = issue("key_2").await;
    // A find may open a connection.
    let node = || Authenticator::builder(application.clone()).store_timeout(SOON).build().unwrap();
    let nodes = [node(), node()];
    let verdicts = async |field: &str| {
        let mut verdicts = Vec::new();
        for node in &nodes {
            verdicts.push(
                node.authenticate([field.as_bytes()]).await.map_or_else(|refused| refused.reason(), |_| "accepted"),
            );
        }
        verdicts
    };
    for _ in 0..3 {
        assert_eq!(verdicts(&first).await, ["accepted", "accepted"]);
        assert_eq!(verdicts(&second).await, ["accepted", "accepted"]);
    }

    // A rollback takes the invalidation back, too.
    let revoke = "UPDATE app_keys SET revoked = TRUE WHERE id = 'key_1'";
    let invalidate = (calls.key)("'key_1'", &first_digest);
    let before = keys.nodes().await.unwrap().unwrap().newest;
    application.transact(&[revoke, &invalidate], false).await.unwrap();
    assert_eq!(keys.nodes().await.unwrap().unwrap().newest, before);
    assert_eq!(verdicts(&first).await, ["accepted", "accepted"]);

    application.transact(&[revoke, &invalidate], true).await.unwrap();
    keys.wait_until_applied().await.unwrap();
    assert_eq!(verdicts(&first).await, ["key_revoked", "key_revoked"]);
    assert_eq!(verdicts(&second).await, ["accepted", "accepted"]);

    let revoke = "UPDATE app_keys SET revoked = TRUE WHERE account = 'acct_1'";
    application.transact(&[revoke, &(calls.account)("'acct_1'")], true).await.unwrap();
    keys.wait_until_applied().await.unwrap();
    assert_eq!(verdicts(&second).await, ["key_revoked", "key_revoked"]);

    // An entry that no node understands invalidates everything, and stops no node.
    let accept = "UPDATE app_keys SET revoked = FALSE";
    application.transact(&[accept, &(calls.account)("'not an id'")], true).await.unwrap();
    keys.wait_until_applied().await.unwrap();
    assert_eq!(verdicts(&first).await, ["accepted", "accepted"]);

    // A digest of another length is a mistake of the application, and is refused.
    let error = application.transact(&[&(calls.key)("'key_1'", "'abc'")], true).await.unwrap_err();
    assert!(error.contains("digest"), "{error}");
    for node in nodes {
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_sqlite_transactions_revoke_on_every_node() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.db");
    let store = SqliteStore::open(&file).unwrap();
    Connection::open(&file)
        .unwrap()
        .execute_batch(&format!("{TABLE}; ALTER TABLE app_keys ADD COLUMN sha256 BLOB"))
        .unwrap();
    let calls = Calls {
        key: |id, digest| format!("INSERT INTO keyward_invalidate (key, digest) VALUES ({id}, {digest})"),
        account: |id| format!("INSERT INTO keyward_invalidate (account) VALUES ({id})"),
    };
    own_transactions_revoke_on_every_node(OnSqlite { store: store.clone(), file }, store, calls).await;
}

#[needs(postgresql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_postgresql_transactions_revoke_on_every_node() {
    let url = keyward_tests::postgres::database();
    let store = keyward_tests::postgres::store(&url).await;
    keyward_tests::postgres::sql(&url, &format!("{TABLE}; ALTER TABLE app_keys ADD COLUMN sha256 BYTEA"));
    let calls = Calls {
        key: |id, digest| format!("SELECT keyward_invalidate_key({id}, {digest})"),
        account: |id| format!("SELECT keyward_invalidate_account({id})"),
    };
    own_transactions_revoke_on_every_node(OnPostgres { store: store.clone(), url }, store, calls).await;
}
