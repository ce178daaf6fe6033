//! The caller of a tool.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::http::request::Parts;
use keyward::{Guard, Identity, Rejection};
use rmcp::ErrorData;
use rmcp::handler::server::common::FromContextPart;
use rmcp::handler::server::tool::ToolCallContext;

use crate::errors::error_data;

/// The guard that admits every key.
pub(crate) struct Any;

impl Guard for Any {
    fn check(_: &Identity) -> Result<(), Rejection> {
        Ok(())
    }
}

/// The caller, whom the guard `G` admits: a scope, a type with your rule, or a pair of them.
pub(crate) struct Allowed<G> {
    identity: Identity,
    guard: PhantomData<G>,
}

impl<G> Deref for Allowed<G> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl<S, G: Guard> FromContextPart<ToolCallContext<'_, S>> for Allowed<G> {
    fn from_context_part(context: &mut ToolCallContext<'_, S>) -> Result<Self, ErrorData> {
        // rmcp passes the request on. The layer has put the identity into it.
        let parts = context.request_context.extensions.get::<Parts>();
        let identity = parts.and_then(|parts| parts.extensions.get::<Identity>()).cloned();
        let identity = identity.ok_or_else(|| error_data(&Rejection::NotConfigured))?;
        G::check(&identity).map_err(|rejection| error_data(&rejection))?;
        Ok(Self { identity, guard: PhantomData })
    }
}
