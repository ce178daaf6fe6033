use http::Method;
use keyward_api_types::{CreateWebhook, Delivery, IssuedWebhook, Page, RotateWebhookSecret, UpdateWebhook, Webhook};
use keyward_core::AccountId;

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

/// Webhooks. Needs `webhooks:read`, or `webhooks:write` for changes.
impl Client {
    /// Lists an account's webhooks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn webhooks(&self, account: &AccountId) -> Result<Vec<Webhook>, ClientError> {
        let page: Page<Webhook> = self.ask(Request::get(&["accounts", account.as_str(), "webhooks"])).await?;
        Ok(page.data)
    }

    /// Returns a webhook.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn webhook(&self, account: &AccountId, id: &str) -> Result<Webhook, ClientError> {
        self.ask(Request::get(&["accounts", account.as_str(), "webhooks", id])).await
    }

    /// Creates a webhook and its secret.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_webhook(&self, account: &AccountId, new: &CreateWebhook) -> Result<IssuedWebhook, ClientError> {
        let request = Request::idempotent(Method::POST, &["accounts", account.as_str(), "webhooks"])?;
        self.ask(request.json(new)).await
    }

    /// Changes a webhook at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_webhook(
        &self,
        account: &AccountId,
        id: &str,
        update: &UpdateWebhook,
        version: u64,
    ) -> Result<Webhook, ClientError> {
        let request = Request::idempotent(Method::PATCH, &["accounts", account.as_str(), "webhooks", id])?;
        self.ask(request.json(update).if_match(version)).await
    }

    /// Removes a webhook at this version. Its pending deliveries are not sent.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_webhook(&self, account: &AccountId, id: &str, version: u64) -> Result<(), ClientError> {
        let request = Request::idempotent(Method::DELETE, &["accounts", account.as_str(), "webhooks", id])?;
        self.send(request.if_match(version)).await.map(drop)
    }

    /// Gives a webhook a new secret. The previous ones sign, too, for this many seconds, or no more for 0.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rotate_webhook_secret(
        &self,
        account: &AccountId,
        id: &str,
        overlap_seconds: u32,
    ) -> Result<IssuedWebhook, ClientError> {
        let rotation = RotateWebhookSecret { overlap_seconds: Some(overlap_seconds) };
        let request =
            Request::idempotent(Method::POST, &["accounts", account.as_str(), "webhooks", id, "secrets", "rotate"])?;
        self.ask(request.json(&rotation)).await
    }

    /// Sends a test event to a webhook.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn test_webhook(&self, account: &AccountId, id: &str) -> Result<Delivery, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["accounts", account.as_str(), "webhooks", id, "test"])?).await
    }

    /// Lists a webhook's deliveries, newest first.
    #[must_use]
    pub fn walk_deliveries(&self, account: &AccountId, id: &str) -> Walk<'_, Delivery> {
        let (account, id) = (account.clone(), id.to_owned());
        Walk::new(self, move |after| {
            Request::get(&["accounts", account.as_str(), "webhooks", &id, "deliveries"]).page(after)
        })
    }

    /// Sends a delivery again, with the same id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn redeliver(&self, account: &AccountId, id: &str, delivery: &str) -> Result<Delivery, ClientError> {
        self.ask(Request::idempotent(
            Method::POST,
            &["accounts", account.as_str(), "webhooks", id, "deliveries", delivery, "redeliver"],
        )?)
        .await
    }
}
