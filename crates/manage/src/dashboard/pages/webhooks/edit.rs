use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::place::AtWebhook;
use super::view::{EventGroup, Webhook, check_fields, chosen_events, event_groups};
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::words;
use crate::role::scopes;
use crate::service::WebhookUpdate;

#[derive(Template)]
#[template(path = "dashboard/webhooks/edit.html")]
struct EditPage {
    frame: Frame,
    webhook: Webhook,
    error: Option<FormErrors>,
    url: String,
    description: String,
    events: Vec<EventGroup>,
    is_enabled: bool,
}

/// A form that was sent has its version, and keeps what was typed.
fn show(member: &AtWebhook, status: StatusCode, form: &Form, error: Option<FormErrors>) -> Response {
    let webhook = Webhook::of(&member.webhook, member.management().now());
    let was_sent = form.has("version");
    let is_chosen = |name: &str| {
        if was_sent || form.has("event") {
            form.all("event").any(|sent| sent == name)
        } else {
            webhook.events.contains(&name)
        }
    };
    let (url, description) = (form.typed("url", &webhook.url), form.typed("description", &webhook.description));
    let events = event_groups(member, is_chosen);
    let is_enabled = if was_sent { form.get("enabled") == "1" } else { webhook.is_enabled };
    member.page_with(status, words::webhooks::EDIT_A_WEBHOOK, |frame| EditPage {
        frame,
        webhook,
        error,
        url,
        description,
        events,
        is_enabled,
    })
}

pub(super) async fn page(member: AtWebhook) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    member.require_recent_sign_in().await?;
    Ok(show(&member, StatusCode::OK, &member.visitor.query(), None))
}

pub(super) async fn edit(SignedInForm { at: member, form }: SignedInForm<AtWebhook>) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    let enabled = form.get("enabled") == "1";
    let update = WebhookUpdate {
        url: Some(form.get("url").trim().to_owned()),
        description: Some(form.get("description").to_owned()),
        events: Some(chosen_events(&form)),
        // An unchanged value keeps the reason why the server disabled it.
        enabled: Some(enabled).filter(|enabled| *enabled != member.webhook.enabled),
    };
    let version = form.get("version").parse().unwrap_or(0);
    let (account, id) = (&member.account.id, &member.webhook.id);
    let changed = async {
        check_fields(&member, &form)?;
        Ok::<_, Refused>(member.management().update_webhook(&member.actor, account, id, update, version).await?)
    };
    match changed.await {
        Ok(_) => Ok(member.redirect_with_flash(&member.rest(), "webhook")),
        Err(refused) => {
            let (status, errors) = refused.on_edit()?;
            Ok(show(&member, status, &form, errors))
        }
    }
}
