use askama::Template;
use axum::response::Response;
use keyward_core::store::KeyStatus;

use super::view::{Key, flash_code};
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtKey;
use crate::dashboard::text::number;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/keys/revoke.html")]
struct RevokePage {
    frame: Frame,
    key: Key,
    requests: Option<String>,
}

pub(super) async fn page(member: AtKey) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    if member.key.status == KeyStatus::Revoked {
        return Ok(member.redirect_with_flash(&member.rest(), "was-revoked"));
    }
    let requests = if member.may(&scopes::USAGE_READ) {
        Some(number(member.management().accepted_in_a_day(&member.actor, member.id()).await?))
    } else {
        None
    };
    let key = Key::of(&member.key, member.management().now());
    Ok(member.page("Revoke a key", |frame| RevokePage { frame, key, requests }))
}

pub(super) async fn revoke(SignedInForm { at: member, .. }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    let code = if member.key.status == KeyStatus::Revoked {
        "was-revoked".to_owned()
    } else {
        let (_, propagation) = member.management().revoke_key(&member.actor, member.id()).await?;
        flash_code("revoked", &propagation)
    };
    Ok(member.redirect_with_flash(&member.rest(), &code))
}
