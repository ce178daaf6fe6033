use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use keyward_core::id::UserId;

use super::app::App;
use super::error::PageError;
use crate::error::ManagementError;

pub(super) struct PathParams(Vec<(String, String)>);

impl PathParams {
    pub(super) async fn of(parts: &mut Parts, app: &App) -> Self {
        let params = RawPathParams::from_request_parts(parts, app).await.ok();
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(params.map(|params| params.iter().map(own).collect()).unwrap_or_default())
    }

    /// A malformed id is not found.
    pub(super) fn id<T: FromStr>(&self, name: &str, what: &'static str) -> Result<T, ManagementError> {
        let value = self.0.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok());
        value.ok_or(ManagementError::NotFound(what))
    }
}

pub(super) struct NamedPasskey(pub(super) String);

impl FromRequestParts<App> for NamedPasskey {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        Ok(Self(PathParams::of(parts, app).await.id("passkey", "passkey")?))
    }
}

pub(super) struct NamedUser(pub(super) UserId);

impl FromRequestParts<App> for NamedUser {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        Ok(Self(PathParams::of(parts, app).await.id("id", "member")?))
    }
}
