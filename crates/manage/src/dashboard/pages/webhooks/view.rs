use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use keyward_api_types::EventKind;
use keyward_core::Timestamp;

use crate::actor::ActorName;
use crate::dashboard::error::{FormErrors, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::text::When;
use crate::service::{WebhookState, WebhookView};

pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) description: String,
    pub(super) events: Vec<&'static str>,
    pub(super) state: &'static str,
    pub(super) lacks_key: bool,
    pub(super) stopped_since: Option<When>,
    pub(super) is_suspended: bool,
    pub(super) created_by: Option<String>,
    pub(super) responsible: Option<String>,
    pub(super) is_enabled: bool,
    pub(super) disabled_reason: Option<String>,
    pub(super) failing_since: Option<When>,
    pub(super) previous_ends: Option<When>,
    pub(super) created: When,
    pub(super) version: u64,
}

impl Webhook {
    pub(super) fn of(webhook: &WebhookView, now: Timestamp) -> Self {
        Self {
            id: webhook.id.clone(),
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            events: webhook.events.iter().map(|kind| kind.as_str()).collect(),
            state: webhook.state.as_str(),
            lacks_key: webhook.state == WebhookState::KeyInactive,
            stopped_since: When::maybe(webhook.stopped_since, now),
            is_suspended: webhook.state == WebhookState::AccountSuspended,
            created_by: webhook.created_by.as_ref().map(name),
            responsible: webhook.responsible.as_ref().map(name),
            is_enabled: webhook.enabled,
            disabled_reason: webhook.disabled_reason.clone(),
            failing_since: When::maybe(webhook.failing_since, now),
            previous_ends: When::maybe(webhook.previous_secret_ends_at, now),
            created: When::at(webhook.created_at, now),
            version: webhook.version,
        }
    }

    /// Returns the class of the badge.
    pub(super) fn badge(&self) -> &'static str {
        if self.lacks_key || self.is_suspended { "failing" } else { self.state }
    }
}

fn name(actor: &ActorName) -> String {
    format!("{} {}", actor.kind, actor.id)
}

pub(super) struct EventChoice {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) is_chosen: bool,
}

pub(super) struct EventGroup {
    pub(super) label: &'static str,
    pub(super) events: Vec<EventChoice>,
}

/// The events to choose from. A test is sent on request only. Customers get no events about the whole server.
pub(super) fn event_groups(member: &AtAccount, is_chosen: impl Fn(&str) -> bool) -> Vec<EventGroup> {
    let is_operator = member.account.id == *member.management().operator();
    let choice = |kind: &EventKind| EventChoice {
        name: kind.as_str(),
        meaning: kind.meaning(),
        is_chosen: is_chosen(kind.as_str()),
    };
    let groups = words::webhooks::EVENT_GROUPS.iter().map(|(label, is_of_server, subjects)| {
        let kinds = EventKind::ALL
            .iter()
            .filter(|kind| **kind != EventKind::WebhookTest && subjects.contains(&subject(**kind)));
        let events: Vec<EventChoice> = kinds.map(choice).collect();
        (*is_of_server, EventGroup { label, events })
    });
    let is_offered = |is_of_server: bool, group: &EventGroup| {
        !is_of_server || is_operator || group.events.iter().any(|event| event.is_chosen)
    };
    groups.filter(|(is_of_server, group)| is_offered(*is_of_server, group)).map(|(_, group)| group).collect()
}

fn subject(kind: EventKind) -> &'static str {
    kind.as_str().split('.').next().unwrap_or_default()
}

pub(super) fn chosen_events(form: &Form) -> Vec<EventKind> {
    EventKind::ALL.iter().copied().filter(|kind| form.all("event").any(|sent| sent == kind.as_str())).collect()
}

/// Checks what the form has as text.
pub(super) fn check_fields(member: &AtAccount, form: &Form) -> Result<(), Refused> {
    let (url, description) = (form.get("url").trim(), form.get("description"));
    let mut errors = FormErrors::default();
    errors.add_all(&member.management().wrong_fields_of_webhook(&member.account.id, url, description)?);
    Ok(errors.none()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_in_one_group() {
        for kind in EventKind::ALL {
            let groups =
                words::webhooks::EVENT_GROUPS.iter().filter(|(_, _, subjects)| subjects.contains(&subject(*kind)));
            assert_eq!(groups.count(), 1, "{kind}");
        }
    }
}
