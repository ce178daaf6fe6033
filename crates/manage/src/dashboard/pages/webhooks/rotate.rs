use std::time::Duration;

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::created::{self, CreatedWebhook};
use super::place::AtWebhook;
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::once;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;

const DAY: u32 = 86_400;
const OVERLAPS: [Choice; 4] = [
    Choice { seconds: DAY, label: words::shared::HOURS_24 },
    Choice { seconds: 0, label: words::shared::NOT_AT_ALL },
    Choice { seconds: 3_600, label: words::shared::HOUR_1 },
    Choice { seconds: 7 * DAY, label: words::shared::DAYS_7 },
];

struct Choice {
    seconds: u32,
    label: &'static str,
}

#[derive(Template)]
#[template(path = "dashboard/webhooks/rotate.html")]
struct RotatePage {
    frame: Frame,
    id: String,
    url: String,
    form_id: String,
    overlaps: [Choice; 4],
    chosen: u32,
    error: Option<FormErrors>,
}

fn show(member: &AtWebhook, status: StatusCode, form: &Form, error: Option<FormErrors>) -> Result<Response, PageError> {
    let (id, url, form_id) = (member.webhook.id.clone(), member.webhook.url.clone(), once::new_form()?);
    let chosen = form.get("overlap").parse().unwrap_or(DAY);
    Ok(member.page_with(status, words::webhooks::ROTATE_THE_SECRET, |frame| RotatePage {
        frame,
        id,
        url,
        form_id,
        overlaps: OVERLAPS,
        chosen,
        error,
    }))
}

pub(super) async fn page(member: AtWebhook) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    member.require_recent_sign_in().await?;
    show(&member, StatusCode::OK, &member.visitor.query(), None)
}

pub(super) async fn rotate(SignedInForm { at: member, form }: SignedInForm<AtWebhook>) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    member.require_recent_sign_in().await?;
    let (management, actor, account) = (member.management().clone(), member.actor.clone(), member.account.id.clone());
    let id = member.webhook.id.clone();
    let overlap = match form.get("overlap") {
        "" => None,
        sent => Some(sent.parse().map_err(|_| ManagementError::invalid("overlap_seconds", words::shared::CHOOSE_ONE))?),
    };
    let rotate = async move {
        let overlap = overlap.map(Duration::from_secs);
        Ok(CreatedWebhook::new(&management.rotate_webhook_secret(&actor, &account, &id, overlap).await?))
    };
    match once::once(&member, &form, rotate).await {
        Ok(created) => Ok(created::show(&member, created)),
        Err(error @ ManagementError::Invalid { .. }) => {
            show(&member, error.status(), &form, Some(FormErrors::from(&error)))
        }
        Err(error) => Err(error.into()),
    }
}
