use std::sync::Arc;
use std::time::Duration;

use super::Event;
use crate::error::ManagementError;
use crate::records::{Entity as _, EventCursor, Versioned};
use crate::service::Management;

pub(crate) type EventHook = Arc<dyn Fn(&Event) + Send + Sync>;

const ID: &str = "hook";
const BATCH: usize = 20;
/// Longer than a hook should take for a batch.
const HOLD: Duration = Duration::from_secs(60);

impl Management {
    /// Calls the hook for the next events, on one node at a time. Returns the number of audit entries that were read.
    pub(in crate::service) async fn call_hook(&self) -> Result<usize, ManagementError> {
        let Some(hook) = &self.0.on_event else { return Ok(0) };
        let Some(cursor) = self.get::<EventCursor>(ID).await? else {
            let number = self.last_entry_number().await?;
            let first = EventCursor { id: ID.to_owned(), number, held_until: None };
            // On a conflict, another node has begun.
            self.write_quietly(&[first.insert()?]).await?;
            return Ok(0);
        };
        if cursor.held_until.is_some_and(|until| until > self.now()) {
            return Ok(0);
        }
        let entries = self.entries_after(cursor.number, BATCH).await?;
        let Some(last) = entries.last().map(|entry| entry.number) else { return Ok(0) };
        let held = EventCursor { held_until: Some(self.now().saturating_add(HOLD)), ..cursor.value.clone() };
        if !self.write_quietly(&[cursor.replace(&held)?]).await? {
            return Ok(0);
        }
        for event in entries.iter().filter_map(Event::of_entry) {
            let (hook, id) = (Arc::clone(hook), event.id.clone());
            // A hook may block, and a panic must not end the worker.
            if let Err(error) = tokio::task::spawn_blocking(move || hook(&event)).await {
                tracing::error!(%error, event = %id, "the hook for events panicked: the event is not repeated");
            }
        }
        let held = Versioned { value: held, version: cursor.version + 1 };
        let next = EventCursor { number: last, held_until: None, ..held.value.clone() };
        // On a conflict, the hook took longer than the hold. Another node repeats the events.
        self.write_quietly(&[held.replace(&next)?]).await?;
        Ok(entries.len())
    }
}
