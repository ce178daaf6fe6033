//! Files that are written while they are sent.

use axum::body::to_bytes;
use futures_util::FutureExt as _;
use http::header::RETRY_AFTER;
use http::{Request, StatusCode};

use super::Site;
use crate::dashboard::words;
use crate::store::{Kind, List, ManagementStore as _, Record, Write, Written};

const ENTRIES: u64 = 5_000;
const MARKS: u64 = 2_000;

/// Copies an entry and a mark, since their ways are long.
async fn fill(site: &Site) {
    let copy = async |kind: Kind, owner: &str, from: u64, count: u64| {
        let list = List { newest_first: true, ..List::of(kind, 1).owner("operator") };
        let known = site.records.list(&list).await.unwrap().remove(0);
        let numbers: Vec<u64> = (from..from + count).collect();
        for numbers in numbers.chunks(500) {
            let writes = numbers.iter().map(|number| {
                let mut body: serde_json::Value = serde_json::from_str(&known.body).unwrap();
                body["number"] = (*number).into();
                Write::Insert(Record {
                    sort: i64::try_from(*number).unwrap(),
                    id: if kind == Kind::Audit { number.to_string() } else { format!("{number}.{owner}") },
                    owner: owner.to_owned(),
                    // It is unique.
                    key: None,
                    body: body.to_string(),
                    ..known.clone()
                })
            });
            let written = site.records.write(&writes.collect::<Vec<_>>()).await.unwrap();
            assert_eq!(written, Written::Done, "{kind:?} like {known:?}");
        }
    };
    copy(Kind::Audit, "operator", 1_000, ENTRIES).await;
    copy(Kind::Audit, "", 1_000 + ENTRIES, MARKS).await;
    copy(Kind::ActivityMark, "operator", 1_000 + ENTRIES, MARKS).await;
}

/// One thread does all, so an export that keeps it would stop the rest of the server.
#[tokio::test]
async fn an_export_that_finds_nothing_lets_others_run() {
    let site = Site::start().await;
    fill(&site).await;
    for format in ["csv", "jsonl"] {
        let path = format!("/accounts/operator/audit/export?q=zzzz&format={format}");
        let response = site.answer(Request::get(&path), String::new()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = Box::pin(to_bytes(response.into_body(), usize::MAX));
        let mut turns = 0;
        let body = loop {
            match (&mut body).now_or_never() {
                Some(body) => break body.unwrap(),
                None => turns += 1,
            }
            tokio::task::yield_now().await;
        };
        // The title only. The first batches were read before the response began.
        assert!(body.iter().filter(|byte| **byte == b'\n').count() < 2, "{format}: {body:?}");
        assert!(turns >= (ENTRIES + MARKS) / 500 - 4, "{format}: {turns} turns");
    }
    // All of them are there.
    let (_, all) = site.get("/accounts/operator/audit/export?format=jsonl").await;
    assert!(all.lines().count() as u64 >= ENTRIES + MARKS, "{}", all.lines().count());
}

#[tokio::test]
async fn an_account_exports_one_file_at_a_time() {
    let site = Site::start().await;
    for first in ["audit/export", "audit/export?format=jsonl", "keys/export"] {
        let first = site.answer(Request::get(format!("/accounts/operator/{first}")), String::new()).await;
        assert_eq!(first.status(), StatusCode::OK);
        for next in ["audit/export", "keys/export", "usage/export", "usage/export?of=keys"] {
            let next = format!("/accounts/operator/{next}");
            let refused = site.answer(Request::get(&next), String::new()).await;
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{next}");
            assert_eq!(refused.headers()[RETRY_AFTER], "10", "{next}");
            let body = to_bytes(refused.into_body(), usize::MAX).await.unwrap();
            let title = format!("<h1>{}</h1>", words::errors::EXPORT_IS_RUNNING);
            assert!(String::from_utf8_lossy(&body).contains(&title), "{next}");
            let other = next.replace("operator", &site.customer);
            assert_eq!(site.get(&other).await.0, StatusCode::OK, "{other}");
        }
        to_bytes(first.into_body(), usize::MAX).await.unwrap();
        for next in ["audit/export", "keys/export", "usage/export", "usage/export?of=keys"] {
            assert_eq!(site.get(&format!("/accounts/operator/{next}")).await.0, StatusCode::OK, "{next}");
        }
    }
}
