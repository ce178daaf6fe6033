use axum::response::Response;

use super::place::AtWebhook;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::service::WebhookUpdate;

pub(super) async fn disable(SignedInForm { at, form }: SignedInForm<AtWebhook>) -> Result<Response, PageError> {
    set_enabled(&at, form.get("version"), false).await
}

pub(super) async fn enable(SignedInForm { at, form }: SignedInForm<AtWebhook>) -> Result<Response, PageError> {
    set_enabled(&at, form.get("version"), true).await
}

async fn set_enabled(member: &AtWebhook, version: &str, enabled: bool) -> Result<Response, PageError> {
    let update = WebhookUpdate { enabled: Some(enabled), ..WebhookUpdate::default() };
    let (account, id, version) = (&member.account.id, &member.webhook.id, version.parse().unwrap_or(0));
    member.management().update_webhook(&member.actor, account, id, update, version).await?;
    let code = if enabled { "webhook-enabled" } else { "webhook-disabled" };
    Ok(member.redirect_with_flash(&member.rest(), code))
}
