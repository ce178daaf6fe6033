use std::collections::HashSet;
use std::sync::Arc;

use keyward_core::store::{
    Change, ChangeLog, Invalidation, KeyAdmin, KeyRecord, KeyUse, LeaseAnswer, LogBatch, Position, Revocation,
};
use keyward_core::{CredentialId, KeyUpdate};

use super::{LEASE, ValueOnly, account, at, key, log_of, node, stored_key};
use crate::SOON;

async fn newest(log: &Arc<dyn ChangeLog>) -> Position {
    log.newest().await.expect("the log answers")
}

async fn entries(log: &Arc<dyn ChangeLog>, after: Position) -> Vec<Change> {
    let mut all = Vec::new();
    let mut from = after;
    loop {
        // A few at a time, so that several reads are needed.
        match log.read(from, 7).await.expect("the log answers") {
            LogBatch::Entries(entries) if entries.is_empty() => return all,
            LogBatch::Entries(entries) => {
                from = entries.last().expect("there are some").position;
                all.extend(entries);
            }
            other => panic!("the log has a gap: {other:?}"),
        }
    }
}

pub(super) async fn every_write_appends_one_entry_and_numbers_have_no_gap(store: &impl KeyAdmin) {
    let log = log_of(store);
    let begin = newest(&log).await;
    let account = account(store).await;
    let key = key(&account);
    let successor = KeyRecord { created_at: at(3_000), ..super::key(&account) };
    let of = |key: &KeyRecord| Invalidation::Key { id: key.id.clone(), digest: key.digest };

    let created = store.create(&key).await.expect("created").at_position();
    let disable = KeyUpdate { disabled_at: Some(Some(at(5))), ..KeyUpdate::default() };
    let updated = store.update(&key.id, &disable).await.expect("updated").at_position();
    let rotated = store.rotate(&key.id, 2, &successor, at(9_000)).await.expect("rotated").at_position();
    let revoked = store.revoke(&key.id, at(10), &Revocation::default()).await.expect("revoked").at_position();
    store.record_use(&[KeyUse::new(successor.id.clone(), at(11), None)]).await.expect("a use is recorded");
    let again = store.revoke(&key.id, at(12), &Revocation::default()).await.expect("revoked again").at_position();

    let written = entries(&log, begin).await;
    let what: Vec<Invalidation> = written.iter().map(|entry| entry.what.clone()).collect();
    let expected = [Invalidation::Account(account.id.clone()), of(&key), of(&key), of(&successor), of(&key), of(&key)];
    assert_eq!(what, expected, "one entry for each write that can change an answer, and none for a use");
    let numbers: Vec<u64> = written.iter().map(|entry| entry.position.number).collect();
    assert_eq!(numbers, (begin.number + 1..=begin.number + 6).collect::<Vec<_>>());
    let positions: Vec<Position> = written.iter().map(|entry| entry.position).collect();
    assert_eq!([created, updated, rotated, revoked], [positions[1], positions[2], positions[4], positions[5]]);
    assert!(again.number >= revoked.number, "a repeated revocation does not wait for the first");
    assert_eq!(newest(&log).await, revoked);
    let marks: HashSet<u64> = positions.iter().map(|position| position.mark).collect();
    assert_eq!(marks.len(), positions.len(), "two entries have the same mark");
    let found = store.find(&key.digest).await.expect("the store answers");
    assert_eq!(found.position, Some(revoked), "`find` returns an old position");
}

pub(super) async fn concurrent_writers_leave_no_gap<S: KeyAdmin + Clone>(store: &S) {
    let log = log_of(store);
    let account = account(store).await;
    let begin = newest(&log).await;
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (store, account) = (store.clone(), account.clone());
            tokio::spawn(async move {
                for _ in 0..20 {
                    let key = key(&account);
                    store.create(&key).await.expect("created").value_only();
                    store.revoke(&key.id, at(5), &Revocation::default()).await.expect("revoked").value_only();
                }
            })
        })
        .collect();
    // A concurrent reader: everything that it has read stays the beginning of the log.
    let mut seen: Vec<Change> = Vec::new();
    while seen.len() < 8 * 20 * 2 {
        let from = seen.last().map_or(begin, |entry| entry.position);
        seen.extend(entries(&log, from).await);
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.expect("a writer does not panic");
    }
    assert_eq!(entries(&log, begin).await, seen);
    assert!(seen.iter().zip(begin.number + 1..).all(|(entry, number)| entry.position.number == number));
}

pub(super) async fn a_write_that_is_refused_appends_nothing(store: &impl KeyAdmin) {
    let key = stored_key(store).await;
    let log = log_of(store);
    let before = newest(&log).await;
    assert!(store.create(&key).await.is_err());
    let stale = KeyUpdate { version: Some(9), ..KeyUpdate::default() };
    assert!(store.update(&key.id, &stale).await.is_err());
    assert!(store.revoke(&CredentialId::generate(), at(1), &Revocation::default()).await.is_err());
    let known = store.get_account(&key.account).await.expect("the store answers").expect("the account is there");
    assert!(store.insert_account(&known).await.is_err());
    assert_eq!(newest(&log).await, before);
}

