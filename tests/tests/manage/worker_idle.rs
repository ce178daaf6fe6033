//! The worker of events waits while it can do nothing.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use keyward::manage::{KeyDraft, Kind, PageRequest};

use crate::second_factor::code;
use crate::setting::failing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_does_not_spin_while_a_store_reads_but_does_not_write() {
    let (setting, records) = failing();
    let (management, system) = (&setting.management, setting.system());
    setting.operator().await;
    let url = "https://localhost:1/hooks";
    let webhook = management.create_webhook(&system, management.operator(), url, "", &[]).await.unwrap().webhook.id;
    for number in 0..5 {
        let draft = KeyDraft::secret(management.operator().clone(), format!("key {number}"));
        management.create_key(&system, draft).await.unwrap();
    }
    let worker = tokio::spawn(management.run_events());
    // The receiver cannot be reached, so each delivery is due again later.
    let planned = async || {
        let page = PageRequest::default();
        let found = management.deliveries(&system, management.operator(), &webhook, &page).await.unwrap().items;
        found.iter().filter(|delivery| delivery.attempts.len() == 1).count() >= 5
    };
    let attempted = async {
        while !planned().await {
            tokio::time::sleep(Duration::from_millis(20)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(30), attempted).await.expect("nothing was attempted");
    records.refuse(Some(Kind::Due));
    setting.clock.advance(Duration::from_secs(3_600));
    let begun = Instant::now();
    while records.refused.load(Ordering::Relaxed) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing is due again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let refused = records.refused.load(Ordering::Relaxed);
    let took = begun.elapsed();
    worker.abort();
    assert!(refused as u128 <= took.as_millis() / 50, "{refused} claims failed within {took:?}");
    // A program without the worker learns of it.
    let delivered = tokio::time::timeout(Duration::from_secs(30), management.deliver_events()).await;
    assert_eq!(code(delivered.expect("it begins again and again")), "SERVICE_UNAVAILABLE");
    records.refuse(None);
    management.deliver_events().await.unwrap();
}
