use askama::Template;
use axum::response::Response;

use super::deliveries::Row;
use super::place::AtWebhook;
use super::view::Webhook;
use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::words;
use crate::role::scopes;
use crate::service::{PageRequest, is_undelivered};

const PER_PAGE: usize = 25;

#[derive(Template)]
#[template(path = "dashboard/webhooks/details.html")]
struct WebhookPage {
    frame: Frame,
    webhook: Webhook,
    deliveries: Vec<Row>,
    may_write: bool,
    has_failed: bool,
    is_first: bool,
    next: Option<String>,
}

pub(super) async fn page(member: AtWebhook) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let (management, now) = (member.management(), member.management().now());
    let page = PageRequest { after: query.filled("after"), limit: PER_PAGE };
    let found = management.deliveries(&member.actor, &member.account.id, &member.webhook.id, &page).await?;
    let webhook = Webhook::of(&member.webhook, now);
    let is_first = page.after.is_none();
    // An older page may have the only failed delivery.
    let has_failed =
        !is_first || found.next.is_some() || found.items.iter().any(|delivery| is_undelivered(delivery.state));
    let may_write = member.may(&scopes::WEBHOOKS_WRITE);
    let next = found.next.map(|next| form::query("after", &next));
    let deliveries = found.items.into_iter().map(|delivery| Row::of(delivery, now)).collect();
    Ok(member.page(words::webhooks::WEBHOOK, |frame| WebhookPage {
        frame,
        webhook,
        deliveries,
        may_write,
        has_failed,
        is_first,
        next,
    }))
}
