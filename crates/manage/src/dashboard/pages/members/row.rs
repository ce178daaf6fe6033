use crate::dashboard::member::AtAccount;
use crate::dashboard::text::When;
use crate::role::scopes;
use crate::service::{MemberFactor, MemberView};

pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: &'static str,
    pub(super) chosen: &'static str,
    pub(super) since: When,
    pub(super) last_seen: Option<When>,
    pub(super) is_self: bool,
    pub(super) may_change: bool,
    pub(super) may_reset: bool,
    pub(super) may_remove_factor: bool,
    /// For those who manage members.
    pub(super) factor: Option<MemberFactor>,
    pub(super) version: u64,
}

pub(super) fn row(member: &AtAccount, view: MemberView, factor: Option<MemberFactor>) -> Row {
    let now = member.management().now();
    let may_write = member.may(&scopes::MEMBERS_WRITE);
    let may_change = may_write && member.rights.may_give(view.role);
    let is_self = member.actor.user() == Some(&view.user.id);
    Row {
        id: view.user.id.to_string(),
        may_change,
        may_remove_factor: may_change && !is_self && factor == Some(MemberFactor::On),
        factor,
        may_reset: may_change && !is_self && member.management().takes_passwords(),
        is_self,
        name: view.user.name,
        email: view.user.email,
        role: view.role.as_str(),
        chosen: view.role.as_str(),
        since: When::at(view.created_at, now),
        last_seen: When::maybe(view.user.last_sign_in_at, now),
        version: view.version,
    }
}
