use keyward::manage::{
    Count, CountUnit, KeyTotal, Kind, List, MOST_SCOPES, MOST_SCOPES_OF_ACCOUNT, ManagementStore, ModeCount, NewCount,
    OTHER_SCOPES, Record, RequestEntry, RequestPage, ScopeCount, Write, Written,
};
use keyward::{Mode, Timestamp};

use crate::setting::everywhere;

fn record(id: &str, owner: &str, sort: i64) -> Record {
    Record {
        kind: Kind::Member,
        id: id.to_owned(),
        owner: owner.to_owned(),
        subject: "s".to_owned(),
        key: Some(format!("key of {id}")),
        sort,
        expires_at: None,
        version: 1,
        body: r#"{"text":"\u0000 ’ 😀 \" \\ "}"#.to_owned(),
    }
}

#[tokio::test]
async fn records_are_kept_as_they_are_and_batches_whole() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let (a, b) = (record("a", "o", 1), record("b", "o", 2));
        assert_eq!(store.write(&[Write::Insert(a.clone()), Write::Insert(b.clone())]).await.unwrap(), Written::Done);
        assert_eq!(store.get(Kind::Member, "a").await.unwrap(), Some(a.clone()));
        assert_eq!(store.find(Kind::Member, "key of b").await.unwrap(), Some(b.clone()));
        assert_eq!(store.get(Kind::User, "a").await.unwrap(), None, "a record was found under another kind");

        // The third write conflicts, so none takes effect.
        let changed = Record { body: "{}".to_owned(), ..a.clone() };
        let batch = [Write::Insert(record("c", "o", 3)), Write::Replace(changed.clone()), Write::Insert(a.clone())];
        assert_eq!(store.write(&batch).await.unwrap(), Written::Conflict(2));
        assert_eq!(store.get(Kind::Member, "c").await.unwrap(), None);
        assert_eq!(store.get(Kind::Member, "a").await.unwrap(), Some(a.clone()));

        assert_eq!(store.write(&[Write::Replace(changed.clone())]).await.unwrap(), Written::Done);
        assert_eq!(store.get(Kind::Member, "a").await.unwrap().unwrap().version, 2);
        assert_eq!(
            store.write(&[Write::Replace(changed.clone())]).await.unwrap(),
            Written::Conflict(0),
            "a stale write succeeded"
        );
        let twin = Record { key: Some("key of b".to_owned()), version: 2, ..changed };
        assert_eq!(
            store.write(&[Write::Replace(twin)]).await.unwrap(),
            Written::Conflict(0),
            "two records have the same key"
        );
        let other = Record { key: Some("key of a".to_owned()), ..record("d", "o", 1) };
        assert_eq!(store.write(&[Write::Insert(other)]).await.unwrap(), Written::Conflict(0));

        let remove = |version| Write::Remove { kind: Kind::Member, id: "a".to_owned(), version };
        assert_eq!(store.write(&[remove(1)]).await.unwrap(), Written::Conflict(0));
        assert_eq!(store.write(&[remove(2)]).await.unwrap(), Written::Done);
        assert_eq!(store.get(Kind::Member, "a").await.unwrap(), None);
    }
}

#[tokio::test]
async fn many_records_are_read_at_once() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let name = |n: usize| format!("many{n}");
        let writes: Vec<_> = (0..250).map(|n| Write::Insert(record(&name(n), "x", 1))).collect();
        assert_eq!(store.write(&writes).await.unwrap(), Written::Done);
        for (from, to, expected) in [(0, 0, 0), (7, 8, 1), (0, 100, 100), (0, 101, 101), (0, 250, 250), (240, 400, 10)]
        {
            let ids: Vec<String> = (from..to).map(name).collect();
            let mut found = store.get_many(Kind::Member, &ids).await.unwrap();
            found.sort_by_key(|record| record.id[4..].parse::<usize>().unwrap());
            let found: Vec<String> = found.into_iter().map(|record| record.id).collect();
            assert_eq!(found, ids[..expected], "{from} to {to}");
            assert_eq!(store.get_many(Kind::User, &ids).await.unwrap(), []);
        }
    }
}

