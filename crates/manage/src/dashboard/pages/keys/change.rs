use axum::response::Response;
use keyward_limits::Subject;

use super::details;
use super::view::flash_code;
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::member::AtKey;
use crate::dashboard::pages::limits::put;
use crate::role::scopes;
use crate::service::{KeyChange, check_name, key_filters};

pub(super) async fn rename(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    member.require_recent_sign_in().await?;
    match renamed(&member, &form).await {
        Ok(()) => Ok(member.redirect_with_flash(&member.rest(), "renamed")),
        Err(refused) => answer(&member, &form, refused).await,
    }
}

async fn renamed(member: &AtKey, form: &Form) -> Result<(), Refused> {
    let mut errors = FormErrors::default();
    let name = errors.check(check_name("name", form.get("name")));
    let tags = match form.has("tags") {
        true => errors.check(key_filters(Some(form.get("tags")), None)).map(|(tags, _)| tags),
        false => None,
    };
    errors.none()?;
    let change = KeyChange { name, tags, ..KeyChange::default() };
    let version = form.get("version").parse().unwrap_or(0);
    member.management().update_key(&member.actor, member.id(), change, version).await?;
    Ok(())
}

async fn answer(member: &AtKey, form: &Form, refused: Refused) -> Result<Response, PageError> {
    let (status, errors) = refused.on_edit()?;
    details::show(member, status, form, errors).await
}

pub(super) async fn limits(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    let subject = Subject::Key(member.id().clone());
    match put(&member, &subject, &form).await {
        Ok(()) => Ok(member.redirect_with_flash(&member.rest(), "limits")),
        Err(refused) => answer(&member, &form, refused).await,
    }
}

pub(super) async fn enable(SignedInForm { at: member, .. }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    let (_, propagation) = member.management().set_key_disabled(&member.actor, member.id(), false).await?;
    Ok(member.redirect_with_flash(&member.rest(), &flash_code("enabled", &propagation)))
}
