use keyward_core::AccountId;

use super::{MAX_WEBHOOKS, WebhookView};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::StoredWebhook;
use crate::role::scopes;
use crate::service::Management;
use crate::store::{Kind, List};

impl Management {
    /// Lists an account's webhooks, oldest first. Needs `webhooks:read`.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn webhooks(&self, actor: &Actor, account: &AccountId) -> Result<Vec<WebhookView>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::WEBHOOKS_READ)?;
        let list = List::of(Kind::Webhook, MAX_WEBHOOKS).owner(account.as_str());
        let mut views = Vec::new();
        for webhook in self.list::<StoredWebhook>(&list).await? {
            views.push(self.webhook_view(webhook).await?);
        }
        Ok(views)
    }

    /// Returns a webhook. Needs `webhooks:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn webhook(&self, actor: &Actor, account: &AccountId, id: &str) -> Result<WebhookView, ManagementError> {
        let (webhook, _) = self.authorize_webhook(actor, account, id, &scopes::WEBHOOKS_READ).await?;
        self.webhook_view(webhook).await
    }
}
