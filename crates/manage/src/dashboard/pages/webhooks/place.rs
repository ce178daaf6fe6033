use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;

use crate::dashboard::app::App;
use crate::dashboard::member::{AtAccount, Member, Place, find};
use crate::dashboard::path_params::PathParams;
use crate::error::ManagementError;
use crate::service::WebhookView;

pub(super) struct AtWebhook {
    place: AtAccount,
    pub(super) webhook: WebhookView,
}

impl Deref for AtWebhook {
    type Target = AtAccount;

    fn deref(&self) -> &AtAccount {
        &self.place
    }
}

impl AtWebhook {
    pub(super) fn rest(&self) -> String {
        format!("/webhooks/{}", self.webhook.id)
    }
}

impl Place for AtWebhook {
    async fn reach(member: Member, path: &PathParams) -> Result<Self, ManagementError> {
        let place = AtAccount::reach(member, path).await?;
        let id: String = path.id("id", "webhook")?;
        let webhook = place.management().webhook(&place.actor, &place.account.id, &id).await?;
        Ok(Self { place, webhook })
    }
}

impl FromRequestParts<App> for AtWebhook {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        find(parts, app).await
    }
}
