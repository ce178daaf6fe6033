//! A webhook stops when the key behind it ends or loses a scope. The audit log says so, once a stop.

use keyward_core::store::KeyStatus;
use serde_json::json;

use super::state::Stopped;
use crate::actor::{Actor, Context, Principal, principal_of};
use crate::error::ManagementError;
use crate::records::{Entity as _, StoredWebhook, Versioned};
use crate::service::Management;
use crate::service::audit::{Draft, Target};
use crate::store::{Kind, List};

const PER_READ: usize = 200;

impl Management {
    /// Notes that a webhook has stopped, or gets events again.
    pub(super) async fn note_stop(
        &self,
        known: &Versioned<StoredWebhook>,
        stopped: Option<Stopped>,
    ) -> Result<(), ManagementError> {
        // On a conflict, another node has noted it, or the webhook was changed.
        match (stopped, known.stopped_since) {
            (Some(Stopped::KeyInactive), None) => {
                let next = StoredWebhook { stopped_since: Some(self.now()), ..known.value.clone() };
                let reason = self.lost_key(known).await?;
                tracing::warn!(webhook = %next.id, account = %next.account, reason, "a webhook has stopped");
                let draft = Draft::new(
                    &Actor::system("webhooks", Context::new()),
                    "webhook.stop",
                    Target::new("webhook", &next.id),
                )
                .account(&next.account)
                .after(json!({"url": next.url, "reason": reason}));
                let _ = self.commit(vec![known.replace(&next)?], draft).await?;
            }
            (None, Some(_)) => {
                let next = StoredWebhook { stopped_since: None, ..known.value.clone() };
                self.write_quietly(&[known.replace(&next)?]).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn lost_key(&self, webhook: &StoredWebhook) -> Result<String, ManagementError> {
        let principal = webhook.responsible.as_ref().and_then(principal_of);
        let Some(Principal::Key(id)) = principal else { return Ok(Stopped::KeyInactive.reason().to_owned()) };
        let key = self.0.keys.get(&id).await?;
        let was_rotated = key.as_ref().is_some_and(|key| key.rotated_to.is_some());
        let status = key.map(|key| key.status(self.now()));
        Ok(match status {
            None => format!("the key {id} was removed"),
            Some(KeyStatus::Active) => format!("the key {id} may not read the events of the webhook"),
            Some(KeyStatus::Expired) if was_rotated => {
                format!("the key {id} was rotated, and its successor did not take the webhook over")
            }
            Some(KeyStatus::Disabled) => format!("the key {id} is disabled"),
            Some(KeyStatus::Expired) => format!("the key {id} has expired"),
            Some(_) => format!("the key {id} was revoked"),
        })
    }

    /// Notes webhooks whose key has expired without an event.
    pub(in crate::service) async fn note_stopped_webhooks(&self) -> Result<(), ManagementError> {
        let mut list = List::of(Kind::Webhook, PER_READ);
        loop {
            let page = self.list::<StoredWebhook>(&list).await?;
            for webhook in &page {
                self.note_stop(webhook, self.stopped(webhook, None).await?).await?;
            }
            match page.last() {
                Some(last) if page.len() == PER_READ => list.after = Some((last.sort(), last.id())),
                _ => return Ok(()),
            }
        }
    }
}
