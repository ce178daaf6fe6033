//! Revoking a key, once somebody has seen what depends on it.

use askama::Template;
use axum::response::Response;
use keyward_core::store::KeyStatus;

use super::Key;
use crate::dashboard::failure::Failure;
use crate::dashboard::member::AtKey;
use crate::dashboard::page::Frame;
use crate::dashboard::text::number;
use crate::dashboard::web::SignedInForm;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/key_revoke.html")]
struct RevokePage {
    frame: Frame,
    key: Key,
    /// Accepted requests in the last 24 hours.
    requests: Option<String>,
}

pub(in super::super) async fn page(member: AtKey) -> Result<Response, Failure> {
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

pub(in super::super) async fn revoke(
    SignedInForm { at: member, .. }: SignedInForm<AtKey>,
) -> Result<Response, Failure> {
    let note = if member.key.status == KeyStatus::Revoked {
        "was-revoked".to_owned()
    } else {
        let (_, propagation) = member.management().revoke_key(&member.actor, member.id()).await?;
        super::note_of("revoked", &propagation)
    };
    Ok(member.redirect_with_flash(&member.rest(), &note))
}
