use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[cfg(feature = "dashboard")]
use futures_util::future::join_all;
#[cfg(feature = "dashboard")]
use keyward_api_types::DeliveryState;
use keyward_api_types::EventKind;
use keyward_core::AccountId;
#[cfg(feature = "dashboard")]
use keyward_core::clock::ManualClock;
use keyward_sqlite::SqliteStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::actor::{Actor, Context};
use crate::records::StoredWebhook;
#[cfg(feature = "dashboard")]
use crate::records::{Due, Entity as _, StoredDelivery};
use crate::service::{AccountUpdate, Management};
use crate::store::SqliteManagementStore;
#[cfg(feature = "dashboard")]
use crate::store::{Kind, List};
use crate::webhook_client::WebhookClient;

/// The largest number of attempts that accounts share which have an attempt already.
const SHARED: usize = 48;

fn system() -> Actor {
    Actor::system("test", Context::new())
}

/// Counts requests. Answers 204, or never.
async fn receiver(answers: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let number = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&number);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut request = [0; 8_192];
                while socket.read(&mut request).await.is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                    if answers {
                        socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                    }
                }
            });
        }
    });
    (url, number)
}

async fn account_with_webhooks(management: &Management, name: &str, webhooks: usize, url: &str) -> AccountId {
    let account = management.create_account(&system(), name).await.unwrap().value.id;
    for _ in 0..webhooks {
        let (public, kinds) = ("https://example.com/", [EventKind::AccountUpdated]);
        let made = management.create_webhook(&system(), &account, public, "", &kinds).await.unwrap().webhook;
        // Customers cannot set this URL.
        let known = management.get::<StoredWebhook>(&made.id).await.unwrap().unwrap();
        let next = StoredWebhook { url: url.to_owned(), ..known.value.clone() };
        assert!(management.write_quietly(&[known.replace(&next).unwrap()]).await.unwrap());
    }
    account
}

async fn rename(management: &Management, account: &AccountId, number: usize) {
    let version = management.account(&system(), account).await.unwrap().version;
    let update = AccountUpdate { name: Some(format!("Name {number}")), ..AccountUpdate::default() };
    management.update_account(&system(), account, &update, version).await.unwrap();
}

async fn within(limit: Duration, what: &str, is_true: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < limit, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_of_four_accounts_that_hang_delay_no_event_of_a_fifth() {
    let store = SqliteStore::temporary().unwrap();
    let records = SqliteManagementStore::open(&store).unwrap();
    let management = Management::builder(store, records).build().unwrap();
    // The receivers of this test are on this machine.
    let client = WebhookClient::new(&["127.0.0.0/8".parse().unwrap()]);
    assert!(management.0.webhook_clients.customers.set(client).is_ok());
    let (hanging, held) = receiver(false).await;
    let (quick, received) = receiver(true).await;
    let fifth = account_with_webhooks(&management, "Fifth", 1, &quick).await;
    for number in 0..4 {
        let account = account_with_webhooks(&management, &format!("Slow {number}"), 20, &hanging).await;
        for event in 0..5 {
            rename(&management, &account, event).await;
        }
    }
    let worker = tokio::spawn(management.run_events());
    within(Duration::from_secs(60), "the hanging receivers get no attempts", || held.load(Ordering::SeqCst) >= SHARED)
        .await;
    // At first with all shared slots taken, then past the time limit of the attempts that hang.
    for event in 1..=6 {
        rename(&management, &fifth, event).await;
        // Shorter than an attempt that hangs.
        let at_most = Duration::from_secs(15);
        within(at_most, &format!("event {event} waits"), || received.load(Ordering::SeqCst) >= event).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    assert_eq!(received.load(Ordering::SeqCst), 6);
    worker.abort();
}

#[cfg(feature = "dashboard")]
#[tokio::test]
async fn an_account_has_one_redelivery_of_many_a_second() {
    const EACH: usize = 4;
    let store = SqliteStore::temporary().unwrap();
    let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
    let node = || {
        let records = SqliteManagementStore::open(&store).unwrap();
        Management::builder(store.clone(), records).clock(Arc::<ManualClock>::clone(&clock)).build().unwrap()
    };
    let nodes = [node(), node()];
    let management = &nodes[0];
    let began = management.now();
    let mut accounts = Vec::new();
    for name in ["Many", "Other"] {
        let account = account_with_webhooks(management, name, 3, "http://127.0.0.1:1/").await;
        let webhooks = management.webhooks(&system(), &account).await.unwrap();
        for webhook in &webhooks {
            for number in 0..EACH {
                let failed = StoredDelivery {
                    id: format!("evt_{number}.{}", webhook.id),
                    webhook: webhook.id.clone(),
                    account: account.clone(),
                    event: format!("evt_{number}"),
                    kind: EventKind::AccountUpdated,
                    payload: "{}".to_owned(),
                    created_at: began,
                    state: if number % 2 == 0 { DeliveryState::Failed } else { DeliveryState::NotSent },
                    failures: 9,
                    next_attempt_at: None,
                    attempts: Vec::new(),
                };
                assert!(management.write_quietly(&[failed.insert().unwrap()]).await.unwrap());
            }
        }
        accounts.push((account, webhooks));
    }
    let system = system();
    let (many, webhooks) = &accounts[0];
    let again = |node: usize, number: usize| nodes[node].redeliver_failed(&system, many, &webhooks[number].id);
    // Those of the third webhook are asked for six times at once, and take their places once.
    let same = join_all((0..6).map(|number| again(number % 2, 2)));
    let (first, second, third) = tokio::join!(again(0, 0), again(1, 1), same);
    let third: usize = third.into_iter().map(Result::unwrap).sum();
    assert_eq!([first.unwrap(), second.unwrap(), third], [EACH; 3]);
    assert_eq!(again(1, 0).await.unwrap(), 0, "they are pending");
    let (other, webhooks_of_other) = &accounts[1];
    management.redeliver_failed(&system, other, &webhooks_of_other[0].id).await.unwrap();

    let due = management.list::<Due>(&List::of(Kind::Due, 100)).await.unwrap();
    let at = |account: &AccountId| -> Vec<i64> {
        let own = due.iter().filter(|due| due.account == *account);
        own.map(|due| due.at.as_millis() - began.as_millis()).collect()
    };
    let of_many = at(many);
    assert_eq!(of_many.len(), 3 * EACH);
    assert!(of_many.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "{of_many:?}");
    assert!(of_many.iter().all(|at| *at < 12_000), "{of_many:?}");
    let of_other = at(other);
    assert_eq!(of_other.len(), EACH);
    assert!(of_other[0] < of_many[2 * EACH], "another account waits: {of_other:?}");
}
