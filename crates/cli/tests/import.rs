//! `keyward keys import`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;

use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::Full;
use keyward_core::key::{Alphabet, Hasher, KeyFormat, KeyKind};
use keyward_core::{AuthLayer, Authenticator, Identity, Mode};
use keyward_sqlite::SqliteStore;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower::{ServiceBuilder, service_fn};

use management::Management;

impl Management {
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn import(&self, file: &str, arguments: &[&str]) -> management::Ended {
        self.run(&[&["keys", "import", file], arguments].concat())
    }

    /// With the authenticator of `guide/src/import.md`.
    async fn serve(&self, configure: impl FnOnce(SqliteStore) -> Authenticator) -> SocketAddr {
        let layer = AuthLayer::from(configure(SqliteStore::open(self.database()).unwrap()));
        let whoami = async |request: http::Request<hyper::body::Incoming>| {
            let caller = request.extensions().get::<Identity>().unwrap();
            let said = format!("{} {} {}", caller.account(), caller.mode(), caller.scopes());
            Ok::<_, Infallible>(http::Response::new(Full::<Bytes>::from(said)))
        };
        let service = ServiceBuilder::new().layer(layer).service(service_fn(whoami));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(keyward_serve::serve(listener, service, std::future::pending(), keyward_serve::Limits::default()));
        address
    }
}

