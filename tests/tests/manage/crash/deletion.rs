//! A deletion that a crash cut off goes on when it is called again. `maintain()` does the same, as the other cases show.

use super::*;

const OWNED: [Kind; 4] = [Kind::Member, Kind::Invitation, Kind::Webhook, Kind::Delivery];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_was_cut_off_goes_on_when_repeated() {
    let on = prepared().await;
    let mut again_done = 0;
    for at in 1.. {
        let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
        let file = folder.path().join("keys.db");
        std::fs::copy(&on.file, &file).unwrap();
        let crash = Arc::new(Crash { at, is_done: true, ..Crash::default() });
        let store = SqliteStore::open(&file).unwrap();
        let records = Crashing { inner: SqliteManagementStore::open(&store).unwrap(), crash: crash.clone() };
        let management = quick(Management::builder(Crashing { inner: store, crash: crash.clone() }, records), &clock);
        let first = code(management.delete_account(&on.operator, &on.suspended, 2).await.map(drop));
        if first == "done" && crash.writes.load(Ordering::SeqCst) < at {
            break;
        }
        let restarted = Restarted::new(&file, &clock, &on);
        assert_eq!(
            code(restarted.management.account(&on.operator, &on.suspended).await.map(drop)),
            "NOT_FOUND",
            "from the first write on, the account is unknown: {at}"
        );
        match code(restarted.management.delete_account(&system(), &on.suspended, 0).await.map(drop)) {
            "done" => again_done += 1,
            other => assert_eq!(other, "NOT_FOUND", "{at}: it was complete"),
        }
        assert_eq!(restarted.entries("account.delete").await.len(), 1, "{at}");
        for kind in OWNED {
            let left = restarted.records.list(&List::of(kind, 10).owner(on.suspended.as_str())).await.unwrap();
            assert!(left.is_empty(), "{at}: {left:?}");
        }
        let query = KeyQuery { account: Some(on.suspended.clone()), ..KeyQuery::default() };
        for key in restarted.keys.list(&query).await.unwrap().keys {
            assert!(key.revoked_at.is_some(), "{at}: {}", key.name);
        }
        clock.advance(Duration::from_secs(600));
        restarted.management.maintain().await.unwrap();
        restarted.check_invariants(&format!("write {at}")).await;
    }
    assert!(again_done > 5, "{again_done}");
}
