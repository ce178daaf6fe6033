//! The last entries about a key, on its page.

use super::names::Names;
use super::sentences::{Part, sentence};
use crate::dashboard::form;
use crate::dashboard::member::AtKey;
use crate::dashboard::text::When;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{AuditSearch, Outcome};

const SHOWN: usize = 10;

pub(in crate::dashboard) struct Events {
    pub(in crate::dashboard) events: Vec<Event>,
    /// The filter for all entries about the key.
    pub(in crate::dashboard) filter: String,
    /// Whether older entries were not searched.
    pub(in crate::dashboard) has_more: bool,
}

pub(in crate::dashboard) struct Event {
    pub(in crate::dashboard) at: When,
    pub(in crate::dashboard) sentence: Vec<Part>,
    pub(in crate::dashboard) outcome: Option<&'static str>,
}

/// `None` if the user may not read the audit log.
pub(in crate::dashboard) async fn events_of_key(member: &AtKey) -> Result<Option<Events>, ManagementError> {
    if !member.may(&scopes::AUDIT_READ) {
        return Ok(None);
    }
    let search = AuditSearch {
        account: Some(member.account.id.clone()),
        target_kind: Some("key".to_owned()),
        target: Some(member.id().to_string()),
        from: Some(member.key.created_at),
        limit: SHOWN,
        most_read: 500,
        ..AuditSearch::default()
    };
    let found = member.management().search_audit_log(&member.actor, &search).await?;
    let mut names = Names::with_links(member);
    names.learn(member, &found.entries).await?;
    let now = member.management().now();
    let events = found.entries.iter().map(|entry| Event {
        at: When::at(entry.at, now),
        sentence: sentence(entry, &names),
        outcome: (entry.outcome != Outcome::Done).then(|| entry.outcome.as_str()),
    });
    Ok(Some(Events {
        events: events.collect(),
        filter: form::query("target", &format!("key:{}", member.id())),
        has_more: found.next.is_some(),
    }))
}