fn ask(address: SocketAddr, key: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// See `import/make.mjs`.
fn fixtures(text: &str) -> Vec<(String, Value)> {
    let line = |line: &str| {
        let mut made: Value = serde_json::from_str(line).unwrap();
        (made["key"].as_str().unwrap().to_owned(), made["row"].take())
    };
    text.lines().map(line).collect()
}

/// draft-msporny-base58: a 1 for each leading zero byte.
fn base58(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut rest = u128::from_be_bytes(*bytes);
    let mut digits: Vec<char> = Vec::new();
    while rest > 0 {
        digits.push(char::from(DIGITS[usize::try_from(rest % 58).unwrap()]));
        rest /= 58;
    }
    digits.extend(bytes.iter().take_while(|byte| **byte == 0).map(|_| '1'));
    digits.into_iter().rev().collect()
}

fn with_another_end(key: &str) -> String {
    let end = if key.ends_with('a') { 'b' } else { 'a' };
    format!("{}{end}", &key[..key.len() - 1])
}

/// From another process.
fn assert_revocable(management: &Management, address: SocketAddr, key: &str, name: &str) {
    let id = management.json(&["keys", "list", "--json", "--search", name])[0]["id"].as_str().unwrap().to_owned();
    management.ok(&["keys", "revoke", &id, "--yes"]);
    let (status, body) = ask(address, key);
    assert!(status == 401 && body.contains("API_KEY_REVOKED"), "{status} {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_keys_of_better_auth_work() {
    let management = Management::new();
    let made = fixtures(include_str!("import/better-auth.jsonl"));
    let rows: String = made.iter().map(|(_, row)| format!("{row}\n")).collect();
    for (key, row) in &made {
        assert_eq!(row["key"], BASE64_URL_SAFE_NO_PAD.encode(sha256(key)), "the algorithm is the documented one");
    }
    let file = management.file("apikey.jsonl", &rows);
    let docs = include_str!("../../../guide/src/import.md");
    let shown = docs.split("keyward keys import apikey.jsonl ").nth(1).unwrap().split("```").next().unwrap();
    let arguments: Vec<&str> = shown.split_whitespace().filter(|word| *word != "\\").collect();
    let ended = management.import(&file, &arguments);
    assert_eq!((ended.code, ended.out.trim()), (0, "3 imported, 0 already there, 0 refused"), "{}", ended.err);
    let (new, _) = management.create(&[]);
    let address = management
        .serve(|store| {
            let old = KeyFormat::builder()
                .legacy_prefix("", KeyKind::Secret, Mode::Live)
                .legacy_prefix("acme_", KeyKind::Secret, Mode::Live)
                .random_length(64)
                .without_checksum()
                .build()
                .unwrap();
            Authenticator::builder(store.clone())
                .format(old)
                .hasher(Hasher::sha256())
                .add_store(store, KeyFormat::default(), Hasher::default())
                .build()
                .unwrap()
        })
        .await;
    let account = made[0].1["referenceId"].as_str().unwrap();
    assert_eq!(ask(address, &made[0].0), (200, format!("{account} live *")));
    assert_eq!(ask(address, &made[1].0).0, 200, "with a prefix");
    let (status, body) = ask(address, &made[2].0);
    assert!(status == 401 && body.contains("API_KEY_DISABLED"), "{status} {body}");
    assert_eq!(ask(address, &with_another_end(&made[0].0)).0, 401);
    assert_eq!(ask(address, &new), (200, "default live *".to_owned()), "keys of keyward's own work beside them");
    assert_eq!(ask(address, &with_another_end(&new)).0, 401);
    assert_revocable(&management, address, &made[0].0, "production");
    let production = &management.json(&["keys", "list", "--json", "--search", "production"])[0];
    assert_eq!(production["metadata"], json!({ "team": "a" }));
    assert!(production["expires_at"].as_str().unwrap().starts_with("21"), "{production}");
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_keys_of_unkey_work() {
    let management = Management::new();
    // From unkeyed/unkey, internal/hash/src/sha256.test.ts.
    let published = ("3ZFeSzZi4bAHLaADiPyJy7BN", "Af0t8Qg3G7oLwGHlkgMYIeloGL2dNBfcLxOLp3IDROY=");
    assert_eq!(BASE64_STANDARD.encode(sha256(published.0)), published.1, "the algorithm is the documented one");
    // As in internal/services/keys/create.go: 16 bytes in base58 behind the prefix. Leading zeros make short ones.
    let keys = [[0xff; 16], *b"0123456789abcdef", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]
        .map(|bytes| format!("acme_{}", base58(&bytes)));
    assert!(keys[0].len() > keys[2].len(), "they differ in length: {keys:?}");
    let mut file = format!("hash,ownerId,name,start\n{},acct_0,version 1,3ZFeS\n", published.1);
    for (number, key) in keys.iter().enumerate() {
        file += &format!("{},acct_{number},key {number},{}\n", BASE64_STANDARD.encode(sha256(key)), &key[..9]);
    }
    let file = management.file("keys.csv", &file);
    let columns =
        ["--hash-format", "unkey", "--create-accounts", "--column", "account=ownerId", "--column", "hint=start"];
    let ended = management.import(&file, &columns);
    assert_eq!((ended.code, ended.out.trim()), (0, "4 imported, 0 already there, 0 refused"), "{}", ended.err);
    let (new, _) = management.create(&[]);
    let address = management
        .serve(|store| {
            let old = KeyFormat::builder()
                .legacy_prefix("acme_", KeyKind::Secret, Mode::Live)
                .legacy_prefix("3Z", KeyKind::Secret, Mode::Live)
                .random_lengths(19..=24)
                .without_checksum()
                .build()
                .unwrap();
            Authenticator::builder(store.clone()).add_store(store, old, Hasher::sha256()).build().unwrap()
        })
        .await;
    assert_eq!(ask(address, published.0), (200, "acct_0 live *".to_owned()));
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(ask(address, key), (200, format!("acct_{number} live *")));
        assert_eq!(ask(address, &with_another_end(key)).0, 401);
    }
    assert_eq!(ask(address, &new).0, 200);
    assert_revocable(&management, address, &keys[1], "key 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_keys_of_prefixed_api_key_work() {
    let management = Management::new();
    let mut made = fixtures(include_str!("import/prefixed-api-key.jsonl"));
    // From the README of seamapi/prefixed-api-key.
    made.push((
        "mycompany_BRTRKFsL_51FwqftsmMDHHbJAMEXXHCgG".to_owned(),
        json!({ "longTokenHash": "d70d981d87b449c107327c2a2afbf00d4b58070d6ba571aac35d7ea3e7c79f37" }),
    ));
    let mut file = String::from("longTokenHash,account,name\n");
    for (number, (key, row)) in made.iter().enumerate() {
        let hash = row["longTokenHash"].as_str().unwrap();
        assert_eq!(hex::encode(sha256(key.rsplit('_').next().unwrap())), hash, "the algorithm is the documented one");
        file += &format!("{hash},acct_1,key {number}\n");
    }
    management.ok(&["accounts", "create", "acct_1"]);
    let file = management.file("keys.csv", &file);
    let ended = management.import(&file, &["--hash-format", "prefixed-api-key", "--column", "hash=longTokenHash"]);
    assert_eq!((ended.code, ended.out.trim()), (0, "3 imported, 0 already there, 0 refused"), "{}", ended.err);
    let address = management
        .serve(|store| {
            let old = KeyFormat::builder()
                .legacy_prefix("mycompany_", KeyKind::Secret, Mode::Live)
                .alphabet(Alphabet::Base64Url)
                .random_length(8 + 1 + 24)
                .without_checksum()
                .build()
                .unwrap();
            Authenticator::builder(store.clone())
                .add_store(store, old, Hasher::sha256_behind_last_underscore())
                .build()
                .unwrap()
        })
        .await;
    for (key, _) in &made {
        assert_eq!(ask(address, key), (200, "acct_1 live *".to_owned()));
        assert_eq!(ask(address, &with_another_end(key)).0, 401);
    }
    assert_revocable(&management, address, &made[0].0, "key 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_keys_of_a_custom_table_work() {
    let management = Management::new();
    let (live, test) = (format!("sk-live-{}", "a1".repeat(20)), format!("sk-test-{}", "b2".repeat(20)));
    for (format, hashes) in [
        ("sha256-hex", [hex::encode(sha256(&live)), hex::encode_upper(sha256(&test))]),
        ("sha256-base64", [BASE64_STANDARD.encode(sha256(&live)), BASE64_URL_SAFE_NO_PAD.encode(sha256(&test))]),
    ] {
        let [first, second] = hashes;
        let file = management.file(
            "keys.csv",
            &format!(
                "hash,account,name,scopes,mode\n{first},acct_1,a,jobs:read jobs:write,\n{second},acct_1,b,,test\n"
            ),
        );
        let ended = management.import(&file, &["--hash-format", format, "--create-accounts"]);
        let said = if format == "sha256-hex" { "2 imported, 0 already there" } else { "0 imported, 2 already there" };
        assert!(ended.code == 0 && ended.out.starts_with(said), "{}{}", ended.out, ended.err);
    }
    let address = management
        .serve(|store| {
            let old = KeyFormat::builder()
                .legacy_prefix("sk-live-", KeyKind::Secret, Mode::Live)
                .legacy_prefix("sk-test-", KeyKind::Secret, Mode::Test)
                .alphabet(Alphabet::Hex)
                .random_length(40)
                .without_checksum()
                .build()
                .unwrap();
            Authenticator::builder(store.clone()).add_store(store, old, Hasher::sha256()).build().unwrap()
        })
        .await;
    assert_eq!(ask(address, &live), (200, "acct_1 live jobs:read jobs:write".to_owned()));
    assert_eq!(ask(address, &test), (200, "acct_1 test *".to_owned()));
}

fn hash(number: u32) -> String {
    hex::encode(sha256(&number.to_string()))
}

#[test]
fn a_repeated_import_imports_nothing() {
    let management = Management::new();
    let file = management.file("keys.csv", &format!("hash,account\n{},a\n{},a\n{},b\n", hash(1), hash(2), hash(3)));
    let arguments = ["--hash-format", "sha256-hex", "--create-accounts"];
    let dry = management.import(&file, &[&arguments[..], &["--dry-run"]].concat());
    assert_eq!((dry.code, dry.out.trim()), (0, "dry run, nothing was changed: 3 imported, 0 already there, 0 refused"));
    assert!(management.json(&["keys", "list", "--json"]).as_array().unwrap().is_empty());
    assert_eq!(management.run(&["accounts", "show", "a"]).code, 3, "a dry run made an account");
    assert_eq!(management.import(&file, &arguments).out.trim(), "3 imported, 0 already there, 0 refused");
    assert_eq!(management.import(&file, &arguments).out.trim(), "0 imported, 3 already there, 0 refused");
    assert_eq!(management.json(&["keys", "list", "--json"]).as_array().unwrap().len(), 3);
}

#[test]
fn a_bad_line_is_refused_with_its_number_and_reason() {
    let management = Management::new();
    management.ok(&["accounts", "create", "a"]);
    management.ok(&["accounts", "create", "b"]);
    let plain = "sk_live_this_is_a_key_and_no_hash_at_all";
    let lines = [
        (json!({ "hash": hash(1), "account": "a", "name": "good" }), None),
        (json!({ "hash": hash(1), "account": "a" }), None),
        (json!({ "hash": hash(1), "account": "b" }), Some("another account has this key")),
        (json!({ "hash": plain, "account": "a" }), Some("expected SHA-256 in 64 hexadecimal digits")),
        (json!({ "hash": "abcd", "account": "a" }), Some("expected SHA-256 in 64 hexadecimal digits")),
        (json!({ "account": "a" }), Some("the hash is missing")),
        (json!({ "hash": hash(2) }), Some("the account is missing")),
        (json!({ "hash": hash(2), "account": "nobody" }), Some("no such account")),
        (json!({ "hash": hash(2), "account": "a", "expire": "2027" }), Some("unknown column \"expire\"")),
        (json!({ "hash": hash(2), "account": "a", "expires_at": "soon" }), Some("invalid expires_at: expected a time")),
        (json!({ "hash": hash(2), "account": "a", "expires_at": 1_800_000_000 }), Some("milliseconds")),
        (json!({ "hash": hash(2), "account": "a", "name": "x".repeat(101) }), Some("at most 100 characters, not 101")),
        (json!({ "hash": hash(2), "account": "a", "name": "\u{3164}" }), Some("at least one visible character")),
        (json!({ "hash": hash(2), "account": "a", "name": "a\u{202e}b" }), Some("U+202E")),
        (
            json!({ "hash": hash(2), "account": "a", "not_before": "2027-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z" }),
            Some("after the key begins"),
        ),
        (json!({ "hash": hash(2), "account": "a", "kind": "admin" }), Some("invalid kind")),
        (json!({ "hash": hash(2), "account": "a", "kind": "restricted" }), Some("at least one")),
        (json!({ "hash": hash(2), "account": "a", "mode": "prod" }), Some("invalid mode")),
        (json!({ "hash": hash(2), "account": "a", "scopes": ["x"] }), Some("invalid scopes")),
        (json!({ "hash": hash(2), "account": "a", "metadata": [1] }), Some("invalid metadata")),
        (json!({ "hash": hash(2), "account": "a", "revoked": "maybe" }), Some("invalid revoked")),
        (json!({ "hash": hash(2), "account": "a", "enabled": "maybe" }), Some("invalid enabled")),
        (json!({ "hash": hash(2), "account": "a", "id": "a b" }), Some("invalid id")),
        (json!({ "hash": hash(2), "account": "a", "hint": "né" }), Some("invalid hint")),
        (json!(plain), Some("not a JSON object")),
    ];
    let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let file = management.file("keys.jsonl", &text);
    for arguments in [&["--dry-run", "--json"][..], &["--json"], &[]] {
        let ended = management.import(&file, &[&["--hash-format", "sha256-hex"], arguments].concat());
        assert_eq!(ended.code, 4, "{}", ended.err);
        assert!(!ended.out.contains("this_is_a_key") && !ended.err.contains("this_is_a_key"), "a key is shown");
        if arguments.is_empty() {
            assert!(ended.err.contains("line 6: the hash is missing"), "{}", ended.err);
            continue;
        }
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!((&report["imported"], &report["already_there"]), (&json!(1), &json!(1)));
        let expected: Vec<_> = lines.iter().enumerate().filter_map(|(at, (_, why))| Some((at + 1, (*why)?))).collect();
        let refused = report["refused"].as_array().unwrap();
        assert_eq!(refused.len(), expected.len(), "{report}");
        for (refused, (line, why)) in refused.iter().zip(expected) {
            assert_eq!(refused["line"], line, "{refused}");
            assert!(refused["why"].as_str().unwrap().contains(why), "{refused}");
        }
        if arguments.len() == 1 {
            let list = management.json(&["keys", "list", "--json"]);
            assert_eq!(list.as_array().unwrap().len(), 1, "nothing of a refused line is there");
            fs::remove_file(management.database()).unwrap();
            management.ok(&["accounts", "create", "a"]);
            management.ok(&["accounts", "create", "b"]);
        }
    }
}

#[test]
fn a_refused_line_creates_no_account() {
    let management = Management::new();
    management.ok(&["accounts", "create", "a"]);
    let good = json!({ "hash": hash(1), "account": "a" });
    let refused = [
        json!({ "hash": hash(2), "account": "other", "name": "\u{200b}" }),
        json!({ "hash": hash(2), "account": "other", "kind": "restricted" }),
        json!({ "hash": hash(1), "account": "other" }),
    ];
    let lines: String = [&good].into_iter().chain(&refused).map(|line| format!("{line}\n")).collect();
    let file = management.file("keys.jsonl", &lines);
    let ended = management.import(&file, &["--hash-format", "sha256-hex", "--create-accounts"]);
    assert_eq!(ended.code, 4, "{}", ended.err);
    assert!(ended.out.contains("1 imported, 0 already there, 3 refused"), "{}", ended.out);
    assert_eq!(management.run(&["accounts", "show", "other"]).code, 3);
}

#[test]
fn imported_fields_are_stored() {
    let management = Management::new();
    let row = json!({
        "hash": hash(1), "account": "a", "id": "old-1", "name": "n", "hint": "sk_live_abcdef", "kind": "restricted", "mode": "test",
        "scopes": "jobs:read,jobs:write", "metadata": "{\"team\":\"a\"}", "createdAt": 1_700_000_000_000_i64,
        "not_before": null, "expiresAt": "2999-01-01T00:00:00Z", "last_used_at": "2024-01-02T03:04:05Z", "enabled": 0,
        "revoked": "2025-01-01T00:00:00Z",
    });
    let file = management.file("keys.ndjson", &format!("\u{feff}{row}\n\n"));
    let ended = management.import(&file, &["--hash-format", "sha256-hex", "--create-accounts"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let key = management.json(&["keys", "show", "old-1", "--json"]);
    for (field, value) in [
        ("status", json!("revoked")),
        ("hint", json!("sk_live_…")),
        ("kind", json!("restricted")),
        ("mode", json!("test")),
        ("scopes", json!(["jobs:read", "jobs:write"])),
        ("metadata", json!({ "team": "a" })),
        ("created_at", json!("2023-11-14T22:13:20Z")),
        ("expires_at", json!("2999-01-01T00:00:00Z")),
        ("last_used_at", json!("2024-01-02T03:04:05Z")),
        ("revoked_at", json!("2025-01-01T00:00:00Z")),
    ] {
        assert_eq!(key[field], value, "{field}");
    }
    assert!(!key["disabled_at"].is_null());
}

#[test]
fn a_key_revoked_since_the_import_is_reported() {
    let management = Management::new();
    let arguments = ["--hash-format", "sha256-hex", "--create-accounts"];
    let file = management.file("keys.csv", &format!("hash,account,revoked,id\n{},a,false,k1\n", hash(1)));
    assert_eq!(management.import(&file, &arguments).code, 0);
    let file = management.file("keys.csv", &format!("hash,account,revoked,id\n{},a,true,k1\n", hash(1)));
    let ended = management.import(&file, &arguments);
    assert_eq!(ended.code, 4);
    assert!(
        ended.err.contains("line 2: it is revoked") && ended.err.contains("keyward keys revoke k1"),
        "{}",
        ended.err
    );
    management.ok(&["keys", "revoke", "k1", "--yes"]);
    assert_eq!(management.import(&file, &arguments).out.trim(), "0 imported, 1 already there, 0 refused");
}

#[test]
fn an_unreadable_file_changes_nothing() {
    let management = Management::new();
    let good = hash(1);
    let hex = ["--hash-format", "sha256-hex", "--create-accounts"];
    for (name, content, arguments, said) in [
        ("none.csv", None, &hex[..], "No such file"),
        ("keys.txt", Some("x".to_owned()), &hex, "pass --file-format"),
        ("keys.csv", Some(String::new()), &hex, "has no column \"hash\""),
        ("keys.csv", Some(format!("{good},a\n{good},b\n")), &hex, "has no column \"hash\""),
        ("keys.csv", Some(format!("hash,account,expire\n{good},a,2027\n")), &hex, "unknown column \"expire\""),
        ("keys.csv", Some(format!("hash,account,Hash\n{good},a,{good}\n")), &hex, "two columns have the name \"hash\""),
        ("keys.csv", Some(String::new()), &[&hex[..], &["--column", "x=y"]].concat(), "unknown column \"x\""),
        ("keys.csv", Some(String::new()), &["--hash-format", "md5"], "invalid value"),
        ("keys.jsonl", Some("x".repeat(2 << 20)), &hex, "longer than"),
    ] {
        let file = content.map_or_else(|| name.to_owned(), |content| management.file(name, &content));
        let ended = management.import(&file, arguments);
        assert_eq!(ended.code, 2, "{name}: {}", ended.err);
        assert!(ended.err.contains(said) && !ended.err.contains(&good), "{name}: {}", ended.err);
        assert!(management.json(&["keys", "list", "--json"]).as_array().unwrap().is_empty());
    }
    // A line of the wrong length, or of no text, is that line's own fault.
    let mut text = format!("hash,account\n{good},a,b\n").into_bytes();
    text.extend_from_slice(b"\xff,a\n");
    text.extend_from_slice(format!("\n\"{}\",a\n", hash(2)).as_bytes());
    let path = management.0.path().join("keys.csv");
    fs::write(&path, text).unwrap();
    let ended = management.import(path.to_str().unwrap(), &hex);
    assert_eq!((ended.code, ended.out.trim()), (4, "1 imported, 0 already there, 2 refused"), "{}", ended.err);
    assert!(ended.err.contains("line 2: 3 fields instead of 2"), "{}", ended.err);
    assert!(ended.err.contains("line 3: not UTF-8"), "{}", ended.err);
}
