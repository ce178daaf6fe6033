use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use keyward_core::Identity;
use zeroize::Zeroizing;

use super::context::context_of;
use super::problem::Problem;
use super::{etag, idempotency};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::service::{Answer, IdempotentRequest, Management};

pub(crate) struct Caller {
    pub(crate) actor: Actor,
    headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let identity = keyward_axum::Authenticated::from_request_parts(parts, state).await;
        let identity: Identity = identity.map_err(IntoResponse::into_response)?.into_inner();
        Ok(Self { actor: Actor::of_identity(&identity, context_of(parts)), headers: parts.headers.clone() })
    }
}

impl Caller {
    pub(crate) async fn if_match(
        &self,
        current: impl Future<Output = Result<Option<u64>, ManagementError>>,
    ) -> Result<u64, Problem> {
        etag::if_match(&self.headers, current).await
    }

    /// Runs to its end even if the caller disconnects.
    pub(crate) async fn once(
        self,
        management: &Management,
        request: Zeroizing<Vec<u8>>,
        operation: impl Future<Output = Result<Answer, ManagementError>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let management = management.clone();
        let work = async move {
            let Some(key) = idempotency::key(&self.headers) else { return operation.await };
            let secret = self.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
            management.once(IdempotentRequest { actor: &self.actor, key, request: &request, secret }, operation).await
        };
        let answer = Management::run_to_completion(work).await?;
        Ok(idempotency::response(&answer))
    }
}
