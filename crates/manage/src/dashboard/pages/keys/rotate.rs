use std::time::Duration;

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::created::{self, CreatedKey};
use super::expiry::{self, Expiry};
use super::missing::Warning;
use super::view::Key;
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtKey;
use crate::dashboard::once::{self, RevealedSecret};
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::KeyRotation;

const OVERLAPS: [(&str, &str, u64); 4] = [
    ("now", words::shared::NOT_AT_ALL, 0),
    ("1h", words::shared::HOUR_1, 3_600),
    ("24h", words::shared::HOURS_24, 86_400),
    ("7d", words::shared::DAYS_7, 604_800),
];

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
    warning: Option<Warning>,
    overlaps: Vec<Choice>,
    expiry: Expiry,
    error: Option<FormErrors>,
}

pub(super) async fn page(member: AtKey) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    let query = member.visitor.query();
    member.management().preview_rotation(&member.actor, member.id()).await?;
    member.require_recent_sign_in().await?;
    show(&member, StatusCode::OK, &query, None).await
}

async fn show(
    member: &AtKey,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let now = member.management().now();
    let key = Key::of(&member.key, now);
    let preview = member.management().preview_rotation(&member.actor, member.id()).await?;
    let default = match preview.expires_at {
        Some(end) => words::keys::by_default(&When::at(end, now).full),
        None => words::keys::NEVER_DEFAULT.to_owned(),
    };
    let expiry = Expiry::new(form, now, preview.latest_expires_at, Some(default));
    let chosen = OVERLAPS.iter().map(|(value, ..)| *value).find(|value| *value == form.get("overlap")).unwrap_or("24h");
    let form_id = once::new_form()?;
    let warning = Warning::of(member).await?;
    Ok(member.page_with(status, words::keys::ROTATE_A_KEY, |frame| RotatePage {
        frame,
        key,
        form_id,
        warning,
        overlaps: OVERLAPS
            .iter()
            .map(|(value, label, _)| Choice { value, label, is_chosen: *value == chosen })
            .collect(),
        expiry,
        error,
    }))
}

pub(super) async fn rotate(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    member.require_recent_sign_in().await?;
    let sent = form.get("overlap");
    let (_, _, seconds) = OVERLAPS
        .into_iter()
        .find(|(value, ..)| *value == sent)
        .ok_or_else(|| ManagementError::invalid("overlap_seconds", words::shared::CHOOSE_ONE))?;
    let (management, actor, id) = (member.management().clone(), member.actor.clone(), member.id().clone());
    let chosen = if form.get("expires") == "latest" { None } else { Some(expiry::read(&form, management.now(), None)) };
    let rotate = async move {
        let expires_at = match chosen {
            Some(read) => read?,
            // Asked only here, because a form that is sent again finds the key rotated.
            None => management.preview_rotation(&actor, &id).await?.latest_expires_at.map(Some),
        };
        let rotation = KeyRotation { overlap: Duration::from_secs(seconds), expires_at };
        let rotated = management.rotate_key_with(&actor, &id, rotation).await?;
        Ok(CreatedKey::new(rotated.key, &rotated.view).with_predecessor(rotated.predecessor.expires_at))
    };
    match once::once(&member, &form, rotate).await {
        Ok(RevealedSecret::Now(key)) => Ok(created::show(&member, key).await?),
        Ok(RevealedSecret::Before(key)) => Ok(created::show_before(&member, key)),
        Err(
            error @ (ManagementError::LifetimeTooLong(_)
            | ManagementError::Invalid { field: "expires_at" | "expires_on" | "overlap", .. }),
        ) => {
            let errors = expiry::at_its_field(FormErrors::from(&error), &form);
            show(&member, error.status(), &form, Some(errors)).await
        }
        Err(error) => Err(error.into()),
    }
}
