use askama::Template;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::once::RevealedSecret;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::service::IssuedWebhook;

/// Has no `Debug`, because of its secret.
#[derive(Serialize, Deserialize)]
pub(super) struct CreatedWebhook {
    id: String,
    url: String,
    secret: String,
    old_ends_at: Option<keyward_core::Timestamp>,
}

impl CreatedWebhook {
    pub(super) fn new(issued: &IssuedWebhook) -> Self {
        Self {
            id: issued.webhook.id.clone(),
            url: issued.webhook.url.clone(),
            secret: issued.secret.to_string(),
            old_ends_at: issued.webhook.previous_secret_ends_at,
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/webhooks/created.html")]
struct CreatedPage {
    frame: Frame,
    created: CreatedWebhook,
    old_ends: Option<When>,
}

#[derive(Template)]
#[template(path = "dashboard/webhooks/created_before.html")]
struct CreatedBeforePage {
    frame: Frame,
    id: String,
}

/// Shows the secret to the first request of a form only.
pub(super) fn show(member: &AtAccount, created: RevealedSecret<CreatedWebhook>) -> Response {
    match created {
        RevealedSecret::Now(created) => {
            let old_ends = When::maybe(created.old_ends_at, member.management().now());
            member.page(words::webhooks::COPY_THE_SECRET, |frame| CreatedPage { frame, created, old_ends })
        }
        RevealedSecret::Before(created) => {
            member.page(words::shared::ALREADY_SHOWN, |frame| CreatedBeforePage { frame, id: created.id })
        }
    }
}
