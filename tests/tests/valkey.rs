//! Valkey and Redis: several nodes in processes of their own on one server, and what a server has to promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use keyward::valkey::{ConnectError, ValkeyOptions, ValkeyStore};
use keyward::{AccountRecord, Keys, NewKey, Rejection};
use keyward_needs::needs;
use keyward_tests::node::{
    Node, none_accepts_a_key_once_its_revocation_has_returned, one_that_is_stopped_is_waited_out,
};
use keyward_tests::valkey::{Server, command, free_port, sentinel, server};
use keyward_tests::watched::{Watched, within};

const NODE: &str = env!("CARGO_BIN_EXE_valkey_node");

async fn management() -> (String, Keys) {
    let url = server(&[]);
    let keys = Keys::new(ValkeyStore::connect(&url).await.unwrap());
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    (url, keys)
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_revoked_on_one_node_is_refused_by_the_others_from_then_on() {
    let (url, keys) = management().await;
    let mut nodes: Vec<Node> = (0..3).map(|_| Node::start(NODE, &url)).collect();
    none_accepts_a_key_once_its_revocation_has_returned(&keys, "acct_1", &mut nodes).await;
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_is_waited_out_and_accepts_nothing_when_it_goes_on() {
    let (url, keys) = management().await;
    one_that_is_stopped_is_waited_out(&keys, "acct_1", Node::start(NODE, &url)).await;
}

#[needs(valkey)]
#[tokio::test]
async fn a_server_that_may_forget_is_refused_unless_that_is_accepted() {
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
        let error = ValkeyStore::connect(&url).await.unwrap_err();
        assert_eq!(error.to_string(), said);
        if matches!(error, ConnectError::NotDurable(_)) {
            ValkeyOptions::default().accept_loss().connect(&url).await.unwrap();
        }
    }
    let error = ValkeyStore::connect("redis://127.0.0.1:1/").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot connect to the server");
    let error = ValkeyStore::connect("nonsense").await.unwrap_err();
    assert_eq!(error.to_string(), "invalid connection string");
}

#[needs(valkey)]
#[tokio::test]
async fn a_write_that_too_few_replicas_have_is_not_done() {
    let store = ValkeyOptions::default().wait_for_replicas(1).connect(&server(&[])).await.unwrap();
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    assert!(Keys::new(store).put_account(&account).await.is_err(), "there is no replica that could have it");
}

async fn issue(keys: &Keys) -> (String, keyward::CredentialId) {
    let issued = keys.issue(NewKey::secret("acct_1".parse().unwrap(), "a key")).await.unwrap();
    (format!("Bearer {}", *issued.key.expose_once()), issued.record.id)
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_that_sentinels_name_is_followed_when_it_fails_over() {
    let primary = Server::new(&[]);
    let replica_of = format!("127.0.0.1 {}", primary.address().port());
    let replica = Server::new(&["--replicaof", &replica_of]);
    within("the replica follows", async || {
        format!("{:?}", command(&primary.url(), &["INFO", "replication"])).contains("state=online")
    })
    .await;
    let url = format!("redis+sentinel://{}/main", sentinel(primary.address()));
    let keys = Keys::new(ValkeyStore::connect(&url).await.unwrap());
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    let node = Watched::new(ValkeyStore::connect(&url).await.unwrap());
    let ((before, _), (good, id)) = (issue(&keys).await, issue(&keys).await);
    let (bad, revoked) = issue(&keys).await;
    let _ = keys.revoke(&revoked).await.unwrap();
    within("the replica has it all", async || command(&primary.url(), &["WAIT", "1", "100"]) == redis::Value::Int(1))
        .await;
    node.warm(&before).await;
    // A sentinel has to have met the replica before it can promote it.
    within("the sentinel knows the replica", async || {
        let sentinel = url.trim_start_matches("redis+sentinel://").trim_end_matches("/main");
        let replicas = command(&format!("redis://{sentinel}/"), &["SENTINEL", "REPLICAS", "main"]);
        format!("{replicas:?}").contains(&replica.address().port().to_string())
    })
    .await;
    tokio::task::block_in_place(|| primary.crash());
    let refused = within("nobody is let in for a while", async || node.ask(&before).await.is_err()).await;
    println!("without a primary after {refused:?}");
    // A sentinel takes its time.
    let back = within_half_a_minute(async || node.ask(&good).await.is_ok()).await;
    println!("back after {back:?}");
    assert_eq!(node.ask(&bad).await, Err(Rejection::KeyRevoked));
    node.warm(&good).await;
    within("revoking works again", async || keys.revoke(&id).await.is_ok()).await;
    assert_eq!(node.ask(&good).await, Err(Rejection::KeyRevoked));
}

async fn within_half_a_minute(mut condition: impl AsyncFnMut() -> bool) -> std::time::Duration {
    let begun = std::time::Instant::now();
    while !condition().await {
        assert!(begun.elapsed().as_secs() < 30, "never");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    begun.elapsed()
}

#[needs(valkey)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_of_a_cluster_that_has_our_slot_is_found_through_any_of_its_servers() {
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
        within("the cluster is whole", async || {
            format!("{:?}", command(&server.url(), &["CLUSTER", "INFO"])).contains("cluster_state:ok")
                && format!("{:?}", command(&server.url(), &["CLUSTER", "INFO"]))
                    .contains("cluster_slots_assigned:16384")
        })
        .await;
    }
    let urls: Vec<String> = servers.iter().map(|server| format!("redis+cluster://{}", server.address())).collect();
    let keys = Keys::new(ValkeyStore::connect(&urls[0]).await.unwrap());
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    let nodes = [
        Watched::new(ValkeyStore::connect(&urls[0]).await.unwrap()),
        Watched::new(ValkeyStore::connect(&urls[1]).await.unwrap()),
    ];
    let (field, id) = issue(&keys).await;
    for node in &nodes {
        node.warm(&field).await;
    }
    let revoked = keys.revoke(&id).await.unwrap();
    assert_eq!(revoked.propagation.confirmed.len(), 2, "{revoked:?}");
    for node in &nodes {
        assert_eq!(node.ask(&field).await, Err(Rejection::KeyRevoked));
    }
}