pub(super) async fn a_lease_needs_the_newest_entry(store: &impl KeyAdmin) {
    let log = log_of(store);
    let begin = newest(&log).await;
    let renew = async |applied| log.renew(&node("n1"), applied, LEASE).await.expect("the log answers");
    assert_eq!(renew(begin).await, LeaseAnswer::Granted);
    let key = stored_key(store).await;
    assert_eq!(renew(begin).await, LeaseAnswer::Behind);
    let current = newest(&log).await;
    assert_eq!(renew(current).await, LeaseAnswer::Granted);
    store.record_use(&[KeyUse::new(key.id, at(5), None)]).await.expect("a use is recorded");
    assert_eq!(renew(current).await, LeaseAnswer::Granted, "a use is in the log");
    for wrong in [
        Position { mark: current.mark ^ 1, ..current },
        Position { number: current.number + 1, ..current },
        Position { number: 0, ..current },
    ] {
        assert_eq!(renew(wrong).await, LeaseAnswer::Behind, "{wrong:?}");
    }
}

pub(super) async fn a_node_behind_reports_its_position(store: &impl KeyAdmin) {
    let log = log_of(store);
    let begin = newest(&log).await;
    let renew = async |applied| log.renew(&node("n1"), applied, LEASE).await.expect("the log answers");
    let applied = async || log.nodes().await.expect("the register is read").nodes.first().map(|known| known.applied);
    let account = account(store).await;
    assert_eq!(renew(begin).await, LeaseAnswer::Behind);
    assert_eq!(applied().await, None, "a node without a lease is on the register");
    let granted = newest(&log).await;
    assert_eq!(renew(granted).await, LeaseAnswer::Granted);
    let mut positions = Vec::new();
    for _ in 0..3 {
        positions.push(store.put_account(&account).await.expect("an account is put").at_position());
    }
    for (said, expected) in [
        (positions[1], positions[1].number),
        (positions[0], positions[1].number),
        (Position { mark: positions[1].mark ^ 1, ..positions[2] }, positions[1].number),
        (Position { number: positions[2].number + 7, ..positions[1] }, positions[1].number),
    ] {
        assert_eq!(renew(said).await, LeaseAnswer::Behind);
        assert_eq!(applied().await, Some(expected), "{said:?}");
    }
    let states = log.nodes().await.expect("the register is read");
    assert_eq!(states.nodes[0].renewals, 1, "a refused renewal was counted");
}

pub(super) async fn a_node_stays_registered_until_it_leaves_or_is_evicted(store: &impl KeyAdmin) {
    let log = log_of(store);
    let current = newest(&log).await;
    for name in ["n1", "n2", "n2"] {
        assert_eq!(log.renew(&node(name), current, LEASE).await.expect("granted"), LeaseAnswer::Granted);
    }
    let states = log.nodes().await.expect("the register is read");
    let seen: Vec<_> =
        states.nodes.iter().map(|state| (state.node.as_str(), state.applied, state.renewals, state.lease)).collect();
    assert_eq!(seen, [("n1", current.number, 1, LEASE), ("n2", current.number, 2, LEASE)]);
    assert_eq!(states.newest, current);

    log.leave(&node("n1")).await.expect("a node leaves");
    log.leave(&node("n1")).await.expect("leaving twice is no failure");
    assert!(!log.evict(&node("n1"), 1).await.expect("answered"), "an unknown node was evicted");
    assert!(
        !log.evict(&node("n2"), 1).await.expect("answered"),
        "a node that had renewed its lease in the meantime was evicted"
    );
    assert!(log.evict(&node("n2"), 2).await.expect("answered"));
    assert!(log.nodes().await.expect("the register is read").nodes.is_empty());
    assert_eq!(
        log.renew(&node("n2"), current, LEASE).await.expect("granted"),
        LeaseAnswer::Granted,
        "an evicted node cannot return"
    );
}

pub(super) async fn a_position_of_another_history_is_a_gap(one: &impl KeyAdmin, other: &impl KeyAdmin) {
    let mut positions = Vec::new();
    for store in [one as &dyn KeyAdmin, other] {
        let account = keyward_core::AccountRecord::new("acct_1".parse().expect("an id"), "Example Ltd");
        positions.push(store.put_account(&account).await.expect("an account is put").at_position());
        let second = store.put_account(&account).await.expect("an account is put").at_position();
        positions.push(second);
    }
    assert_eq!(positions[0].number, positions[2].number);
    let log = log_of(one);
    let gap = LogBatch::Gap(positions[1]);
    let ahead = Position { number: positions[1].number + 5, ..positions[1] };
    for foreign in [positions[2], positions[3], ahead, newest(&log_of(other)).await] {
        assert_eq!(log.read(foreign, 10).await.expect("the log answers"), gap, "{foreign:?}");
    }
    assert_eq!(entries(&log, positions[0]).await.len(), 1, "a position of the same history is a gap");
}

pub(super) async fn a_reader_far_behind_gets_a_gap(store: &impl KeyAdmin) {
    let log = log_of(store);
    let begin = newest(&log).await;
    let account = keyward_core::AccountRecord::new("acct_1".parse().expect("an id"), "Example Ltd");
    let first = store.put_account(&account).await.expect("an account is put").at_position();
    let mut last = first;
    // More entries than a store must keep. A log may also keep all of them.
    for _ in 0..200 {
        last = store.put_account(&account).await.expect("an account is put").at_position();
    }
    for from in [begin, first] {
        match log.read(from, 1_000).await.expect("the log answers") {
            LogBatch::Gap(newest) => assert_eq!(newest, last),
            LogBatch::Entries(entries) => {
                assert_eq!(entries[0].position.number, from.number + 1, "an entry is missing")
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(super) async fn a_watcher_is_woken(store: &impl KeyAdmin) {
    let log = log_of(store);
    let mut watch = log.watch();
    watch.mark_unchanged();
    stored_key(store).await;
    tokio::time::timeout(SOON, watch.changed()).await.expect("the watcher is woken").expect("the store still exists");
}