#[tokio::test]
async fn lists_are_in_order_whichever_way() {
    for setting in everywhere().await {
        let store = &*setting.records;
        for (id, owner, sort) in [("a", "x", 3), ("b", "x", 1), ("c", "y", 2), ("d", "x", 1), ("B", "x", 1)] {
            assert_eq!(store.write(&[Write::Insert(record(id, owner, sort))]).await.unwrap(), Written::Done);
        }
        let ids = async |list: List| -> String {
            store.list(&list).await.unwrap().into_iter().map(|record| record.id).collect()
        };
        let all = || List::of(Kind::Member, 10);
        assert_eq!(ids(all()).await, "Bbdca");
        assert_eq!(ids(List { newest_first: true, ..all() }).await, "acdbB");
        assert_eq!(ids(all().owner("x")).await, "Bbda");
        assert_eq!(ids(all().owner("x").subject("s")).await, "Bbda");
        assert_eq!(ids(all().subject("other")).await, "");
        assert_eq!(ids(List { limit: 2, ..all() }).await, "Bb");
        assert_eq!(ids(List { after: Some((1, "b".to_owned())), ..all() }).await, "dca");
        assert_eq!(ids(List { after: Some((1, "b".to_owned())), newest_first: true, ..all() }).await, "B");
    }
}

#[tokio::test]
async fn what_has_expired_is_swept_and_counts_add_up() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let expiring = Record { expires_at: Some(Timestamp::from_millis(1_000)), ..record("a", "x", 1) };
        assert_eq!(
            store.write(&[Write::Insert(expiring), Write::Insert(record("b", "x", 1))]).await.unwrap(),
            Written::Done
        );
        assert_eq!(store.sweep(Timestamp::from_millis(1_000)).await.unwrap(), 0);
        assert_eq!(store.sweep(Timestamp::from_millis(1_001)).await.unwrap(), 1);
        assert!(store.get(Kind::Member, "b").await.unwrap().is_some());

        let count = |key: &str, day, times| Count {
            account: "acct".to_owned(),
            key: key.to_owned(),
            day,
            outcome: "accepted".to_owned(),
            times,
        };
        let new = |key: &str, hour, times| NewCount {
            account: "acct".to_owned(),
            key: key.to_owned(),
            hour,
            mode: if key == "l" { Mode::Test } else { Mode::Live },
            outcome: "accepted".to_owned(),
            times,
        };
        store.add(&[new("k", 24, 1), new("k", 25, 1), new("k", 48, 1), new("l", 47, 5)]).await.unwrap();
        store.add(&[new("k", 25, 3)]).await.unwrap();
        assert_eq!(store.counts("acct", Some("k"), 1, 1).await.unwrap(), [count("k", 1, 5)]);
        assert_eq!(store.counts("acct", None, 0, 9).await.unwrap().len(), 3);
        assert_eq!(store.counts("other", None, 0, 9).await.unwrap(), []);
        assert_eq!(store.totals("acct", 1, 9).await.unwrap(), [count("", 1, 10), count("", 2, 1)]);
        assert_eq!(store.totals("acct", 2, 2).await.unwrap(), [count("", 2, 1)]);
        assert_eq!(store.totals("other", 0, 9).await.unwrap(), []);
        let mode = |start, mode, times| ModeCount { start, mode, outcome: "accepted".to_owned(), times };
        let days = [mode(1, Mode::Live, 5), mode(1, Mode::Test, 5), mode(2, Mode::Live, 1)];
        assert_eq!(store.modes("acct", CountUnit::Day, 1, 9).await.unwrap(), days);
        let hours = [mode(25, Mode::Live, 4), mode(47, Mode::Test, 5)];
        assert_eq!(store.modes("acct", CountUnit::Hour, 25, 47).await.unwrap(), hours);
        assert_eq!(store.modes("other", CountUnit::Day, 0, 9).await.unwrap(), []);
        let refused = |key: &str, hour, outcome: &str| NewCount { outcome: outcome.to_owned(), ..new(key, hour, 2) };
        let counts =
            [refused("m", 24, "key_revoked"), refused("m", 50, "key_revoked"), refused("n", 25, "insufficient_scope")];
        store.add(&counts).await.unwrap();
        let refusal = |key: &str, outcome: &str, times| Count { outcome: outcome.to_owned(), ..count(key, 1, times) };
        let all = [refusal("m", "key_revoked", 4), refusal("n", "insufficient_scope", 2)];
        assert_eq!(store.refusals("acct", 1, 2).await.unwrap(), all);
        assert_eq!(store.refusals("acct", 1, 1).await.unwrap(), [refusal("m", "key_revoked", 2), all[1].clone()]);
        assert_eq!(store.refusals("other", 0, 9).await.unwrap(), []);
        let total = |key: &str, accepted, refused| KeyTotal { key: key.to_owned(), accepted, refused };
        store.add(&[refused("l", 25, "key_revoked")]).await.unwrap();
        let busiest = [total("l", 5, 2), total("k", 6, 0), total("m", 0, 4), total("n", 0, 2)];
        assert_eq!(store.busiest("acct", 1, 2, 9).await.unwrap(), busiest);
        assert_eq!(store.busiest("acct", 1, 2, 2).await.unwrap(), busiest[..2]);
        assert_eq!(store.busiest("acct", 2, 2, 9).await.unwrap(), [total("m", 0, 2), total("k", 1, 0)]);
        assert_eq!(store.busiest("other", 0, 9, 9).await.unwrap(), []);
        let since = |hour| store.times_since("k", "accepted", hour);
        assert_eq!((since(24).await.unwrap(), since(25).await.unwrap(), since(49).await.unwrap()), (6, 5, 0));
        assert_eq!(store.times_since("k", "key_revoked", 0).await.unwrap(), 0);
        store.sweep(Timestamp::from_millis(49 * 3_600_000)).await.unwrap();
        assert_eq!(since(0).await.unwrap(), 5, "the sweep kept or removed the wrong hours");
        assert_eq!(store.counts("acct", Some("k"), 1, 1).await.unwrap(), [count("k", 1, 5)]);
    }
}

