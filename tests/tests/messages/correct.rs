use keyward_tests::messages::{axum, keyward, serde_json};

use axum::Router;
use axum::routing::get;
use keyward::axum::{AuthLayer, AuthRejection, Scoped};
use keyward::key::Digest;
use keyward::render::Rendered;
use keyward::store::{Found, Freshness, KeyStore, StoreError};
use keyward::{Authenticator, Rejection, RequestId, RequireLayer};

keyward::scopes! { pub NotesRead = "notes:read"; }

pub struct Table;

#[keyward::store::async_trait]
impl KeyStore for Table {
    async fn find(&self, _: &Digest) -> Result<Found, StoreError> {
        Ok(Found::unknown())
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(std::time::Duration::ZERO)
    }
}

pub async fn list(_: Scoped<NotesRead>) -> Result<String, AuthRejection> {
    Err(Rejection::UnknownKey)?
}

pub fn app() -> Router {
    let authenticator = Authenticator::builder(Table)
        .renderer(|rejection: &Rejection, _: &RequestId| Rendered::json(rejection.status(), "application/json", &serde_json::json!({})))
        .build()
        .unwrap();
    let routes = Router::new().route("/", get(list)).layer(RequireLayer::of::<NotesRead>());
    routes.layer(AuthLayer::from(authenticator))
}
