//! The maximum of webhooks holds for concurrent requests, on several nodes.

use std::sync::Arc;

use keyward::manage::{
    Actor, Context, Management, ManagementError, NewUser, PostgresManagementStore, SqliteManagementStore,
};
use keyward::sqlite::SqliteStore;
use keyward_needs::missing;
use keyward_tests::program::skip_part;

use crate::setting::{PASSWORD, clock, quick};

const URL: &str = "https://example.com/hooks";

fn system() -> Actor {
    Actor::system("test", Context::new())
}

/// All create webhooks at once, and the nodes take turns.
async fn check(nodes: [Management; 2]) {
    nodes[0].create_owner(&system(), NewUser::new("ada@example.com", "Ada", PASSWORD)).await.unwrap();
    let other = nodes[0].create_account(&system(), "Example Ltd").await.unwrap().value.id;
    let operator = nodes[0].operator().clone();
    let requests = (0..30).flat_map(|number| [(number, operator.clone()), (number, other.clone())]);
    let tasks: Vec<_> = requests
        .map(|(number, account)| {
            let node = nodes[number % 2].clone();
            let create = async move { node.create_webhook(&system(), &account, URL, "", &[]).await.map(drop) };
            tokio::spawn(create)
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => created += 1,
            Err(error) => {
                let is_full = matches!(error, ManagementError::Invalid { field: "webhooks", .. });
                assert!(is_full && error.to_string().contains("20 webhooks, the maximum"), "{error}");
            }
        }
    }
    assert_eq!(created, 40);
    for account in [&operator, &other] {
        let known = nodes[1].webhooks(&system(), account).await.unwrap();
        assert_eq!(known.len(), 20);
        // The place of a removed webhook is free again, once.
        let removed = &known[7];
        nodes[0].remove_webhook(&system(), account, &removed.id, removed.version).await.unwrap();
        nodes[1].create_webhook(&system(), account, URL, "", &[]).await.unwrap();
        nodes[0].create_webhook(&system(), account, URL, "", &[]).await.unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_never_create_more_than_20_webhooks() {
    let clock = clock();
    let store = SqliteStore::temporary().unwrap();
    let node = || {
        let records = SqliteManagementStore::open(&store).unwrap();
        quick(Management::builder(store.clone(), records), &clock)
    };
    check([node(), node()]).await;
    if let Some(reason) = missing!(postgresql) {
        return skip_part(reason);
    }
    let database = keyward_tests::postgres::database();
    let node = async || {
        let store = keyward_tests::postgres::store(&database).await;
        let records = PostgresManagementStore::open(&store).await.unwrap();
        quick(Management::builder(store, records), &Arc::clone(&clock))
    };
    check([node().await, node().await]).await;
}
