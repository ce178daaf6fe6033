use super::*;

fn process(file: &Path, crash: Crash) -> (Management, SqliteManagementStore, Arc<Crash>) {
    let (store, crash) = (SqliteStore::open(file).unwrap(), Arc::new(crash));
    let inner = SqliteManagementStore::open(&store).unwrap();
    let records = Crashing { inner: inner.clone(), crash: Arc::clone(&crash) };
    let keys = Crashing { inner: store, crash: Arc::clone(&crash) };
    (quick(Management::builder(keys, records), &clock()), inner, crash)
}

async fn sessions_by_link(records: &SqliteManagementStore) -> usize {
    let sessions = records.list(&List::of(Kind::Session, 500)).await.unwrap();
    sessions.iter().filter(|session| session.body.contains("\"link_maker\":{")).count()
}

#[tokio::test]
async fn a_link_signs_in_once_although_the_process_ends() {
    let (on, folder) = (prepared().await, tempfile::tempdir().unwrap());
    let copy = |name: String| {
        let file = folder.path().join(name);
        std::fs::copy(&on.file, &file).unwrap();
        file
    };
    let sign_in =
        async |management: &Management| code(management.sign_in_with_link(&Context::new(), &on.link).await.map(drop));
    let (whole, records, counted) = process(&copy("whole.db".to_owned()), Crash::default());
    assert_eq!((sign_in(&whole).await, sessions_by_link(&records).await), ("done", 1));
    let writes = counted.writes.load(Ordering::SeqCst);
    assert!(writes > 0);
    let (mut used, mut unused) = (0, 0);
    let ways = [(false, false), (true, false), (false, true), (true, true)];
    for (n, (is_done, is_short)) in (1..=writes).flat_map(|n| ways.map(|way| (n, way))) {
        let at = format!("write {n} of {writes}, done: {is_done}, outage: {is_short}");
        let file = copy(format!("{n}-{is_done}-{is_short}.db"));
        let (management, ..) = process(&file, Crash { at: n, is_done, is_short, ..Crash::default() });
        let said = sign_in(&management).await;
        drop(management);

        // Within the minute of the link.
        let (management, records, _) = process(&file, Crash::default());
        let begun = sessions_by_link(&records).await;
        assert!(begun == 1 || said != "done", "{at}: {said}");
        let again = sign_in(&management).await;
        assert_eq!(again, if begun == 1 { "LINK_ENDED" } else { "done" }, "{at}");
        assert_eq!(sessions_by_link(&records).await, 1, "{at}");
        let query = AuditQuery { page: everything(), ..AuditQuery::default() };
        let log = management.audit_log(&system(), &query).await.unwrap().items;
        let is_use = |entry: &&AuditEntry| {
            entry.action == "session.begin"
                && entry.after.as_ref().is_some_and(|after| after["sign_in_link_of"].is_object())
        };
        assert_eq!(log.iter().filter(is_use).count(), 1, "{at}");
        assert_eq!(management.verify_audit_log(&system(), None).await.unwrap().first_bad, None, "{at}");
        (used, unused) = (used + begun, unused + 1 - begun);
    }
    assert!(used > 0 && unused > 0, "{used} {unused}");
}
