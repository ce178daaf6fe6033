use askama::Template;
use axum::response::Response;

use super::created::{self, CreatedWebhook};
use super::place::AtWebhook;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::once;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/webhooks/rotate.html")]
struct RotatePage {
    frame: Frame,
    id: String,
    url: String,
    form_id: String,
}

pub(super) async fn page(member: AtWebhook) -> Result<Response, PageError> {
    member.require(&scopes::WEBHOOKS_WRITE)?;
    member.require_recent_sign_in().await?;
    let (id, url, form_id) = (member.webhook.id.clone(), member.webhook.url.clone(), once::new_form()?);
    Ok(member.page("Rotate the secret", |frame| RotatePage { frame, id, url, form_id }))
}

pub(super) async fn rotate(SignedInForm { at: member, form }: SignedInForm<AtWebhook>) -> Result<Response, PageError> {
    member.require_recent_sign_in().await?;
    let (management, actor, account) = (member.management().clone(), member.actor.clone(), member.account.id.clone());
    let id = member.webhook.id.clone();
    let rotate =
        async move { Ok(CreatedWebhook::new(&management.rotate_webhook_secret(&actor, &account, &id).await?)) };
    Ok(created::show(&member, once::once(&member, &form, rotate).await?))
}
