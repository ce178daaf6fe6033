#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::pin::Pin;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::outbound::{AskError, Outbound};

#[derive(Clone)]
pub(super) struct Http(pub(super) Outbound);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = AskError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, AskError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async {
            let answer = self.0.ask(request.try_into()?).await?;
            // An outage. openidconnect would report an unusable description.
            if answer.status().is_server_error() { Err(AskError::Status(answer.status())) } else { Ok(answer) }
        })
    }
}
