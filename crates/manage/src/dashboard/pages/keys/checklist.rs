//! The first steps of an account, which tick themselves.

use axum::response::Response;

use crate::dashboard::cookies;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::member::AtAccount;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::PageRequest;

const YEAR: i64 = 365 * 24 * 3_600;

pub(super) struct Step {
    pub(super) label: &'static str,
    pub(super) path: &'static str,
    pub(super) help: &'static str,
    pub(super) is_done: bool,
}

/// Empty if every step is done, or the user has hidden the list.
pub(super) async fn steps(member: &AtAccount, has_key: bool, has_call: bool) -> Result<Vec<Step>, ManagementError> {
    if member.visitor.cookies.get(cookies::CHECKLIST) == "hidden" {
        return Ok(Vec::new());
    }
    let mut steps = vec![
        Step {
            label: "Create a key",
            path: "/keys/new",
            help: "Your program sends it with each call.",
            is_done: has_key,
        },
        Step {
            label: "Make a call",
            path: "/usage",
            help: "The page of a new key has commands to copy. Calls appear here within a minute.",
            is_done: has_call,
        },
    ];
    let (management, actor, account) = (member.management(), &member.actor, &member.account.id);
    if member.may(&scopes::MEMBERS_WRITE) {
        let two = PageRequest { limit: 2, ..PageRequest::default() };
        let is_done = management.members(actor, account, &two).await?.items.len() > 1
            || !management.invitations(actor, account, &two).await?.items.is_empty();
        steps.push(Step {
            label: "Invite a member",
            path: "/members",
            help: "If you lose access, another owner can help you.",
            is_done,
        });
    }
    #[cfg(feature = "webhooks")]
    if member.may(&scopes::WEBHOOKS_WRITE) {
        let expiring = keyward_api_types::EventKind::KeyExpiring;
        let webhooks = management.webhooks(actor, account).await?;
        let is_done = webhooks.iter().any(|webhook| webhook.events.is_empty() || webhook.events.contains(&expiring));
        steps.push(Step {
            label: "Set up expiry notices",
            path: "/webhooks",
            help: "A webhook tells your program 7 days and 1 day before a key expires.",
            is_done,
        });
    }
    Ok(if steps.iter().all(|step| step.is_done) { Vec::new() } else { steps })
}

pub(super) async fn hide(SignedInForm { at: member, .. }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let mut response = member.visitor.go(&member.path("/keys"));
    member.visitor.cookies.set(&mut response, cookies::CHECKLIST, "hidden", Some(YEAR));
    Ok(response)
}
