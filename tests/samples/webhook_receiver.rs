use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use standardwebhooks::{Webhook, WebhookError};

pub fn receiver(secret: &str) -> Result<Router, WebhookError> {
    Ok(Router::new().route("/hooks", post(hooks)).with_state(Arc::new(Webhook::new(secret)?)))
}

async fn hooks(State(webhook): State<Arc<Webhook>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match webhook.verify(&body, &headers) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