#[tokio::test]
async fn scopes_are_counted_by_key_and_account_up_to_a_bound() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let count = |key: &str, day, scope: &str, outcome: &str, times| ScopeCount {
            account: "acct".to_owned(),
            key: key.to_owned(),
            day,
            scope: scope.to_owned(),
            outcome: outcome.to_owned(),
            times,
        };
        let first = [
            count("k", 1, "a:read", "accepted", 2),
            count("k", 1, "a:read", "insufficient_scope", 3),
            count("k", 2, "a:read", "accepted", 1),
            count("l", 1, "a:read", "accepted", 5),
        ];
        store.add_scopes(&first).await.unwrap();
        store.add_scopes(&[count("k", 1, "a:read", "accepted", 4)]).await.unwrap();
        store.add_scopes(&[]).await.unwrap();
        let of_key = [count("k", 1, "a:read", "accepted", 6), first[1].clone(), first[2].clone()];
        assert_eq!(store.scopes("acct", Some("k"), 1, 2).await.unwrap(), of_key);
        assert_eq!(store.scopes("acct", Some("k"), 2, 9).await.unwrap(), of_key[2..]);
        let of_account = [
            count("", 1, "a:read", "accepted", 11),
            count("", 1, "a:read", "insufficient_scope", 3),
            count("", 2, "a:read", "accepted", 1),
        ];
        assert_eq!(store.scopes("acct", None, 0, 9).await.unwrap(), of_account);
        assert_eq!(store.scopes("other", None, 0, 9).await.unwrap(), []);
        assert_eq!(store.scopes("other", Some("k"), 0, 9).await.unwrap(), []);

        // A caller of `/v1/verify` names more scopes than any service has.
        for key in ["m", "n", "o", "p", "q"] {
            let many: Vec<_> = (0..100).map(|i| count(key, 3, &format!("{key}:s{i:03}"), "accepted", 1)).collect();
            store.add_scopes(&many).await.unwrap();
            store.add_scopes(&many).await.unwrap();
            let found = store.scopes("acct", Some(key), 3, 3).await.unwrap();
            let named = found.iter().filter(|count| count.scope != OTHER_SCOPES);
            assert!(named.clone().all(|count| count.times == 2), "{found:?}");
            assert_eq!((named.count(), found.len()), (MOST_SCOPES, MOST_SCOPES + 1), "{key}");
            assert_eq!(found.iter().map(|count| count.times).sum::<u64>(), 200, "{key}");
        }
        let found = store.scopes("acct", None, 3, 3).await.unwrap();
        assert_eq!(found.len(), MOST_SCOPES_OF_ACCOUNT + 1);
        assert_eq!(found.iter().map(|count| count.times).sum::<u64>(), 1_000);
    }
}

