//! Lists as tables for people.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use keyward_client::{Account, AuditEntry, Invitation, Key, Member, Plan, Session, UsageDay, VersionedUser};
use keyward_core::Timestamp;
use keyward_core::store::NodeStates;

/// A table without lines.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

pub(crate) fn keys(keys: &[Key]) -> String {
    let mut table = table();
    table.set_header(["ID", "NAME", "HINT", "STATUS", "KIND", "MODE", "SCOPES", "CREATED", "LAST USED", "EXPIRES"]);
    for key in keys {
        table.add_row([
            key.id.to_string(),
            key.name.clone(),
            key.hint.to_string(),
            key.status.to_string(),
            key.kind.to_string(),
            key.mode.to_string(),
            key.scopes.to_string(),
            day(Some(key.created_at), "-"),
            day(key.last_used_at, "never"),
            day(key.expires_at, "never"),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn nodes(states: &NodeStates) -> String {
    let mut table = table();
    table.set_header(["NODE", "BEHIND", "LEASE", "RENEWALS"]);
    for state in &states.nodes {
        table.add_row([
            state.node.to_string(),
            states.newest.number.saturating_sub(state.applied).to_string(),
            format!("{:?}", state.lease),
            state.renewals.to_string(),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn usage(days: &[UsageDay]) -> String {
    let mut table = table();
    table.set_header(["DAY", "KEY", "OUTCOME", "TIMES"]);
    for counted in days {
        table.add_row([
            day(Some(counted.day), "-"),
            counted.key.to_string(),
            counted.outcome.clone(),
            counted.times.to_string(),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn accounts(accounts: &[Account]) -> String {
    let mut table = table();
    table.set_header(["ID", "NAME", "ROLE", "PLAN", "SUSPENDED"]);
    for account in accounts {
        table.add_row([
            account.id.to_string(),
            account.name.clone(),
            account.role.map_or_else(|| "-".to_owned(), |role| role.to_string()),
            account.plan.clone().unwrap_or_else(|| "-".to_owned()),
            day(account.suspended_at, "no"),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn members(members: &[Member]) -> String {
    let mut table = table();
    table.set_header(["USER", "E-MAIL", "NAME", "ROLE", "SINCE", "LAST SIGN-IN"]);
    for member in members {
        table.add_row([
            member.user.id.to_string(),
            member.user.email.clone(),
            member.user.name.clone(),
            member.role.to_string(),
            day(Some(member.created_at), "-"),
            day(member.user.last_sign_in_at, "never"),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn invitations(invitations: &[Invitation]) -> String {
    let mut table = table();
    table.set_header(["INVITATION", "ACCOUNT", "E-MAIL", "ROLE", "INVITED BY", "EXPIRES"]);
    for invitation in invitations {
        table.add_row([
            invitation.id.clone(),
            invitation.account_name.clone(),
            invitation.email.clone(),
            invitation.role.to_string(),
            invitation.invited_by.id.clone(),
            day(Some(invitation.ends_at), "-"),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn plans(plans: &[Plan]) -> String {
    let mut table = table();
    table.set_header(["PLAN", "KEYS", "DESCRIPTION"]);
    for plan in plans {
        let limit = plan.key_limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
        table.add_row([plan.name.clone(), limit, plan.description.clone()]);
    }
    table.trim_fmt()
}

pub(crate) fn audit_log(entries: &[AuditEntry]) -> String {
    let mut table = table();
    table.set_header(["NUMBER", "AT", "ACTOR", "ACTION", "OUTCOME", "TARGET", "ADDRESS"]);
    for entry in entries {
        table.add_row([
            entry.number.to_string(),
            entry.at.to_string(),
            format!("{} {}", entry.actor.kind, entry.actor.id),
            entry.action.clone(),
            entry.outcome.to_string(),
            format!("{} {}", entry.target.kind, entry.target.id),
            entry.address.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn users(users: &[VersionedUser]) -> String {
    let mut table = table();
    table.set_header(["USER", "E-MAIL", "NAME", "SINCE", "LAST SIGN-IN", "DISABLED"]);
    for user in users {
        table.add_row([
            user.id.to_string(),
            user.email.clone(),
            user.name.clone(),
            day(Some(user.created_at), "-"),
            day(user.last_sign_in_at, "never"),
            day(user.disabled_at, "no"),
        ]);
    }
    table.trim_fmt()
}

pub(crate) fn sessions(sessions: &[Session]) -> String {
    let mut table = table();
    table.set_header(["SINCE", "LAST SEEN", "ADDRESS", "CLIENT"]);
    for session in sessions {
        table.add_row([
            session.created_at.to_string(),
            session.last_seen_at.to_string(),
            session.address.clone().unwrap_or_else(|| "-".to_owned()),
            session.user_agent.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.trim_fmt()
}

fn day(at: Option<Timestamp>, none: &str) -> String {
    at.map_or_else(|| none.to_owned(), |at| at.to_string().chars().take(10).collect())
}
