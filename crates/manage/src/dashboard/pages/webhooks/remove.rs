use askama::Template;
use axum::response::Response;

use super::place::AtWebhook;
use super::view::Webhook;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::words;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/webhooks/remove.html")]
struct RemovePage {
    frame: Frame,
    webhook: Webhook,
}

pub(super) async fn page(member: AtWebhook) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    let webhook = Webhook::of(&member.webhook, member.management().now());
    Ok(member.page(words::webhooks::DELETE_A_WEBHOOK, |frame| RemovePage { frame, webhook }))
}

pub(super) async fn remove(SignedInForm { at: member, form }: SignedInForm<AtWebhook>) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    let version = form.get("version").parse().unwrap_or(0);
    member.management().remove_webhook(&member.actor, &member.account.id, &member.webhook.id, version).await?;
    Ok(member.redirect_with_flash("/webhooks", "webhook-removed"))
}
