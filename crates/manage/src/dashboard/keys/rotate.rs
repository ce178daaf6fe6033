//! Rotating a key.

use std::time::Duration;

use askama::Template;
use axum::response::Response;

use super::{Key, KeyId, Made};
use crate::dashboard::failure::Failure;
use crate::dashboard::login::sign_in_anew;
use crate::dashboard::member::Member;
use crate::dashboard::once::{self, Shown};
use crate::dashboard::page::Frame;
use crate::dashboard::web::Posted;
use crate::error::DeskError;
use crate::role::scopes;

/// How long the old key goes on working: its name in the form, the words for it, and seconds.
const OVERLAPS: [(&str, &str, u64); 4] = [
    ("24h", "24 hours", 86_400),
    ("now", "No time: it ends now", 0),
    ("1h", "1 hour", 3_600),
    ("7d", "7 days", 604_800),
];

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/key_rotate.html")]
struct RotatePage {
    frame: Frame,
    key: Key,
    form_id: String,
    overlaps: Vec<Choice>,
}

pub(in super::super) async fn page(member: Member, KeyId(id): KeyId) -> Result<Response, Failure> {
    if !member.may(&scopes::KEYS_WRITE) {
        return Err(DeskError::Forbidden(scopes::KEYS_WRITE).into());
    }
    let key = member.desk().key(&member.actor, &id).await?;
    let key = Key::of(&key, member.desk().now());
    if key.rotated_to.is_some() {
        return Err(DeskError::Rotated.into());
    }
    if key.is_ended {
        return Err(DeskError::Ended.into());
    }
    let query = member.visitor.query();
    if let Some(page) = sign_in_anew(&member, &query).await? {
        return Ok(page);
    }
    let chosen =
        OVERLAPS.iter().map(|(value, ..)| *value).find(|value| *value == query.get("overlap")).unwrap_or("24h");
    let form_id = once::new_form()?;
    Ok(member.page("Rotate a key", |frame| RotatePage {
        frame,
        key,
        form_id,
        overlaps: OVERLAPS
            .iter()
            .map(|(value, label, _)| Choice { value, label, is_chosen: *value == chosen })
            .collect(),
    }))
}

pub(in super::super) async fn rotate(KeyId(id): KeyId, Posted { member, form }: Posted) -> Result<Response, Failure> {
    if let Some(page) = sign_in_anew(&member, &form).await? {
        return Ok(page);
    }
    let sent = form.get("overlap");
    let (_, _, seconds) = OVERLAPS
        .into_iter()
        .find(|(value, ..)| *value == sent)
        .ok_or_else(|| DeskError::invalid("overlap_seconds", "choose one"))?;
    let (desk, actor) = (member.desk().clone(), member.actor.clone());
    let rotate = async move {
        let rotated = desk.rotate_key(&actor, &id, Duration::from_secs(seconds)).await?;
        Ok(Made { old_ends_at: rotated.predecessor.expires_at, ..Made::new(rotated.key, &rotated.view) })
    };
    match once::once(&member, &form, rotate).await? {
        Shown::Now(made) => Ok(super::show_made(&member, made)),
        Shown::Before(made) => Ok(super::show_made_before(&member, made)),
    }
}
