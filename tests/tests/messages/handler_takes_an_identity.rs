//~ Identity
//~ Handler<
use keyward_tests::messages::{axum, keyward};

pub async fn list(_: keyward::Identity) {}

pub fn app() -> axum::Router {
    axum::Router::new().route("/", axum::routing::get(list))
}
