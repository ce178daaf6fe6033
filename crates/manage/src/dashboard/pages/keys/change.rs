use axum::response::Response;
use keyward_limits::Subject;

use super::details;
use super::view::flash_code;
use crate::dashboard::error::{FieldError, PageError};
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::member::AtKey;
use crate::dashboard::pages::limits::put;
use crate::error::ManagementError;
use crate::service::{KeyChange, key_filters};

pub(super) async fn rename(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    member.require_recent_sign_in().await?;
    let tags =
        if form.has("tags") { key_filters(Some(form.get("tags")), None).map(|(tags, _)| Some(tags)) } else { Ok(None) };
    let tags = match tags {
        Ok(tags) => tags,
        Err(error) => return details::show(&member, error.status(), &form, Some(FieldError::from(&error))).await,
    };
    let change = KeyChange { name: Some(form.get("name").to_owned()), tags, ..KeyChange::default() };
    let version = form.get("version").parse().unwrap_or(0);
    match member.management().update_key(&member.actor, member.id(), change, version).await {
        Ok(_) => Ok(member.redirect_with_flash(&member.rest(), "renamed")),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::Stale)) => {
            details::show(&member, error.status(), &form, Some(FieldError::from(&error))).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn limits(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    let subject = Subject::Key(member.id().clone());
    match put(&member, &subject, &form).await {
        Ok(()) => Ok(member.redirect_with_flash(&member.rest(), "limits")),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::Stale)) => {
            details::show(&member, error.status(), &form, Some(FieldError::from(&error))).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn enable(SignedInForm { at: member, .. }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    let (_, propagation) = member.management().set_key_disabled(&member.actor, member.id(), false).await?;
    Ok(member.redirect_with_flash(&member.rest(), &flash_code("enabled", &propagation)))
}
