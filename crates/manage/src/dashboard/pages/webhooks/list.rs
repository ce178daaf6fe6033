use askama::Template;
use axum::response::Response;

use super::view::Webhook;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/webhooks/list.html")]
struct WebhooksPage {
    frame: Frame,
    webhooks: Vec<Webhook>,
    may_write: bool,
    is_operator: bool,
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    let management = member.management();
    let found = management.webhooks(&member.actor, &member.account.id).await?;
    let webhooks = found.iter().map(|webhook| Webhook::of(webhook, management.now())).collect();
    let may_write = member.may(&scopes::WEBHOOKS_WRITE);
    let is_operator = member.account.id == *management.operator();
    Ok(member.page(words::shared::WEBHOOKS, |frame| WebhooksPage { frame, webhooks, may_write, is_operator }))
}
