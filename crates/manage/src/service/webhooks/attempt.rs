use std::sync::OnceLock;
use std::time::Instant;

use keyward_api_types::DeliveryAttempt;
use keyward_core::Timestamp;

use super::secret::signatures;
use crate::records::{StoredDelivery, StoredWebhook};
use crate::service::Management;
use crate::webhook_client::WebhookClient;

/// Customers' webhooks have a client that reaches no private network.
#[derive(Default)]
pub(in crate::service) struct Clients {
    pub(super) operator: OnceLock<WebhookClient>,
    pub(super) customers: OnceLock<WebhookClient>,
}

pub(super) struct Answer {
    pub(super) attempt: DeliveryAttempt,
    /// The webhook was enabled, so the attempt says something about its receiver.
    pub(super) was_sent: bool,
}

impl Answer {
    pub(super) fn not_sent(why: &str, at: Timestamp) -> Self {
        Self {
            attempt: DeliveryAttempt { at, status: None, error: Some(why.to_owned()), duration_ms: 0 },
            was_sent: false,
        }
    }

    pub(super) fn is_success(&self) -> bool {
        self.attempt.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Standard Webhooks: 410 asks to send nothing more.
    pub(super) fn is_gone(&self) -> bool {
        self.attempt.status == Some(410)
    }
}

impl Management {
    pub(super) async fn attempt(&self, webhook: &StoredWebhook, delivery: &StoredDelivery) -> Answer {
        let (at, began) = (self.now(), Instant::now());
        let Some(signature) = signatures(webhook, &delivery.event, &delivery.payload, at) else {
            return Answer::not_sent("the stored secret is damaged: rotate it, then redeliver", at);
        };
        let Clients { operator, customers } = &self.0.webhook_clients;
        let client = if webhook.account == *self.operator() { operator } else { customers };
        let client = client.get_or_init(|| WebhookClient::new(self.webhook_networks(&webhook.account)));
        let fields = [
            ("webhook-id", delivery.event.clone()),
            ("webhook-timestamp", (at.as_millis() / 1_000).to_string()),
            ("webhook-signature", signature),
        ];
        let (status, error) = match client.post(&webhook.url, &fields, delivery.payload.clone()).await {
            Ok(status) => (Some(status.as_u16()), None),
            Err(error) => (None, Some(error)),
        };
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Answer { attempt: DeliveryAttempt { at, status, error, duration_ms }, was_sent: true }
    }
}
