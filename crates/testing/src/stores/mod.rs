//! The [`conformance`] suite for stores.

mod keys;
mod lists;
mod log;
mod multi_node;
mod racing;
mod rules;

use std::time::Duration;

use keyward_core::id::NodeId;
use keyward_core::key::{Digest, Hasher, Hint, KeyFormat, KeyKind};
use keyward_core::store::{ChangeLog, Committed, Creator, Freshness, KeyAdmin, KeyRecord, Position};
use keyward_core::tags::Tags;
use keyward_core::{AccountRecord, CredentialId, Mode, Timestamp};
use std::sync::Arc;

const LEASE: Duration = Duration::from_secs(2);

/// Runs every case, each on a new, empty store from `make`. Clones of a store share its content.
///
/// # Panics
/// If the store breaks a promise.
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() {
/// keyward::testing::stores::conformance(async || keyward::MemoryStore::new()).await;
/// # }
/// ```
pub async fn conformance<S: KeyAdmin + Clone>(make: impl AsyncFn() -> S) {
    keys::created_keys_and_accounts_are_returned_unchanged(&make().await).await;
    keys::a_missing_record_is_no_failure(&make().await).await;
    keys::ids_and_digests_are_unique(&make().await).await;
    keys::every_field_of_an_update_is_written_and_nothing_else(&make().await).await;
    keys::an_update_of_another_version_is_refused(&make().await).await;
    keys::a_revocation_is_final_and_keeps_its_first_time(&make().await).await;
    keys::a_rotation_links_both_and_never_moves_an_end_later(&make().await).await;
    keys::ended_keys_are_not_rotated(&make().await).await;
    keys::a_key_gets_one_successor_that_matches_its_state(&make().await).await;
    keys::an_account_changes_all_its_keys(&make().await).await;
    keys::an_account_is_inserted_once(&make().await).await;
    keys::every_account_is_listed_once_in_the_order_of_ids(&make().await).await;
    keys::accounts_with_a_plan_are_counted_up_to_a_number(&make().await).await;
    keys::an_account_is_replaced_only_as_expected(&make().await).await;
    keys::a_use_is_recorded_forwards_and_changes_nothing_else(&make().await).await;

    rules::ended_keys_are_not_changed(make().await).await;
    rules::rotated_keys_never_end_later(make().await).await;
    rules::ends_must_be_in_the_future(make().await).await;
    rules::disabling_again_keeps_the_first_time(make().await).await;
    rules::restricted_keys_keep_a_scope(make().await).await;
    rules::rules_hold_for_keys_that_change_meanwhile(make().await).await;

    lists::pages_have_every_key_once_newest_first(&make().await).await;
    lists::filters_are_those_of_the_query(&make().await).await;
    lists::keys_are_sorted_as_the_query_says(&make().await).await;

    if let Freshness::ChangeLog(_) = make().await.freshness() {
        log::every_write_appends_one_entry_and_numbers_have_no_gap(&make().await).await;
        log::concurrent_writers_leave_no_gap(&make().await).await;
        log::a_write_that_is_refused_appends_nothing(&make().await).await;
        log::a_lease_needs_the_newest_entry(&make().await).await;
        log::a_node_behind_reports_its_position(&make().await).await;
        log::a_node_stays_registered_until_it_leaves_or_is_evicted(&make().await).await;
        log::a_position_of_another_history_is_a_gap(&make().await, &make().await).await;
        log::a_reader_far_behind_gets_a_gap(&make().await).await;
        log::a_watcher_is_woken(&make().await).await;

        multi_node::a_revoked_key_is_refused_by_every_node(make().await).await;
        multi_node::enabled_and_new_keys_are_accepted_at_once(make().await).await;
        multi_node::a_dead_node_is_waited_out_once(make().await).await;
    }
}

async fn account(store: &impl KeyAdmin) -> AccountRecord {
    let account = AccountRecord::new(keyward_core::AccountId::generate(), "Example Ltd");
    store.put_account(&account).await.expect("an account is put").value_only();
    account
}

/// With a value in every field.
fn key(account: &AccountRecord) -> KeyRecord {
    let format = KeyFormat::default();
    let plain = format.generate(KeyKind::Secret, Mode::Live).expect("a key is generated");
    let parsed = plain.parse(&format).expect("a generated key parses");
    let hint: Hint = plain.hint();
    let text = |text: &str| text.to_owned();
    KeyRecord {
        id: CredentialId::generate(),
        account: account.id.clone(),
        name: text("a key, named «ключ» 🔑"),
        digest: Hasher::default().digest(&parsed),
        hashed_with: "sha256".into(),
        hint,
        kind: KeyKind::Secret,
        mode: Mode::Live,
        scopes: "jobs:* resources:read".parse().expect("scopes"),
        endpoints: vec![
            "GET /v1/videos/*".parse().expect("an endpoint"),
            "POST /v1/jobs".parse().expect("an endpoint"),
        ],
        networks: vec!["192.0.2.0/24".parse().expect("a network"), "2001:db8::/32".parse().expect("a network")],
        metadata: serde_json::Map::from_iter([(text("team"), serde_json::json!({"name": "a", "size": 3}))]),
        created_at: at(1_000),
        not_before: Some(at(2_000)),
        expires_at: Some(at(4_000_000_000_000)),
        disabled_at: None,
        revoked_at: None,
        compromised_at: None,
        last_used_at: None,
        last_used_from: None,
        user: Some("user_1".parse().expect("an id")),
        created_by: Some(Creator::User("user_2".parse().expect("an id"))),
        revocation: None,
        tags: Tags::new(["production", "team:search"]).expect("tags"),
        rotated_from: None,
        rotated_to: None,
        version: 1,
    }
}

async fn stored_key(store: &impl KeyAdmin) -> KeyRecord {
    let key = key(&account(store).await);
    store.create(&key).await.expect("a key is created").value_only();
    key
}

async fn get(store: &impl KeyAdmin, id: &CredentialId) -> KeyRecord {
    store.get(id).await.expect("the store answers").expect("the key is there")
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn unknown_digest() -> Digest {
    Digest::from_bytes([7; 32])
}

fn node(name: &str) -> NodeId {
    name.parse().expect("a node's name")
}

fn log_of(store: &impl KeyAdmin) -> Arc<dyn ChangeLog> {
    match store.freshness() {
        Freshness::ChangeLog(log) => log,
        other => panic!("the store has no change log: {other:?}"),
    }
}

trait ValueOnly<T> {
    fn value_only(self) -> T;
    fn at_position(self) -> Position;
}

impl<T> ValueOnly<T> for Committed<T> {
    fn value_only(self) -> T {
        self.value
    }

    fn at_position(self) -> Position {
        self.position.expect("a write that can change an answer has a position")
    }
}
