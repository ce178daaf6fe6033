//! Renaming, disabling and enabling a key.

use axum::response::Response;

use super::KeyId;
use crate::dashboard::failure::{Failure, Wrong};
use crate::dashboard::web::Posted;
use crate::desk::KeyChange;
use crate::error::DeskError;

pub(in super::super) async fn rename(KeyId(id): KeyId, Posted { member, form }: Posted) -> Result<Response, Failure> {
    let change = KeyChange { name: Some(form.get("name").to_owned()), ..KeyChange::default() };
    let version = form.get("version").parse().unwrap_or(0);
    match member.desk().update_key(&member.actor, &id, change, version).await {
        Ok(_) => Ok(member.visitor.go_saying(&format!("/keys/{id}"), "renamed")),
        Err(error @ (DeskError::Invalid { .. } | DeskError::Stale)) => {
            super::details::show(&member, &id, error.status(), &form, Some(Wrong::from(&error))).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(in super::super) async fn disable(key: KeyId, posted: Posted) -> Result<Response, Failure> {
    set_disabled(key, posted, true).await
}

pub(in super::super) async fn enable(key: KeyId, posted: Posted) -> Result<Response, Failure> {
    set_disabled(key, posted, false).await
}

async fn set_disabled(KeyId(id): KeyId, Posted { member, .. }: Posted, disabled: bool) -> Result<Response, Failure> {
    let (_, propagation) = member.desk().set_key_disabled(&member.actor, &id, disabled).await?;
    let note = super::note_of(if disabled { "disabled" } else { "enabled" }, &propagation);
    Ok(member.visitor.go_saying(&format!("/keys/{id}"), &note))
}
