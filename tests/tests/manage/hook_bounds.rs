//! What a receiver, a caller or an account can take.

use std::time::Duration;

use keyward::manage::{EventKind, ManagementError};
use keyward_tests::program::SOON;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::events::{HANG, Nodes, Receiver, system};
use crate::setting::on_sqlite;

/// Sends this again and again, then the rest.
async fn informing(part: &'static str, times: usize, rest: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 8_192];
                let _ = socket.read(&mut request).await;
                let many = part.repeat(1_000);
                let mut left = times;
                while left >= 1_000 && socket.write_all(many.as_bytes()).await.is_ok() {
                    left -= 1_000;
                }
                let _ = socket.write_all(part.repeat(left.min(1_000)).as_bytes()).await;
                let _ = socket.write_all(rest.as_bytes()).await;
                // A client that reads on gets a reset otherwise.
                let _ = socket.read(&mut request).await;
            });
        }
    });
    format!("http://{address}/hooks")
}

#[tokio::test]
async fn endless_informational_answers_end_an_attempt_and_delay_no_other() {
    const INFORMATION: &str = "HTTP/1.1 103 Early Hints\r\n\r\n";
    const ANSWER: &str = "HTTP/1.1 204 No Content\r\n\r\n";
    let nodes = Nodes::calling_loopback().await;
    let good = Receiver::start(200).await;
    let (flooding, _) = nodes.webhook(&informing(INFORMATION, usize::MAX, ANSWER).await).await;
    let (informed, _) = nodes.webhook(&informing(INFORMATION, 100, ANSWER).await).await;
    nodes.webhook(&good.url()).await;
    nodes.key("first").await;
    // This test has one thread, as a server that is stalled has none.
    tokio::time::timeout(SOON, nodes.management().deliver_events()).await.unwrap().unwrap();
    let attempt = |mut deliveries: Vec<keyward::manage::Delivery>| deliveries.pop().unwrap().attempts.remove(0);
    let flooded = attempt(nodes.deliveries(&flooding).await);
    assert_eq!(flooded.error.as_deref(), Some("the head of the answer is too long"));
    assert_eq!(attempt(nodes.deliveries(&informed).await).status, Some(204));
    assert!(!good.received().is_empty());
}

#[tokio::test]
async fn tests_and_redeliveries_are_counted_for_each_account() {
    let setting = on_sqlite();
    let (management, system) = (&setting.management, setting.system());
    let mut accounts = Vec::new();
    for email in ["ada@example.com", "bob@example.com"] {
        let (_, account) = setting.customer(email).await;
        let url = "https://localhost:1/hooks";
        let webhook = management.create_webhook(&system, &account, url, "", &[]).await.unwrap().webhook.id;
        accounts.push((account, webhook));
    }
    let (account, webhook) = &accounts[0];
    let sent = management.test_webhook(&system, account, webhook).await.unwrap().id;
    let mut done = 0;
    let refused = loop {
        let result = if done % 2 == 0 {
            management.test_webhook(&system, account, webhook).await
        } else {
            management.redeliver(&system, account, webhook, &sent).await
        };
        match result {
            Ok(_) => done += 1,
            Err(error) => break error,
        }
        // Tokens come back during a slow test.
        assert!(done < 2_000, "nothing bounds them");
    };
    assert!(done >= 59, "{done}");
    assert_eq!((refused.code(), refused.status().as_u16()), ("RATE_LIMIT_EXCEEDED", 429));
    assert!(matches!(refused, ManagementError::Throttled { retry_after } if retry_after <= Duration::from_secs(60)));
    management.test_webhook(&system, &accounts[1].0, &accounts[1].1).await.unwrap();
}

#[tokio::test]
async fn a_long_queue_of_one_account_hides_no_other() {
    let nodes = Nodes::calling_loopback().await;
    let management = nodes.management();
    let hanging = Receiver::start(HANG).await;
    for _ in 0..20 {
        nodes.webhook(&hanging.url()).await;
    }
    let other = management.create_account(&system(), "Example Ltd").await.unwrap().value.id;
    let url = "https://localhost:1/hooks";
    let kinds = [EventKind::AccountUpdated];
    let issued = management.create_webhook(&system(), &other, url, "", &kinds).await.unwrap();
    let rename = async |account: &keyward::AccountId, number: usize| {
        let version = management.account(&system(), account).await.unwrap().version;
        let name = Some(format!("Name {number}"));
        let update = keyward::manage::AccountUpdate { name, ..Default::default() };
        management.update_account(&system(), account, &update, version).await.unwrap();
    };
    // More than the worker reads of the queue at once.
    for number in 0..110 {
        rename(management.operator(), number).await;
    }
    rename(&other, 0).await;
    let worker = tokio::spawn(management.run_events());
    let delivered = async || loop {
        let page = Default::default();
        let found = management.deliveries(&system(), &other, &issued.webhook.id, &page).await.unwrap().items;
        if found.first().is_some_and(|delivery| !delivery.attempts.is_empty()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // The queue of the first account takes minutes, because its receivers hang.
    tokio::time::timeout(SOON, delivered()).await.expect("the queue of another account hides it");
    worker.abort();
}
