//! Rotating a key.

use std::time::Duration;

use askama::Template;
use axum::response::Response;

use super::{Key, Made};
use crate::dashboard::failure::Failure;
use crate::dashboard::member::AtKey;
use crate::dashboard::once::{self, Shown};
use crate::dashboard::page::Frame;
use crate::dashboard::web::SignedInForm;
use crate::error::ManagementError;
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

pub(in super::super) async fn page(member: AtKey) -> Result<Response, Failure> {
    member.require(&scopes::KEYS_WRITE)?;
    let key = Key::of(&member.key, member.management().now());
    if key.rotated_to.is_some() {
        return Err(ManagementError::Rotated.into());
    }
    if key.is_ended {
        return Err(ManagementError::Ended.into());
    }
    let query = member.visitor.query();
    member.require_recent_sign_in().await?;
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

pub(in super::super) async fn rotate(
    SignedInForm { at: member, form }: SignedInForm<AtKey>,
) -> Result<Response, Failure> {
    member.require_recent_sign_in().await?;
    let sent = form.get("overlap");
    let (_, _, seconds) = OVERLAPS
        .into_iter()
        .find(|(value, ..)| *value == sent)
        .ok_or_else(|| ManagementError::invalid("overlap_seconds", "choose one"))?;
    let (management, actor, id) = (member.management().clone(), member.actor.clone(), member.id().clone());
    let rotate = async move {
        let rotated = management.rotate_key(&actor, &id, Duration::from_secs(seconds)).await?;
        Ok(Made { old_ends_at: rotated.predecessor.expires_at, ..Made::new(rotated.key, &rotated.view) })
    };
    match once::once(&member, &form, rotate).await? {
        Shown::Now(made) => Ok(super::show_made(&member, made)),
        Shown::Before(made) => Ok(super::show_made_before(&member, made)),
    }
}
