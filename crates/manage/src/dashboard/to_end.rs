//! Handlers that run to their end, also if the client leaves.

use std::pin::Pin;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse as _, Response};

use super::error::PageError;
use crate::service::Management;

/// Leaves no change half done: a selection of keys, a removal, or the second look after a change.
#[derive(Clone)]
pub(super) struct ToEnd<H>(pub(super) H);

impl<H: Handler<T, S>, T, S> Handler<T, S> for ToEnd<H> {
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, state: S) -> Self::Future {
        let answer = self.0.call(request, state);
        Box::pin(async {
            let answered = Management::run_to_completion(async { Ok(answer.await) }).await;
            answered.unwrap_or_else(|error| PageError::from(error).into_response())
        })
    }
}
