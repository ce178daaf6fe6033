use keyward_needs::needs;
use keyward_tests::gateways::Kind;

use crate::{locations, table, tricks, websockets};

#[needs(nginx, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_to_the_table() {
    table::run(Kind::Nginx).await;
}

#[needs(nginx, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_other_places_reach_only_keyward() {
    locations::run(Kind::Nginx).await;
}

#[needs(nginx, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_paths_give_no_access() {
    tricks::run(Kind::Nginx).await;
}

#[needs(nginx, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockets_pass_with_a_key() {
    websockets::run(Kind::Nginx).await;
}

#[needs(nginx, curl)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_websockets_change_the_protocol() {
    websockets::no_other_protocol(Kind::Nginx).await;
}
