//! The authentication, for descriptions of an API.

use bytes::Bytes;

use super::{Authenticator, Target};
use crate::connection::UnknownConnection;
use crate::location::{Location, Locations};
use crate::rejection::Rejection;
use crate::render::Refusal;

impl Authenticator {
    /// Returns what [`refuse`](Self::refuse) writes, for a description of the API. It is neither counted nor reported.
    #[must_use]
    pub fn example(&self, rejection: &Rejection) -> http::Response<Bytes> {
        self.0.presentation.local().write(&Refusal::of_parts(rejection.clone(), Some(b"req_EXAMPLE"), false))
    }

    /// Returns `true` if requests with this method and path pass without a credential.
    #[must_use]
    pub fn exempts(&self, method: &http::Method, path: &str) -> bool {
        let target = Target { method: method.as_str(), path, preflight: false, connection: &UnknownConnection };
        self.0.passes_unchecked(target)
    }

    /// Returns `true` after [`optional`](super::AuthenticatorBuilder::optional).
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.0.optional
    }

    /// Returns `false` after [`without_bearer`](super::AuthenticatorBuilder::without_bearer).
    #[must_use]
    pub fn accepts_bearer(&self) -> bool {
        self.locations().is_none_or(Locations::bearer)
    }

    /// Returns the [places](crate::adapter::Location) that were added with [`accept`](super::AuthenticatorBuilder::accept).
    #[must_use]
    pub fn other_locations(&self) -> &[Location] {
        self.locations().map_or(&[], Locations::accepted)
    }
}
