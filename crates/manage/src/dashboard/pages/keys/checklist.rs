//! The first steps of an account, which tick themselves.

use axum::response::Response;
use keyward_core::store::{KeyColumn, KeyOrder, KeyQuery};

use crate::dashboard::cookies;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::member::AtAccount;
use crate::dashboard::svg::SPARK_DAYS;
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

/// Empty if every step is done, or the user has hidden the list. `seen_call` is what the listed keys tell.
pub(super) async fn steps(member: &AtAccount, has_key: bool, seen_call: bool) -> Result<Vec<Step>, ManagementError> {
    if member.visitor.cookies.get(cookies::CHECKLIST) == "hidden" {
        return Ok(Vec::new());
    }
    let has_call = seen_call || (has_key && has_call(member).await?);
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
        // Mails about keys that expire go out by themselves.
        let is_done = management.sends_mail()
            || webhooks.iter().any(|webhook| webhook.events.is_empty() || webhook.events.contains(&expiring));
        steps.push(Step {
            label: words::keys::SET_UP_EXPIRY_NOTICES,
            path: "/webhooks",
            help: words::keys::A_WEBHOOK_TELLS_YOUR_PROGRAM,
            is_done,
        });
    }
    Ok(if steps.iter().all(|step| step.is_done) { Vec::new() } else { steps })
}

/// Whether a service reported the use of any key of the account.
async fn has_call(member: &AtAccount) -> Result<bool, ManagementError> {
    let management = member.management();
    let account = &member.account.id;
    let last_used = KeyQuery {
        account: Some(account.clone()),
        order: KeyOrder { column: KeyColumn::LastUsed, is_descending: true },
        limit: 1,
        now: management.now(),
        ..KeyQuery::default()
    };
    let keys = management.keys(&member.actor, &last_used).await?;
    if keys.items.iter().any(|key| key.last_used_at.is_some()) {
        return Ok(true);
    }
    Ok(member.may(&scopes::USAGE_READ)
        && !management.usage_totals(&member.actor, account, SPARK_DAYS).await?.is_empty())
}

pub(super) async fn hide(SignedInForm { at: member, .. }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let mut response = member.visitor.go(&member.path("/keys"));
    member.visitor.cookies.set(&mut response, cookies::CHECKLIST, "hidden", Some(YEAR));
    Ok(response)
}
