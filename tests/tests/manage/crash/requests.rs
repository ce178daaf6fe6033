use axum::Router;
use axum::routing::get;
use keyward::Authenticator;
use keyward::axum::{AuthLayer, RecentRequestsLayer};
use keyward_tests::service::call;

use super::*;
use crate::requests::request;

const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];

async fn process(file: &Path, crash: Crash) -> (Management, Router, Arc<Crash>) {
    let (store, crash) = (SqliteStore::open(file).unwrap(), Arc::new(crash));
    let inner = SqliteManagementStore::open(&store).unwrap();
    let records = Crashing { inner, crash: Arc::clone(&crash) };
    let clock = clock();
    let management =
        quick(Management::builder(Crashing { inner: store.clone(), crash: Arc::clone(&crash) }, records), &clock);
    let hook = management.recent_requests_hook();
    let authenticator = Authenticator::builder(store).clock(clock).on_event(hook).build().unwrap();
    let routes = Router::new().route("/v1/videos/{id}", get(async || "in"));
    let recent = RecentRequestsLayer::new(&authenticator);
    (management, routes.layer(AuthLayer::from(authenticator)).layer(recent), crash)
}

async fn methods(management: &Management, on: &Prepared) -> Vec<String> {
    let listed = management.key_requests(&system(), &on.active, &everything()).await.unwrap().items;
    let mut methods: Vec<_> = listed.into_iter().filter_map(|request| request.method).collect();
    methods.sort();
    methods
}

#[tokio::test]
async fn recent_requests_are_written_once_although_a_write_fails() {
    let (on, folder) = (prepared().await, tempfile::tempdir().unwrap());
    let all = {
        let mut all = METHODS.map(str::to_owned).to_vec();
        all.sort();
        all
    };
    let mut writes = 1;
    let ways = [(false, false), (true, false), (false, true), (true, true)];
    let mut n = 0;
    while n < writes {
        n += 1;
        for (is_done, is_short) in ways {
            let at = format!("write {n} of {writes}, done: {is_done}, outage: {is_short}");
            let file = folder.path().join(format!("{n}-{is_done}-{is_short}.db"));
            std::fs::copy(&on.file, &file).unwrap();
            let (management, app, crash) = process(&file, Crash { at: n, is_done, is_short, ..Crash::default() }).await;
            for method in METHODS {
                call(&app, request(method, "/v1/videos/7", &on.plain)).await;
            }
            assert!(management.flush_requests().await.is_err(), "{at}: the write did not fail");
            if is_short {
                // The process goes on, and repeats what failed.
                management.flush_requests().await.unwrap();
                writes = writes.max(crash.writes.load(Ordering::SeqCst) - 1);
                assert_eq!(methods(&management, &on).await, all, "{at}");
            }
            drop((management, app));

            let (restarted, ..) = process(&file, Crash::default()).await;
            let known = methods(&restarted, &on).await;
            let mut once = known.clone();
            once.dedup();
            assert_eq!(once, known, "{at}: a request is listed twice");
            assert!(known.iter().all(|method| all.contains(method)), "{at}: {known:?}");
            assert!(!is_short || known == all, "{at}: {known:?}");
            assert!(is_done || is_short || known.len() < all.len(), "{at}: {known:?}");
        }
    }
}
