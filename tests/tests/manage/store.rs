use std::collections::BTreeMap;

use keyward::manage::{
    Count, CountUnit, Kind, List, MOST_SCOPES, MOST_SCOPES_OF_ACCOUNT, ManagementStore, ModeCount, NewCount,
    NewScopeCount, OTHER_SCOPES, Record, RequestEntry, RequestPage, ScopeCount, Write, Written,
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
        store.add(&[refused("l", 25, "key_revoked")]).await.unwrap();
        let all = [
            count("k", 1, 6),
            count("l", 1, 5),
            refusal("l", "key_revoked", 2),
            refusal("m", "key_revoked", 4),
            refusal("n", "insufficient_scope", 2),
        ];
        assert_eq!(store.key_totals("acct", 1, 2).await.unwrap(), all);
        let second = [count("k", 1, 1), refusal("m", "key_revoked", 2)].map(|count| Count { day: 2, ..count });
        assert_eq!(store.key_totals("acct", 2, 2).await.unwrap(), second);
        assert_eq!(store.key_totals("acct", 3, 9).await.unwrap(), []);
        assert_eq!(store.key_totals("other", 0, 9).await.unwrap(), []);
        let since = |hour| store.times_since("k", "accepted", hour);
        assert_eq!((since(24).await.unwrap(), since(25).await.unwrap(), since(49).await.unwrap()), (6, 5, 0));
        assert_eq!(store.times_since("k", "key_revoked", 0).await.unwrap(), 0);
        store.sweep(Timestamp::from_millis(49 * 3_600_000)).await.unwrap();
        assert_eq!(since(0).await.unwrap(), 5, "the sweep kept or removed the wrong hours");
        assert_eq!(store.counts("acct", Some("k"), 1, 1).await.unwrap(), [count("k", 1, 5)]);
    }
}

fn scope_count(key: &str, day: i64, scope: &str, outcome: &str, times: u64) -> ScopeCount {
    ScopeCount {
        account: "acct".to_owned(),
        key: key.to_owned(),
        day,
        scope: scope.to_owned(),
        outcome: outcome.to_owned(),
        times,
    }
}

fn listed(ScopeCount { account, key, day, scope, outcome, times }: ScopeCount) -> NewScopeCount {
    NewScopeCount { account, key, day, scope, outcome, times, is_listed: true }
}

