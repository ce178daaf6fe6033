use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures_util::stream;
use keyward::axum::{AuthRejection, Guarded};
use keyward::policy::{Plans, Policy};
use keyward::{Guard, Identity, Rejection};

use crate::{App, ExportsCreate};

pub(crate) struct Pro;

impl Guard for Pro {
    fn check(caller: &Identity) -> Result<(), Rejection> {
        Plans::one_of(["Pro"]).check(caller)
    }
}

/// Streams the account's notes. The response holds a permit until the client has read it.
pub(crate) async fn create(
    caller: Guarded<(Pro, ExportsCreate)>,
    app: State<App>,
) -> Result<impl IntoResponse, AuthRejection> {
    let permit = app.permits.acquire(&caller).await?;
    let lines = app.notes.of(caller.account()).into_iter().map(move |note| {
        let _held = &permit;
        Ok::<_, Infallible>(format!("{}\n", serde_json::json!(note)))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream::iter(lines))))
}
