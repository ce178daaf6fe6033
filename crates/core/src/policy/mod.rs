//! Policies: pure, synchronous verdicts on an identity. They never see a key.

mod endpoint;
mod kind;
mod required;
mod scopes;

pub(crate) use endpoint::endpoint_allows;
pub use endpoint::{Endpoint, EndpointError};
pub(crate) use kind::kind_allows;
pub use required::{AllOf, AnyOf, NamedScope, RequiredScopes, check_required};
pub use scopes::Requirement;
