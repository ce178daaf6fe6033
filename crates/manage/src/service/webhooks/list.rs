use keyward_core::AccountId;

use super::{MAX_WEBHOOKS, WebhookView, view};
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
        let now = self.now();
        Ok(self.list::<StoredWebhook>(&list).await?.into_iter().map(|webhook| view(webhook, now)).collect())
    }

    /// Returns a webhook. Needs `webhooks:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn webhook(&self, actor: &Actor, account: &AccountId, id: &str) -> Result<WebhookView, ManagementError> {
        Ok(view(self.authorize_webhook(actor, account, id, &scopes::WEBHOOKS_READ).await?, self.now()))
    }
}
