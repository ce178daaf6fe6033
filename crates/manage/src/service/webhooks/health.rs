use std::time::Duration;

use serde_json::json;

use super::attempt::Answer;
use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::records::{StoredWebhook, Versioned};
use crate::service::Management;
use crate::service::audit::{Draft, Target};

const DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * 3_600);

impl Management {
    /// Notes when failures began and ended. Disables a webhook after 5 days of failures, or if its receiver is gone.
    pub(super) async fn note_health(
        &self,
        known: Versioned<StoredWebhook>,
        answer: &Answer,
    ) -> Result<(), ManagementError> {
        let now = self.now();
        let mut next = known.value.clone();
        next.failing_since = if answer.is_success() { None } else { next.failing_since.or(Some(now)) };
        let lasting = next.failing_since.is_some_and(|since| now.saturating_since(since) >= DISABLE_AFTER);
        let reason = match (answer.is_gone(), lasting) {
            (true, _) => Some("the receiver answered 410 Gone"),
            (false, true) => Some("every attempt failed for 5 days"),
            (false, false) => None,
        };
        // On a conflict, another attempt has noted it, or the webhook was changed.
        if let Some(reason) = reason {
            (next.enabled, next.disabled_reason) = (false, Some(reason.to_owned()));
            let actor = Actor::system("webhooks", Context::new());
            let draft = Draft::new(&actor, "webhook.disable", Target::new("webhook", &next.id))
                .account(&next.account)
                .after(json!({"url": next.url, "reason": reason}));
            tracing::warn!(webhook = %next.id, account = %next.account, reason, "a webhook was disabled");
            let _ = self.commit(vec![known.replace(&next)?], draft).await?;
        } else if next.failing_since != known.failing_since {
            self.write_quietly(&[known.replace(&next)?]).await?;
        }
        Ok(())
    }
}
