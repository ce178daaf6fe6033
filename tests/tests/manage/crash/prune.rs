use keyward::clock::Clock as _;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// More than two batches.
const OLD: u64 = 450;

async fn old_log(folder: &Path, clock: &Arc<ManualClock>) -> PathBuf {
    let file = folder.join("prepared.db");
    let store = SqliteStore::open(&file).unwrap();
    let management = quick(Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap()), clock);
    for n in 0..OLD {
        management.put_plan(&system(), Plan::new(format!("plan {n}")), None).await.unwrap();
    }
    clock.advance(12 * DAY);
    let saved = folder.join("saved.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute("VACUUM INTO ?1", [saved.to_str().unwrap()]).unwrap();
    saved
}

fn process(file: &Path, clock: &Arc<ManualClock>, crash: Crash) -> (Management, Arc<Crash>) {
    let (store, crash) = (SqliteStore::open(file).unwrap(), Arc::new(crash));
    let records = Crashing { inner: SqliteManagementStore::open(&store).unwrap(), crash: Arc::clone(&crash) };
    let keys = Crashing { inner: store, crash: Arc::clone(&crash) };
    (quick(Management::builder(keys, records).audit_retention(10 * DAY), clock), crash)
}

async fn pruned_through(management: &Management, at: &str) -> u64 {
    let verdict = management.verify_audit_log(&system(), None).await.unwrap();
    assert_eq!(verdict.first_bad, None, "{at}");
    verdict.pruned_through.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_batches_leaves_a_log_that_verifies_and_is_pruned_further() {
    let (folder, begin) = (tempfile::tempdir().unwrap(), clock());
    let saved = old_log(folder.path(), &begin).await;
    let copy = |name: String| {
        let file = folder.path().join(name);
        std::fs::copy(&saved, &file).unwrap();
        file
    };
    let (whole, counted) = process(&copy("whole.db".to_owned()), &begin, Crash::default());
    whole.maintain().await.unwrap();
    assert_eq!(pruned_through(&whole, "without a crash").await, OLD);
    let writes = counted.writes.load(Ordering::SeqCst);
    let mut left = std::collections::BTreeSet::new();
    for (n, is_done, is_short) in
        (1..=writes).flat_map(|n| [(n, false, false), (n, true, false), (n, false, true), (n, true, true)])
    {
        let at = format!("write {n} of {writes}, done: {is_done}, outage: {is_short}");
        let (file, clock) = (copy(format!("{n}-{is_done}-{is_short}.db")), Arc::new(ManualClock::at(begin.now())));
        let (management, _) = process(&file, &clock, Crash { at: n, is_done, is_short, ..Crash::default() });
        // If only its last write fails, maintenance may still have pruned everything.
        let _ = management.maintain().await;
        drop(management);

        let (management, _) = process(&file, &clock, Crash::default());
        left.insert(pruned_through(&management, &at).await);
        clock.advance(Duration::from_secs(600));
        management.maintain().await.unwrap();
        let through = pruned_through(&management, &at).await;
        assert!(through >= OLD, "{at}: {through}");
        let query = AuditQuery { page: everything(), ..AuditQuery::default() };
        let log = management.audit_log(&system(), &query).await.unwrap().items;
        assert!(log.iter().any(|entry| entry.action == "audit.prune"), "{at}: {log:?}");
        assert!(log.iter().all(|entry| entry.action == "audit.prune" || entry.at > begin.now()), "{at}: {log:?}");
    }
    assert!(left.is_superset(&[0, 200, 400, OLD].into()), "no crash between some of the batches: {left:?}");
}
