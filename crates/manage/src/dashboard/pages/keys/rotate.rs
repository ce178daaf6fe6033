use std::time::Duration;

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::created::{self, CreatedKey};
use super::expiry::{self, Expiry, NoChoice};
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
use crate::service::{KeyRotation, MAX_OVERLAP};

/// The value of the choice with a number of its own.
const OTHER: &str = "other";
const UNITS: [(&str, &str, u64); 2] = [("h", words::cards::HOURS, 3_600), ("d", words::cards::DAYS, 86_400)];
const MOST_DAYS: u64 = MAX_OVERLAP.as_secs() / 86_400;

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
    overlap_number: String,
    overlap_units: Vec<Choice>,
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
    let end = preview.expires_at;
    let label = match end {
        Some(end) => words::keys::by_default(&When::at(end, now).full),
        None => words::keys::NEVER_DEFAULT.to_owned(),
    };
    let default = NoChoice { label, end };
    let expiry = Expiry::new(form, now, preview.latest_expires_at, Some(default));
    let offered =
        OVERLAPS.map(|(value, label, _)| (value, label)).into_iter().chain([(OTHER, words::keys::ANOTHER_TIME)]);
    let sent = form.get("overlap");
    let chosen = offered.clone().map(|(value, _)| value).find(|value| *value == sent).unwrap_or("24h");
    let overlaps = offered.map(|(value, label)| Choice { value, label, is_chosen: value == chosen }).collect();
    let unit = form.get("overlap_unit");
    let overlap_units = UNITS.map(|(value, label, _)| Choice { value, label, is_chosen: value == unit }).into();
    let overlap_number = form.get("overlap_number").to_owned();
    let form_id = once::new_form()?;
    let warning = Warning::of(member).await?;
    Ok(member.page_with(status, words::keys::ROTATE_A_KEY, |frame| RotatePage {
        frame,
        key,
        form_id,
        warning,
        overlaps,
        overlap_number,
        overlap_units,
        expiry,
        error,
    }))
}

pub(super) async fn rotate(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    member.require_recent_sign_in().await?;
    let (management, actor, id) = (member.management().clone(), member.actor.clone(), member.id().clone());
    let mut errors = FormErrors::default();
    let overlap = errors.check(overlap(&form)).unwrap_or_default();
    let chosen = match form.get("expires") {
        "latest" => None,
        _ => errors.check(expiry::read(&form, management.now(), None)),
    };
    if let Some(errors) = errors.found() {
        return show(&member, StatusCode::UNPROCESSABLE_ENTITY, &form, Some(errors)).await;
    }
    let rotate = async move {
        let expires_at = match chosen {
            Some(end) => end,
            // Asked only here, because a form that is sent again finds the key rotated.
            None => management.preview_rotation(&actor, &id).await?.latest_expires_at.map(Some),
        };
        let rotation = KeyRotation { overlap, expires_at };
        let rotated = management.rotate_key_with(&actor, &id, rotation).await?;
        Ok(CreatedKey::new(rotated.key, &rotated.view).with_predecessor(rotated.predecessor.expires_at))
    };
    match once::once(&member, &form, rotate).await {
        Ok(RevealedSecret::Now(key)) => Ok(created::show(&member, key).await?),
        Ok(RevealedSecret::Before(key)) => Ok(created::show_before(&member, key)),
        Err(error @ (ManagementError::LifetimeTooLong(_) | ManagementError::Invalid { field: "expires_at", .. })) => {
            let errors = expiry::at_its_field(FormErrors::from(&error), &form);
            show(&member, error.status(), &form, Some(errors)).await
        }
        Err(error) => Err(error.into()),
    }
}

fn overlap(form: &Form) -> Result<Duration, ManagementError> {
    let invalid = |message: String| ManagementError::invalid("overlap_number", message);
    let sent = form.get("overlap");
    if sent != OTHER {
        let known = OVERLAPS.into_iter().find(|(value, ..)| *value == sent);
        let known = known.map(|(_, _, seconds)| Duration::from_secs(seconds));
        return known.ok_or_else(|| invalid(words::shared::CHOOSE_ONE.to_owned()));
    }
    let (text, unit) = (form.get("overlap_number").trim(), form.get("overlap_unit"));
    let unit = UNITS.into_iter().find(|(value, ..)| *value == unit).map(|(_, _, seconds)| seconds);
    let wrong = || invalid(words::keys::no_overlap(text, MOST_DAYS));
    let seconds = text.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    seconds.map(Duration::from_secs).filter(|overlap| *overlap <= MAX_OVERLAP).ok_or_else(wrong)
}