#[tokio::test]
async fn totals_of_keys_are_the_sums_of_their_days() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let count = |day: i64| NewCount {
            account: "acct".to_owned(),
            key: format!("k{}", day % 3),
            hour: day * 24 + day % 24,
            mode: Mode::Live,
            outcome: if day % 5 == 0 { "key_revoked" } else { "accepted" }.to_owned(),
            times: 1 << (day % 20),
        };
        let counts: Vec<_> = (100..170).filter(|day| day % 7 != 0).map(count).collect();
        store.add(&counts).await.unwrap();
        store.add(&counts[..20]).await.unwrap();
        for (from, to) in
            [(0, i64::MAX), (i64::MIN, 130), (112, 143), (111, 144), (113, 113), (119, 119), (130, 129), (160, 400)]
        {
            let mut sums = BTreeMap::new();
            for day in store.counts("acct", None, from, to).await.unwrap() {
                *sums.entry((day.key, day.outcome)).or_insert(0) += day.times;
            }
            let found = store.key_totals("acct", from, to).await.unwrap();
            assert!(found.iter().all(|total| total.account == "acct" && total.day == from), "{found:?}");
            let two = ["k2", "none", "k0", "k2"].map(str::to_owned);
            let of_two: Vec<_> = found.iter().filter(|total| total.key != "k1").cloned().collect();
            assert_eq!(store.totals_of_keys("acct", &two, from, to).await.unwrap(), of_two, "{from} to {to}");
            assert_eq!(store.totals_of_keys("acct", &[], from, to).await.unwrap(), []);
            assert_eq!(store.totals_of_keys("other", &two, from, to).await.unwrap(), []);
            let found: Vec<_> = found.into_iter().map(|total| ((total.key, total.outcome), total.times)).collect();
            assert_eq!(found, sums.into_iter().collect::<Vec<_>>(), "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn counts_of_earlier_days_are_removed() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let count = |account: &str, key: usize, day: i64| NewCount {
            account: account.to_owned(),
            key: format!("k{key:04}"),
            hour: day * 24,
            mode: Mode::Live,
            outcome: "accepted".to_owned(),
            times: 1,
        };
        // More than a store removes at a time.
        let many: Vec<_> = (0..700).flat_map(|key| (10..20).map(move |day| count("acct", key, day))).collect();
        for part in many.chunks(500) {
            store.add(part).await.unwrap();
        }
        store.add(&[count("other", 1, 3), count("kept", 1, 18)]).await.unwrap();
        let scope = |day| listed(scope_count("k0001", day, "a:read", "accepted", 1));
        store.add_scopes(&[scope(17), scope(18)]).await.unwrap();
        for _ in 0..2 {
            store.remove_counts(18).await.unwrap();
            let left = store.counts("acct", None, 0, 99).await.unwrap();
            assert!(left.len() == 1_400 && left.iter().all(|count| count.day >= 18), "{}", left.len());
            let totals = store.key_totals("acct", 0, 99).await.unwrap();
            assert!(totals.len() == 700 && totals.iter().all(|total| total.times == 2), "{totals:?}");
            assert_eq!(store.totals("acct", 0, 99).await.unwrap().len(), 2);
            assert_eq!(store.modes("acct", CountUnit::Day, 0, 99).await.unwrap().len(), 2);
            for key in [None, Some("k0001")] {
                let scopes = store.scopes("acct", key, 0, 99).await.unwrap();
                assert_eq!(scopes.iter().map(|scope| scope.day).collect::<Vec<_>>(), [18], "{key:?}");
            }
            for (account, left) in [("other", 0), ("kept", 1)] {
                assert_eq!(store.counts(account, None, 0, 99).await.unwrap().len(), left, "{account}");
                assert_eq!(store.key_totals(account, 0, 99).await.unwrap().len(), left, "{account}");
            }
        }
    }
}

/// A node of a version without spans writes them while the nodes are brought up to date.
#[tokio::test]
async fn counts_without_spans_are_removed_too() {
    let setting = crate::setting::on_sqlite();
    let connection = rusqlite::Connection::open(setting.file.as_ref().unwrap()).unwrap();
    // More than a store removes at a time.
    let many = "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 11999) \
                INSERT INTO desk_counts SELECT account, printf('k%04d', n % 600), n / 600, 'accepted', 1 \
                FROM n, (SELECT 'acct' AS account UNION ALL SELECT 'other')";
    connection.execute(many, []).unwrap();
    connection.execute("INSERT INTO desk_totals VALUES ('acct', 3, 'accepted', 600)", []).unwrap();
    setting.records.remove_counts(18).await.unwrap();
    let left = setting.records.counts("acct", None, 0, 99).await.unwrap();
    assert!(left.len() == 1_200 && left.iter().all(|count| count.day >= 18), "{}", left.len());
    assert_eq!(setting.records.totals("acct", 0, 99).await.unwrap(), []);
    assert_eq!(setting.records.counts("other", None, 0, 99).await.unwrap().len(), 12_000);
}

