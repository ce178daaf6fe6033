use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::created::{self, CreatedWebhook};
use super::view::{EventGroup, check_fields, chosen_events, event_groups};
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::once;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/webhooks/create.html")]
struct NewPage {
    frame: Frame,
    form_id: String,
    error: Option<FormErrors>,
    url: String,
    description: String,
    events: Vec<EventGroup>,
}

fn show(member: &AtAccount, status: StatusCode, form: &Form, error: Option<FormErrors>) -> Result<Response, PageError> {
    let form_id = once::new_form()?;
    Ok(member.page_with(status, words::webhooks::CREATE_A_WEBHOOK, |frame| NewPage {
        frame,
        form_id,
        error,
        url: form.get("url").to_owned(),
        description: form.get("description").to_owned(),
        events: event_groups(member, |name| form.all("event").any(|sent| sent == name)),
    }))
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    member.require_recent_sign_in().await?;
    show(&member, StatusCode::OK, &member.visitor.query(), None)
}

pub(super) async fn create(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    member.require_recent_sign_in().await?;
    let (management, actor, account) = (member.management().clone(), member.actor.clone(), member.account.id.clone());
    let (url, description, events) =
        (form.get("url").trim().to_owned(), form.get("description").to_owned(), chosen_events(&form));
    let create = async move {
        let issued = management.create_webhook(&actor, &account, &url, &description, &events).await?;
        Ok(CreatedWebhook::new(&issued))
    };
    let created = async {
        check_fields(&member, &form)?;
        Ok::<_, Refused>(once::once(&member, &form, create).await?)
    };
    match created.await {
        Ok(created) => Ok(created::show(&member, created)),
        Err(refused) => {
            let (status, errors) = refused.on_form(|error| matches!(error, ManagementError::Invalid { .. }))?;
            show(&member, status, &form, errors)
        }
    }
}
