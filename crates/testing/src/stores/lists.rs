use std::collections::BTreeSet;
use std::sync::Arc;

use keyward_core::key::KeyKind;
use keyward_core::store::{Cursor, KeyAdmin, KeyColumn, KeyOrder, KeyQuery, KeyRecord, KeyStatus, KeyUse};
use keyward_core::tags::Tags;
use keyward_core::{CredentialId, Mode};

use super::{ValueOnly, account, at, key};

async fn ids(store: &impl KeyAdmin, query: &KeyQuery) -> Vec<CredentialId> {
    store.list(query).await.expect("keys are listed").keys.into_iter().map(|key| key.id).collect()
}

pub(super) async fn pages_have_every_key_once_newest_first(store: &impl KeyAdmin) {
    let account = account(store).await;
    let make = async |created| {
        let made = KeyRecord { created_at: at(created), ..key(&account) };
        store.create(&made).await.expect("a key is created").value_only();
        made.id
    };
    let mut made = BTreeSet::new();
    // Several keys have the same time, so the id decides their order.
    for number in 0..25 {
        made.insert(make(1_000 + number / 4).await);
    }
    for limit in [1, 3, 25, 100] {
        let mut query = KeyQuery { limit, ..KeyQuery::default() };
        let mut seen: Vec<KeyRecord> = Vec::new();
        let mut pages = 0;
        loop {
            let page = store.list(&query).await.expect("keys are listed");
            assert!(page.keys.len() <= limit);
            seen.extend(page.keys);
            pages += 1;
            // A key that is added between two pages is newer, and moves no other key.
            if limit == 3 && pages == 2 {
                make(9_000).await;
            }
            match page.next {
                Some(next) => query.after = Some(next.to_string().parse().expect("a cursor is read back")),
                None => break,
            }
        }
        let places: Vec<_> = seen.iter().map(|key| (key.created_at, key.id.clone())).collect();
        assert!(places.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once");
        let old: BTreeSet<_> = seen.iter().map(|key| key.id.clone()).filter(|id| made.contains(id)).collect();
        assert_eq!(old, made, "pages of {limit}");
    }
    let nothing = KeyQuery { account: Some(keyward_core::AccountId::generate()), ..KeyQuery::default() };
    let page = store.list(&nothing).await.expect("keys are listed");
    assert!(page.keys.is_empty() && page.next.is_none());
}

pub(super) async fn filters_are_those_of_the_query(store: &impl KeyAdmin) {
    let (first, second) = (account(store).await, account(store).await);
    let now = at(50_000);
    let other = Some("user_3".parse().expect("an id"));
    let tags = |tags: &[&str]| Tags::new(tags.iter().copied()).expect("tags");
    let metadata = || {
        let fields = serde_json::json!({"team": "a", "region": "eu ' \" $.", "a.b": "c", "size": 3, "none": null});
        fields.as_object().expect("an object").clone()
    };
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect::<Vec<_>>()
    };
    let keys = [
        KeyRecord { name: "Alpha".into(), not_before: None, ..key(&first) },
        KeyRecord { name: "alphabet".into(), mode: Mode::Test, ..key(&first) },
        KeyRecord { name: "100%_safe".into(), kind: KeyKind::Publishable, ..key(&first) },
        KeyRecord { name: "expired".into(), expires_at: Some(now), ..key(&second) },
        KeyRecord { name: "disabled".into(), disabled_at: Some(at(5)), ..key(&second) },
        KeyRecord { name: "revoked".into(), revoked_at: Some(at(5)), disabled_at: Some(at(4)), ..key(&second) },
        KeyRecord { name: "compromised".into(), compromised_at: Some(at(5)), ..key(&second) },
        KeyRecord { name: "restricted".into(), kind: KeyKind::Restricted, ..key(&second) },
        KeyRecord { name: "of nobody".into(), user: None, tags: Tags::default(), ..key(&second) },
        KeyRecord { name: "of another".into(), user: other.clone(), tags: tags(&["team:search"]), ..key(&second) },
        KeyRecord { name: "metadata".into(), metadata: metadata(), ..key(&second) },
    ];
    for key in &keys {
        store.create(key).await.expect("a key is created").value_only();
    }
    store.record_use(&[KeyUse::new(keys[0].id.clone(), at(30_000), None)]).await.expect("a use is recorded");
    let stored = store.list(&KeyQuery { now, ..KeyQuery::default() }).await.expect("keys are listed").keys;
    assert_eq!(stored.len(), keys.len());

    let all = || KeyQuery { now, ..KeyQuery::default() };
    let mut queries = vec![
        all(),
        KeyQuery { account: Some(first.id.clone()), ..all() },
        KeyQuery { mode: Some(Mode::Test), ..all() },
        KeyQuery { text: Some("ALPHA".into()), ..all() },
        KeyQuery { text: Some("%".into()), ..all() },
        KeyQuery { text: Some("_".into()), ..all() },
        KeyQuery { text: Some("' OR 1=1 --".into()), ..all() },
        KeyQuery { user: Some("user_1".parse().expect("an id")), ..all() },
        KeyQuery { user: other.clone(), ..all() },
        KeyQuery { user: Some("user_4".parse().expect("an id")), ..all() },
        KeyQuery { tags: tags(&["team:search"]), ..all() },
        KeyQuery { tags: tags(&["team:search", "production"]), ..all() },
        KeyQuery { tags: tags(&["team"]), ..all() },
        KeyQuery { metadata: pairs(&[("team", "a")]), ..all() },
        KeyQuery { metadata: pairs(&[("team", "a"), ("region", "eu ' \" $.")]), ..all() },
        KeyQuery { metadata: pairs(&[("a.b", "c")]), ..all() },
        KeyQuery { metadata: pairs(&[("size", "3")]), ..all() },
        KeyQuery { metadata: pairs(&[("none", "null")]), ..all() },
        KeyQuery { unused_since: Some(at(30_000)), ..all() },
        KeyQuery { unused_since: Some(at(30_001)), ..all() },
        KeyQuery { text: Some(stored[0].id.as_str()[4..].to_uppercase()), ..all() },
        KeyQuery { text: Some(stored[1].hint.to_string()), ..all() },
        KeyQuery { expires_before: Some(at(40_000)), ..all() },
        KeyQuery { expires_before: Some(at(i64::MAX / 2)), ..all() },
        KeyQuery { replaced: Some(true), ..all() },
        KeyQuery { replaced: Some(false), ..all() },
        KeyQuery {
            account: Some(second.id),
            mode: Some(Mode::Live),
            status: Some(KeyStatus::Active),
            kind: Some(KeyKind::Restricted),
            text: Some("strict".into()),
            unused_since: Some(at(1)),
            ..all()
        },
    ];
    queries.extend(KeyStatus::ALL.map(|status| KeyQuery { status: Some(status), ..all() }));
    queries.extend(
        [KeyKind::Secret, KeyKind::Publishable, KeyKind::Restricted].map(|kind| KeyQuery { kind: Some(kind), ..all() }),
    );
    for query in queries {
        let expected: Vec<_> = stored.iter().filter(|key| query.matches(key)).map(|key| key.id.clone()).collect();
        assert_eq!(ids(store, &query).await, expected, "{query:?}");
        assert_eq!(store.count(&query).await.expect("keys are counted"), expected.len() as u64, "{query:?}");
        let page = KeyQuery { limit: 1, after: Some(Cursor::behind(&stored[0])), ..query };
        assert_eq!(store.count(&page).await.expect("keys are counted"), expected.len() as u64, "{page:?}");
    }
}

