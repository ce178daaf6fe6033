//! Valkey and Redis: several nodes in processes of their own on one server, and what a server has to promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use keyward::{AccountRecord, Keys};
use keyward_tests::node::{
    Node, none_accepts_a_key_once_its_revocation_has_returned, one_that_is_stopped_is_waited_out,
};
use keyward_tests::valkey::server;
use keyward_valkey::{ConnectError, ValkeyOptions, ValkeyStore};

const NODE: &str = env!("CARGO_BIN_EXE_valkey_node");

async fn desk() -> (String, Keys) {
    let url = server(&[]);
    let keys = Keys::new(ValkeyStore::connect(&url).await.unwrap());
    keys.put_account(&AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd")).await.unwrap();
    (url, keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_revoked_on_one_node_is_refused_by_the_others_from_then_on() {
    let (url, keys) = desk().await;
    let mut nodes: Vec<Node> = (0..3).map(|_| Node::start(NODE, &url)).collect();
    none_accepts_a_key_once_its_revocation_has_returned(&keys, "acct_1", &mut nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_is_waited_out_and_accepts_nothing_when_it_goes_on() {
    let (url, keys) = desk().await;
    one_that_is_stopped_is_waited_out(&keys, "acct_1", Node::start(NODE, &url)).await;
}

#[tokio::test]
async fn a_server_that_may_forget_is_refused_unless_that_is_accepted() {
    for (settings, said) in [
        (
            &["--appendonly", "no"][..],
            "the server's setting appendonly is no, and not yes: a crash could undo a revocation",
        ),
        (
            &["--appendfsync", "everysec"],
            "the server's setting appendfsync is everysec, and not always: a crash could undo a revocation",
        ),
        (
            &["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"],
            "the server evicts keys when its memory is full: maxmemory-policy has to be noeviction",
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
    assert_eq!(error.to_string(), "the server cannot be reached");
    let error = ValkeyStore::connect("nonsense").await.unwrap_err();
    assert_eq!(error.to_string(), "the connection string cannot be");
}

#[tokio::test]
async fn a_write_that_too_few_replicas_have_is_not_done() {
    let store = ValkeyOptions::default().wait_for_replicas(1).connect(&server(&[])).await.unwrap();
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    assert!(Keys::new(store).put_account(&account).await.is_err(), "there is no replica that could have it");
}
