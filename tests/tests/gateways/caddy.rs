use keyward_needs::needs;
use keyward_tests::gateways::Kind;

use crate::{locations, table, tricks, websockets};

#[needs(caddy, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_to_the_table() {
    table::run(Kind::Caddy).await;
}

#[needs(caddy, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_other_places_reach_only_keyward() {
    locations::run(Kind::Caddy).await;
}

#[needs(caddy, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_paths_give_no_access() {
    tricks::run(Kind::Caddy).await;
}

#[needs(caddy, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockets_pass_with_a_key() {
    websockets::run(Kind::Caddy).await;
}