#[tokio::test]
async fn of_many_who_write_at_once_one_is_first() {
    for setting in everywhere().await {
        assert_eq!(setting.records.write(&[Write::Insert(record("a", "x", 0))]).await.unwrap(), Written::Done);
        let replaced: Vec<_> = (0..20)
            .map(|_| {
                let records = setting.records.clone();
                tokio::spawn(async move { records.write(&[Write::Replace(record("a", "x", 1))]).await.unwrap() })
            })
            .collect();
        let mut done = 0;
        for written in replaced {
            done += usize::from(written.await.unwrap() == Written::Done);
        }
        assert_eq!(done, 1);
    }
}

fn request(key: &str, at: i64, number: i64) -> RequestEntry {
    RequestEntry {
        key: key.to_owned(),
        at,
        number,
        account: format!("acct of {key}"),
        method: (number % 2 == 0).then(|| "GET".to_owned()),
        route: (number % 2 == 0).then(|| "/v1/’/{id}".to_owned()),
        network: (number % 2 == 0).then(|| "192.0.2.0/24".to_owned()),
        outcome: "OK".to_owned(),
        missing: None,
    }
}

#[tokio::test]
async fn a_key_keeps_its_newest_requests_of_all_nodes() {
    const DAY: i64 = 24 * 3_600 * 1_000;
    for setting in everywhere().await {
        let store = &*setting.records;
        let list = async |key: &str, since: i64, after: Option<(i64, i64)>, limit: usize| {
            store.requests(key, &RequestPage { since, after, limit }).await.unwrap()
        };
        assert_eq!(list("k", 0, None, 9).await, []);
        store.add_requests(&[]).await.unwrap();
        // Two nodes write at once, in any order, and one of them again after a failure.
        let of_node = |node: i64| (0..150).map(|n| request("k", 40 * DAY + n * 2 + node, n)).collect::<Vec<_>>();
        let (one, other) = (of_node(0), of_node(1));
        let (first, second) = tokio::join!(store.add_requests(&one), store.add_requests(&other));
        first.and(second).unwrap();
        store.add_requests(&one).await.unwrap();
        store.add_requests(&[request("l", 3 * DAY, 1), request("l", 3 * DAY, 2)]).await.unwrap();
        let all = list("k", 0, None, 500).await;
        assert_eq!(all.len(), 200);
        assert!(all.iter().rev().map(|request| request.at).eq((100..300).map(|n| 40 * DAY + n)), "{all:?}");
        assert_eq!(all[0], other[149]);
        assert_eq!(all[1], one[149]);
        assert_eq!(list("k", 0, None, 2).await, all[..2]);
        assert_eq!(list("k", 0, Some((all[1].at, all[1].number)), 2).await, all[2..4]);
        assert_eq!(list("k", all[4].at, None, 500).await, all[..5]);
        assert_eq!(list("l", 0, Some((3 * DAY, 2)), 9).await, [request("l", 3 * DAY, 1)]);
        // `maintain` sweeps a day later.
        store.sweep(Timestamp::from_millis(32 * DAY)).await.unwrap();
        assert_eq!(list("l", 0, None, 9).await.len(), 2);
        store.sweep(Timestamp::from_millis(32 * DAY + 1)).await.unwrap();
        assert_eq!(list("l", 0, None, 9).await, []);
        store.remove_requests("acct of l").await.unwrap();
        assert_eq!(list("k", 0, None, 500).await.len(), 200);
        store.remove_requests("acct of k").await.unwrap();
        assert_eq!(list("k", 0, None, 500).await, []);
    }
}
