//! Revoking a key, once somebody has seen what depends on it.

use askama::Template;
use axum::response::Response;
use keyward::KeyStatus;

use super::{Key, KeyId};
use crate::dashboard::failure::Failure;
use crate::dashboard::member::Member;
use crate::dashboard::page::Frame;
use crate::dashboard::text::number;
use crate::dashboard::web::Posted;
use crate::error::DeskError;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/key_revoke.html")]
struct RevokePage {
    frame: Frame,
    key: Key,
    /// Accepted requests in the last 24 hours.
    requests: Option<String>,
}

pub(in super::super) async fn page(member: Member, KeyId(id): KeyId) -> Result<Response, Failure> {
    if !member.may(&scopes::KEYS_WRITE) {
        return Err(DeskError::Forbidden(scopes::KEYS_WRITE).into());
    }
    let key = member.desk().key(&member.actor, &id).await?;
    if key.status == KeyStatus::Revoked {
        return Ok(member.visitor.go_saying(&format!("/keys/{id}"), "was-revoked"));
    }
    let requests = if member.may(&scopes::USAGE_READ) {
        Some(number(member.desk().accepted_in_a_day(&member.actor, &id).await?))
    } else {
        None
    };
    let key = Key::of(&key, member.desk().now());
    Ok(member.page("Revoke a key", |frame| RevokePage { frame, key, requests }))
}

pub(in super::super) async fn revoke(KeyId(id): KeyId, Posted { member, .. }: Posted) -> Result<Response, Failure> {
    let known = member.desk().key(&member.actor, &id).await?;
    let note = if known.status == KeyStatus::Revoked {
        "was-revoked".to_owned()
    } else {
        let (_, propagation) = member.desk().revoke_key(&member.actor, &id).await?;
        super::note_of("revoked", &propagation)
    };
    Ok(member.visitor.go_saying(&format!("/keys/{id}"), &note))
}