#[tokio::test]
async fn scopes_are_counted_by_key_and_account_up_to_a_bound() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let count = scope_count;
        let first = [
            count("k", 1, "a:read", "accepted", 2),
            count("k", 1, "a:read", "insufficient_scope", 3),
            count("k", 2, "a:read", "accepted", 1),
            count("l", 1, "a:read", "accepted", 5),
        ];
        store.add_scopes(&first.clone().map(listed)).await.unwrap();
        store.add_scopes(&[listed(count("k", 1, "a:read", "accepted", 4))]).await.unwrap();
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
        let of_both = [&of_key[..], &first[3..]].concat();
        let keys = ["l", "k", "l", "unknown"].map(str::to_owned);
        assert_eq!(store.scopes_of_keys("acct", &keys, 1, 2).await.unwrap(), of_both);
        assert_eq!(store.scopes_of_keys("acct", &keys, 2, 9).await.unwrap(), of_key[2..]);
        assert_eq!(store.scopes_of_keys("acct", &[], 0, 9).await.unwrap(), []);
        assert_eq!(store.scopes_of_keys("other", &keys, 0, 9).await.unwrap(), []);

        // A caller of `/v1/verify` names more scopes than any service has.
        for key in ["m", "n", "o", "p", "q"] {
            let many: Vec<_> =
                (0..100).map(|i| listed(count(key, 3, &format!("{key}:s{i:03}"), "accepted", 1))).collect();
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
async fn half_of_the_names_of_scopes_are_for_listed_ones() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let new = |key: &str, scope: &str, is_listed| NewScopeCount {
            is_listed,
            ..listed(scope_count(key, 1, scope, "accepted", 1))
        };
        // Also if the first scopes have no name.
        store.add_scopes(&[new("k", OTHER_SCOPES, false), new("", OTHER_SCOPES, false)]).await.unwrap();
        for key in ["k", "l", "m", "n", "o"] {
            let invented: Vec<_> = (0..70).map(|number| new(key, &format!("{key}:s{number}"), false)).collect();
            store.add_scopes(&invented).await.unwrap();
        }
        let names = async |key: Option<&str>| {
            let found = store.scopes("acct", key, 1, 1).await.unwrap();
            let times: u64 = found.iter().map(|count| count.times).sum();
            (found.into_iter().filter(|count| count.scope != OTHER_SCOPES).map(|count| count.scope).collect(), times)
        };
        let (of_key, times): (Vec<_>, _) = names(Some("k")).await;
        assert_eq!((of_key.len(), times), (MOST_SCOPES / 2, 71));
        let (of_account, times) = names(None).await;
        assert_eq!((of_account.len(), times), (MOST_SCOPES_OF_ACCOUNT / 2, 352));
        // Listed ones come first in a write, wherever they stand.
        let real = (0..40)
            .flat_map(|number| [new("k", &format!("k:t{number}"), false), new("k", &format!("a:s{number:02}"), true)]);
        store.add_scopes(&real.collect::<Vec<_>>()).await.unwrap();
        let (of_key, times) = names(Some("k")).await;
        let expected: Vec<_> = (0..32).map(|number| format!("a:s{number:02}")).collect();
        assert_eq!((of_key.len(), times), (MOST_SCOPES, 151));
        assert!(expected.iter().all(|scope| of_key.contains(scope)), "{of_key:?}");
        let (of_account, _) = names(None).await;
        assert!((0..40).all(|number| of_account.contains(&format!("a:s{number:02}"))), "{of_account:?}");
    }
}

#[tokio::test]
async fn counts_by_scope_are_removed_with_their_account() {
    for setting in everywhere().await {
        let store = &*setting.records;
        let of = |account: &str, number: usize| NewScopeCount {
            account: account.to_owned(),
            ..listed(scope_count(&format!("k{}", number / 60), 1, &format!("a:s{}", number % 60), "accepted", 1))
        };
        // More than a store removes at a time.
        let many: Vec<_> = (0..5_100).map(|number| of("gone", number)).collect();
        store.add_scopes(&many).await.unwrap();
        store.add_scopes(&[of("kept", 1)]).await.unwrap();
        store.remove_scopes("gone").await.unwrap();
        for key in [None, Some("k0"), Some("k84")] {
            assert_eq!(store.scopes("gone", key, 0, 9).await.unwrap(), [], "{key:?}");
        }
        assert_eq!(store.scopes("kept", None, 0, 9).await.unwrap().len(), 1);
        // A node has kept counts in memory.
        let deleted = Record { kind: Kind::DeletedAccount, ..record("gone", "", 0) };
        assert_eq!(store.write(&[Write::Insert(deleted)]).await.unwrap(), Written::Done);
        store.add_scopes(&[of("gone", 1), of("kept", 1)]).await.unwrap();
        assert_eq!(store.scopes("gone", None, 0, 9).await.unwrap(), []);
        assert_eq!(store.scopes("kept", None, 0, 9).await.unwrap()[0].times, 2);
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
