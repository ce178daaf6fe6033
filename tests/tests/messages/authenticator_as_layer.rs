//~ an `Authenticator` is no layer
//~ use `.layer(AuthLayer::from(authenticator))`
use keyward_tests::messages::{axum, keyward};

pub fn app(authenticator: keyward::Authenticator) -> axum::Router {
    axum::Router::new().layer(authenticator)
}