pub(super) async fn keys_are_sorted_as_the_query_says(store: &impl KeyAdmin) {
    let account = account(store).await;
    let now = at(50_000);
    let keys = [
        KeyRecord { name: "beta".into(), expires_at: None, scopes: "b:read".parse().expect("scopes"), ..key(&account) },
        KeyRecord { name: "Alpha".into(), expires_at: Some(at(90_000)), mode: Mode::Test, ..key(&account) },
        KeyRecord { name: "alpha".into(), expires_at: Some(at(40_000)), created_at: at(7), ..key(&account) },
        KeyRecord { name: "Äther".into(), kind: KeyKind::Publishable, created_at: at(7), ..key(&account) },
        KeyRecord { name: "_low".into(), disabled_at: Some(at(5)), created_at: at(9_000), ..key(&account) },
        KeyRecord {
            name: "Zeta".into(),
            revoked_at: Some(at(5)),
            scopes: "a:* c:read".parse().expect("scopes"),
            ..key(&account)
        },
    ];
    for key in &keys {
        store.create(key).await.expect("a key is created").value_only();
    }
    let uses = [(0, 30_000), (2, 10_000), (3, 30_000)];
    let uses = uses.map(|(key, time): (usize, i64)| KeyUse::new(keys[key].id.clone(), at(time), None));
    store.record_use(&uses).await.expect("uses are recorded");
    // Two keys have as many requests, some have none, and a key of another account has the most.
    let requests = [(0, 7), (1, 900), (2, 7), (4, 0)].map(|(key, times): (usize, u64)| (keys[key].id.clone(), times));
    let requests = requests.into_iter().chain([(CredentialId::generate(), u64::MAX)]).collect();
    let query =
        KeyQuery { account: Some(account.id.clone()), requests: Arc::new(requests), now, ..KeyQuery::default() };
    let stored = store.list(&query).await.expect("keys are listed").keys;
    assert_eq!(stored.len(), keys.len());
    let columns = [
        KeyColumn::Created,
        KeyColumn::Name,
        KeyColumn::Mode,
        KeyColumn::Kind,
        KeyColumn::Scopes,
        KeyColumn::Status,
        KeyColumn::LastUsed,
        KeyColumn::Expires,
        KeyColumn::Requests,
    ];
    for (column, is_descending) in columns.into_iter().flat_map(|column| [(column, false), (column, true)]) {
        let query = KeyQuery { order: KeyOrder { column, is_descending }, ..query.clone() };
        let expected: Vec<_> = query.page_of(stored.clone()).keys.into_iter().map(|key| key.id).collect();
        assert_eq!(ids(store, &query).await, expected, "{:?}", query.order);
        let pages = [0, 2, 4, 6].map(|skip| KeyQuery { skip, limit: 2, ..query.clone() });
        let mut seen = Vec::new();
        for page in pages {
            seen.extend(ids(store, &page).await);
        }
        assert_eq!(seen, expected, "pages of {:?}", query.order);
    }
    let by_name = KeyOrder { column: KeyColumn::Name, is_descending: false };
    let listed = store.list(&KeyQuery { order: by_name, ..query.clone() }).await.expect("keys are listed").keys;
    let names: Vec<_> = listed.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["_low", "Alpha", "alpha", "beta", "Zeta", "Äther"]);
    let by_requests = KeyOrder { column: KeyColumn::Requests, is_descending: true };
    let busiest = KeyQuery { order: by_requests, limit: 1, ..query.clone() };
    assert_eq!(ids(store, &busiest).await, [keys[1].id.clone()]);
    let far = KeyQuery { skip: u64::MAX, ..query };
    assert!(ids(store, &far).await.is_empty());
}
