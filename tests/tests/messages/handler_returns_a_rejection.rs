//~ Rejection
//~ Handler<
use keyward_tests::messages::{axum, keyward};

pub async fn list() -> Result<String, keyward::Rejection> {
    Err(keyward::Rejection::UnknownKey)
}

pub fn app() -> axum::Router {
    axum::Router::new().route("/", axum::routing::get(list))
}
