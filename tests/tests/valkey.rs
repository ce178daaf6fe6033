//! Several node processes on one server, and the settings that a server must have.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use keyward::valkey::{ConnectError, ValkeyStore};
use keyward::{AccountRecord, Keys, NewKey, Rejection};
use keyward_needs::needs;
use keyward_tests::node::{Node, assert_no_node_accepts_revoked_keys, assert_stopped_node_is_waited_out};
use keyward_tests::program::free_port;
use keyward_tests::valkey::{Server, command, patient, sentinel, server, store};
use keyward_tests::watched::{Watched, within};

const NODE: &str = env!("CARGO_BIN_EXE_valkey_node");

async fn management() -> (String, Keys) {
    let url = server(&[]);
    let keys = Keys::new(store(&url).await);
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    (url, keys)
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_revoked_on_one_node_is_refused_by_all() {
    let (url, keys) = management().await;
    let mut nodes: Vec<Node> = (0..3).map(|_| Node::start(NODE, &url)).collect();
    assert_no_node_accepts_revoked_keys(&keys, "acct_1", &mut nodes).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_node_is_waited_out_and_then_refuses_the_key() {
    let (url, keys) = management().await;
    assert_stopped_node_is_waited_out(&keys, "acct_1", Node::start(NODE, &url)).await;
}

#[needs(valkey)]
#[tokio::test]
async fn less_durable_server_is_refused_unless_allowed() {
    for (settings, said) in [
        (
            &["--appendonly", "no"][..],
            "the server's setting appendonly is no instead of yes, so a crash could undo a revocation: change it, or accept the loss",
        ),
        (
            &["--appendfsync", "everysec"],
            "the server's setting appendfsync is everysec instead of always, so a crash could undo a revocation: change it, or accept the loss",
        ),
        (
            &["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"],
            "the server evicts keys when its memory is full: set maxmemory-policy to noeviction",
        ),
    ] {
        let url = server(settings);
        let error = patient().connect(&url).await.unwrap_err();
        assert_eq!(error.to_string(), said);
        if matches!(error, ConnectError::NotDurable(_)) {
            patient().accept_loss().connect(&url).await.unwrap();
        }
    }
    let error = ValkeyStore::connect("redis://127.0.0.1:1/").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot connect to the server");
    let error = ValkeyStore::connect("nonsense").await.unwrap_err();
    assert_eq!(error.to_string(), "invalid connection string");
}

#[needs(valkey)]
#[tokio::test]
async fn write_without_enough_replicas_fails() {
    let store = patient().wait_for_replicas(1).connect(&server(&[])).await.unwrap();
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    assert!(Keys::new(store).put_account(&account).await.is_err(), "a write succeeded without a replica");
}

async fn issue(keys: &Keys) -> (String, keyward::CredentialId) {
    let issued = keys.issue(NewKey::secret("acct_1".parse().unwrap(), "a key")).await.unwrap();
    (format!("Bearer {}", *issued.key.expose_once()), issued.record.id)
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_failover_to_a_new_primary_is_followed() {
    let primary = Server::new(&[]);
    let replica_of = format!("127.0.0.1 {}", primary.address().port());
    let replica = Server::new(&["--replicaof", &replica_of]);
    within("the replica follows", async || {
        format!("{:?}", command(&primary.url(), &["INFO", "replication"])).contains("state=online")
    })
    .await;
    let url = format!("redis+sentinel://{}/main", sentinel(primary.address()));
    let keys = Keys::new(store(&url).await);
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    let node = Watched::new(store(&url).await);
    let ((before, _), (good, id)) = (issue(&keys).await, issue(&keys).await);
    let (bad, revoked) = issue(&keys).await;
    let _ = keys.revoke(&revoked).await.unwrap();
    within("the replica has all keys", async || command(&primary.url(), &["WAIT", "1", "100"]) == redis::Value::Int(1))
        .await;
    node.warm(&before).await;
    // A sentinel must know the replica before it can promote it.
    within("the sentinel knows the replica", async || {
        let sentinel = url.trim_start_matches("redis+sentinel://").trim_end_matches("/main");
        let replicas = command(&format!("redis://{sentinel}/"), &["SENTINEL", "REPLICAS", "main"]);
        format!("{replicas:?}").contains(&replica.address().port().to_string())
    })
    .await;
    tokio::task::block_in_place(|| primary.crash());
    let refused = within("the node refuses requests", async || node.ask(&before).await.is_err()).await;
    println!("without a primary after {refused:?}");
    // A sentinel takes several seconds.
    let back = within("the node is back", async || node.ask(&good).await.is_ok()).await;
    println!("back after {back:?}");
    assert_eq!(node.decide(&bad).await, Err(Rejection::KeyRevoked));
    node.warm(&good).await;
    within("revoking works again", async || keys.revoke(&id).await.is_ok()).await;
    assert_eq!(node.decide(&good).await, Err(Rejection::KeyRevoked));
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_cluster_server_leads_to_the_one_with_the_slot() {
    let bus = [free_port(), free_port()];
    let servers: Vec<Server> =
        bus.iter().map(|bus| Server::new(&["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()])).collect();
    for (server, range) in servers.iter().zip([["0", "8191"], ["8192", "16383"]]) {
        command(&server.url(), &["CLUSTER", "ADDSLOTSRANGE", range[0], range[1]]);
    }
    command(&servers[0].url(), &["CLUSTER", "SET-CONFIG-EPOCH", "1"]);
    command(&servers[1].url(), &["CLUSTER", "SET-CONFIG-EPOCH", "2"]);
    let other = servers[1].address();
    command(&servers[0].url(), &["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string(), &bus[1].to_string()]);
    for server in &servers {
        within("the cluster has all slots", async || {
            format!("{:?}", command(&server.url(), &["CLUSTER", "INFO"])).contains("cluster_state:ok")
                && format!("{:?}", command(&server.url(), &["CLUSTER", "INFO"]))
                    .contains("cluster_slots_assigned:16384")
        })
        .await;
    }
    let urls: Vec<String> = servers.iter().map(|server| format!("redis+cluster://{}", server.address())).collect();
    let keys = Keys::new(store(&urls[0]).await);
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    let nodes = [Watched::new(store(&urls[0]).await), Watched::new(store(&urls[1]).await)];
    // A node that gets no processor for the time of its lease is waited out.
    within("both nodes confirm a revocation", async || {
        let (field, id) = issue(&keys).await;
        for node in &nodes {
            node.warm(&field).await;
        }
        let revoked = keys.revoke(&id).await.unwrap();
        for node in &nodes {
            assert_eq!(node.decide(&field).await, Err(Rejection::KeyRevoked));
        }
        revoked.propagation.confirmed.len() == 2
    })
    .await;
}

#[needs(valkey)]
#[tokio::test]
async fn the_command_line_manages_keys_on_the_server() {
    let (url, keys) = management().await;
    let program = keyward_tests::program::package_program("keyward-cli", "keyward");
    let ended = |arguments: &[&str]| {
        let output =
            std::process::Command::new(&program).env("KEYWARD_DATABASE", &url).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let run = |arguments: &[&str]| {
        let (code, out, err) = ended(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {err}");
        out
    };
    let newest = || -> serde_json::Value {
        let list: serde_json::Value = serde_json::from_str(&run(&["keys", "list", "--json", "--limit", "1"])).unwrap();
        list[0].clone()
    };
    let key = run(&["keys", "create", "--name", "first", "--scope", "resources:read"]);
    assert!(key.starts_with("kwr_live_"), "{key}");
    let id = newest()["id"].as_str().unwrap().to_owned();
    assert_eq!(newest()["account"], "default");
    run(&["keys", "update", &id, "--name", "second"]);
    run(&["keys", "disable", &id]);
    assert_eq!(newest()["status"], "disabled");
    run(&["keys", "enable", &id]);
    run(&["keys", "rotate", &id, "--overlap", "0s"]);
    let successor = newest()["id"].as_str().unwrap().to_owned();
    assert!(run(&["keys", "revoke", &successor, "--yes"]).contains("is revoked since"));
    assert!(run(&["keys", "show", &successor]).contains("second"));
    run(&["accounts", "rename", "acct_1", "Example & Co"]);
    run(&["accounts", "suspend", "acct_1"]);
    run(&["accounts", "create", "acct_2", "--plan", "Pro"]);
    let account = keys.get_account(&"acct_1".parse().unwrap()).await.unwrap().unwrap();
    assert!(account.name == "Example & Co" && account.suspended_at.is_some(), "{account:?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.csv");
    std::fs::write(&file, format!("hash,account\n{},acct_3\n", "ab".repeat(32))).unwrap();
    let import = ["keys", "import", file.to_str().unwrap(), "--hash-format", "sha256-hex", "--create-accounts"];
    assert!(run(&import).starts_with("1 imported"));
    for (arguments, code, said) in [
        (&["keys", "create", "--name", "a", "--kind", "restricted"][..], 2, "at least one scope"),
        (&["keys", "create", "--name", "a", "--prefix", "secret=kwm"], 2, "reserved for management keys"),
        (&["keys", "create", "--name", "m", "--purpose", "management"], 2, "SQLite or PostgreSQL"),
        (&["keys", "show", "key_none"], 3, "no such key"),
        (&["keys", "rotate", &successor], 4, ""),
        (&["accounts", "create", "acct_2"], 4, "already"),
        (&["audit", "list"], 2, "audit log"),
        (&["keys", "usage"], 2, "usage"),
        (&["serve"], 2, "postgres://"),
    ] {
        let (ended, _, err) = ended(arguments);
        assert!(ended == Some(code) && err.contains(said), "{arguments:?}: {ended:?} {err}");
    }
}
