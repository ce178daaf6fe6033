use std::time::Duration;

use askama::Template;
use axum::response::Response;

use super::created::{self, CreatedKey};
use super::view::Key;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtKey;
use crate::dashboard::once::{self, RevealedSecret};
use crate::error::ManagementError;
use crate::role::scopes;

const OVERLAPS: [(&str, &str, u64); 4] =
    [("24h", "24 hours", 86_400), ("now", "Not at all", 0), ("1h", "1 hour", 3_600), ("7d", "7 days", 604_800)];

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/keys/rotate.html")]
struct RotatePage {
    frame: Frame,
    key: Key,
    form_id: String,
    overlaps: Vec<Choice>,
}

pub(super) async fn page(member: AtKey) -> Result<Response, PageError> {
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

pub(super) async fn rotate(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    member.require_recent_sign_in().await?;
    let sent = form.get("overlap");
    let (_, _, seconds) = OVERLAPS
        .into_iter()
        .find(|(value, ..)| *value == sent)
        .ok_or_else(|| ManagementError::invalid("overlap_seconds", "choose one"))?;
    let (management, actor, id) = (member.management().clone(), member.actor.clone(), member.id().clone());
    let rotate = async move {
        let rotated = management.rotate_key(&actor, &id, Duration::from_secs(seconds)).await?;
        Ok(CreatedKey::new(rotated.key, &rotated.view).with_predecessor(rotated.predecessor.expires_at))
    };
    match once::once(&member, &form, rotate).await? {
        RevealedSecret::Now(key) => Ok(created::show(&member, key)),
        RevealedSecret::Before(key) => Ok(created::show_before(&member, key)),
    }
}
