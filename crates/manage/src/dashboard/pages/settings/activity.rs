//! How the user signed in lately, and what changed about it.

use keyward_core::Timestamp;
use keyward_core::network::around;

use crate::dashboard::member::Member;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{AuditEntry, Outcome, device_name};

const SHOWN: usize = 20;

pub(super) struct Activity {
    pub(super) at: When,
    pub(super) text: String,
    pub(super) origin: String,
    pub(super) is_refused: bool,
}

impl Activity {
    pub(super) async fn of(member: &Member) -> Result<Vec<Self>, ManagementError> {
        let (management, now) = (member.management(), member.management().now());
        let entries = management.own_activity(&member.actor, SHOWN).await?;
        Ok(entries.into_iter().map(|entry| Self::new(member, &entry, now)).collect())
    }

    fn new(member: &Member, entry: &AuditEntry, now: Timestamp) -> Self {
        let is_refused = entry.outcome == Outcome::Refused;
        let times = entry.after.as_ref().and_then(|after| after["times"].as_u64()).unwrap_or(1);
        // A user who is not signed in has no name in the log.
        let is_own = entry.actor.id.is_empty() || entry.actor.id == member.user.id.as_str();
        let network =
            entry.address.as_ref().and_then(|address| address.parse().ok()).map(|address| around(address).to_string());
        let network = network.unwrap_or_else(|| words::settings::UNKNOWN_NETWORK.to_owned());
        let origin = match is_own {
            true => words::settings::device_from(&device_name(entry.user_agent.as_deref()), &network),
            // The address of an administrator is none of the user's business.
            false => words::settings::BY_AN_ADMINISTRATOR.to_owned(),
        };
        Self {
            at: When::at(entry.at, now),
            text: words::settings::activity(&entry.action, is_refused, times),
            origin,
            is_refused,
        }
    }
}
