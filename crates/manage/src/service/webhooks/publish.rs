use std::collections::HashMap;

use keyward_api_types::{DeliveryState, EventKind};
use keyward_core::Timestamp;

use super::MAX_WEBHOOKS;
use super::attempt::Answer;
use super::state::Stopped;
use crate::error::ManagementError;
use crate::records::{Entity as _, EventCursor, StoredDelivery, StoredWebhook};
use crate::service::Management;
use crate::service::events::{Event, WEBHOOKS};
use crate::store::{Kind, List, Write};

const BATCH: usize = 100;
const MAX_WRITES: usize = 400;

impl Management {
    /// Turns the next audit entries into deliveries, in one batch with the position. Returns the number of entries.
    pub(super) async fn publish(&self) -> Result<usize, ManagementError> {
        let Some(cursor) = self.get::<EventCursor>(WEBHOOKS).await? else { return Ok(0) };
        let entries = self.entries_after(cursor.number, BATCH).await?;
        let Some(mut last) = entries.last().map(|entry| entry.number) else { return Ok(0) };
        let mut known: HashMap<String, Vec<(StoredWebhook, Option<Stopped>)>> = HashMap::new();
        let mut writes = Vec::new();
        for entry in &entries {
            if writes.len() > MAX_WRITES {
                last = entry.number - 1;
                break;
            }
            let Some(event) = Event::of_entry(entry) else { continue };
            let operator = self.operator().to_string();
            let own = entry.account.as_ref().map(ToString::to_string).filter(|own| *own != operator);
            for account in own.into_iter().chain([operator]) {
                if !known.contains_key(&account) {
                    let list = List::of(Kind::Webhook, MAX_WEBHOOKS).owner(account.clone());
                    let found = self.list::<StoredWebhook>(&list).await?;
                    let mut getting = Vec::new();
                    for webhook in found {
                        let stopped = self.stopped(&webhook, None).await?;
                        self.note_stop(&webhook, stopped).await?;
                        // A user disables a webhook, and the operator suspends an account. A key can end unnoticed.
                        if matches!(stopped, None | Some(Stopped::KeyInactive)) {
                            getting.push((webhook.value, stopped));
                        }
                    }
                    known.insert(account.clone(), getting);
                }
                for (webhook, stopped) in known.get(&account).into_iter().flatten() {
                    let is_own = entry.target.kind == "webhook" && entry.target.id == webhook.id;
                    if webhook.wants(event.kind) && webhook.since < entry.number && !is_own {
                        writes.extend(planned(webhook, &event.id, event.kind, event.payload(), self.now(), *stopped)?);
                    }
                }
            }
        }
        let next = EventCursor { number: last, ..cursor.value.clone() };
        writes.push(cursor.replace(&next)?);
        // On a conflict, another node has published them.
        self.write_quietly(&writes).await?;
        Ok(entries.len())
    }
}

pub(super) fn planned(
    webhook: &StoredWebhook,
    event: &str,
    kind: EventKind,
    payload: String,
    now: Timestamp,
    stopped: Option<Stopped>,
) -> Result<Vec<Write>, ManagementError> {
    let mut delivery = StoredDelivery {
        id: format!("{event}.{}", webhook.id),
        webhook: webhook.id.clone(),
        account: webhook.account.clone(),
        event: event.to_owned(),
        kind,
        payload,
        created_at: now,
        state: DeliveryState::Pending,
        failures: 0,
        next_attempt_at: Some(now),
        attempts: Vec::new(),
    };
    if let Some(stopped) = stopped {
        (delivery.state, delivery.next_attempt_at) = (DeliveryState::NotSent, None);
        delivery.attempts.push(Answer::not_sent(stopped.reason(), now).attempt);
        return Ok(vec![delivery.insert()?]);
    }
    Ok(vec![delivery.insert()?, delivery.due(now).insert()?])
}
