//! The first steps of an account, which tick themselves.

use axum::response::Response;

use crate::dashboard::cookies;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
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
            label: words::keys::CREATE_A_KEY,
            path: "/keys/new",
            help: words::keys::YOUR_PROGRAM_SENDS_IT_WITH_EACH_CALL,
            is_done: has_key,
        },
        Step {
            label: words::keys::MAKE_A_CALL,
            path: "/usage",
            help: words::keys::THE_PAGE_OF_A_NEW,
            is_done: has_call,
        },
    ];
    let (management, actor, account) = (member.management(), &member.actor, &member.account.id);
    if member.may(&scopes::MEMBERS_WRITE) {
        let two = PageRequest { limit: 2, ..PageRequest::default() };
        let is_done = management.members(actor, account, &two).await?.items.len() > 1
            || !management.invitations(actor, account, &two).await?.items.is_empty();
        steps.push(Step {
            label: words::keys::INVITE_A_MEMBER,
            path: "/members",
            help: words::keys::IF_YOU_LOSE_ACCESS,
            is_done,
        });
    }
    #[cfg(feature = "webhooks")]
    if member.may(&scopes::WEBHOOKS_WRITE) {
        let expiring = keyward_api_types::EventKind::KeyExpiring;
        let webhooks = management.webhooks(actor, account).await?;
        let is_done = webhooks.iter().any(|webhook| webhook.events.is_empty() || webhook.events.contains(&expiring));
        steps.push(Step {
            label: words::keys::SET_UP_EXPIRY_NOTICES,
            path: "/webhooks",
            help: words::keys::A_WEBHOOK_TELLS_YOUR_PROGRAM,
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
