use askama::Template;
use axum::response::Response;
use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{AccountId, Scope, Timestamp};

use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::{account_path, in_path};
use crate::dashboard::member::Member;
use crate::dashboard::text::{When, number};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::records::{Account, Versioned};
use crate::role::scopes;
use crate::service::{AccountSearch, MOST_COUNTED, invalid_cursor};

struct Row {
    id: String,
    path: String,
    name: String,
    plan: Option<String>,
    plan_path: String,
    /// Its active keys, if the user may see keys.
    keys: Option<String>,
    since: Option<When>,
    is_suspended: bool,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "dashboard/accounts/accounts.html")]
struct AccountsPage {
    frame: Frame,
    accounts: Vec<Row>,
    text: String,
    /// Each plan, and whether it is the chosen one. Empty without plans, or without the right to see them.
    plans: Vec<(String, bool)>,
    suspended_only: bool,
    is_filtered: bool,
    /// How many accounts there are, without a filter.
    total: Option<String>,
    next: Option<String>,
    shows_keys: bool,
    may_create: bool,
}

pub(super) async fn switch(member: Member) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let id = query.get("account").parse().map_err(|_| ManagementError::NotFound("account"))?;
    Ok(member.visitor.go(&account_path(&id, "/keys")))
}

pub(super) async fn page(member: Member) -> Result<Response, PageError> {
    member.operator_rights()?.require(&scopes::ACCOUNTS_READ)?;
    let query = member.visitor.query();
    let (management, text) = (member.management(), query.get("q").trim().to_owned());
    let plan = query.filled("plan");
    let suspended_only = query.get("suspended") == "1";
    let is_filtered = !text.is_empty() || plan.is_some() || suspended_only;
    let after = query.filled("after").map(|after| after.parse().map_err(|_| invalid_cursor())).transpose()?;
    // Also without a filter, because a search ends behind many deleted accounts.
    let search = AccountSearch { text: &text, plan: plan.as_deref(), suspended_only, after };
    let (found, next) = management.search_accounts(&member.actor, &search).await?;
    let total = if is_filtered { None } else { Some(management.count_accounts(&member.actor).await?) };
    let total = total.map(|(count, is_all)| words::accounts::total(count, MOST_COUNTED, is_all));
    let plans = plan_choices(&member, plan.as_deref().unwrap_or_default()).await?;
    let now = management.now();
    let may = |scope: &Scope| member.operates.as_ref().is_some_and(|rights| rights.allows(scope));
    let shows_keys = may(&scopes::KEYS_READ);
    let mut accounts = Vec::with_capacity(found.len());
    for account in found {
        let keys = if shows_keys { Some(active_keys(&member, &account.id).await?) } else { None };
        accounts.push(row(&member, account, keys, now));
    }
    let next = next.map(|next| form::joined(&query.without(&["after"]), &form::query("after", next.as_str())));
    let may_create = may(&scopes::ACCOUNTS_WRITE);
    Ok(member.page(words::shared::ACCOUNTS, |frame| AccountsPage {
        frame,
        accounts,
        suspended_only,
        is_filtered,
        total,
        text,
        plans,
        next,
        shows_keys,
        may_create,
    }))
}

/// A plan that the management service does not know may still be an account's.
pub(super) async fn plan_choices(member: &Member, chosen: &str) -> Result<Vec<(String, bool)>, ManagementError> {
    if !member.operator_rights()?.allows(&scopes::PLANS_READ) {
        return Ok(Vec::new());
    }
    let plans = member.management().plans(&member.actor).await?;
    let mut plans: Vec<(String, bool)> =
        plans.iter().map(|plan| (plan.name.to_string(), plan.name == chosen)).collect();
    if !chosen.is_empty() && !plans.iter().any(|(_, is_chosen)| *is_chosen) {
        plans.insert(0, (chosen.to_owned(), true));
    }
    Ok(plans)
}

fn row(member: &Member, account: Versioned<Account>, keys: Option<String>, now: Timestamp) -> Row {
    Row {
        id: account.id.to_string(),
        path: account_path(&account.id, "/keys"),
        plan: account.plan.as_ref().map(ToString::to_string),
        plan_path: account.plan.as_ref().map(|plan| format!("/plans/{}", in_path(plan))).unwrap_or_default(),
        keys,
        // An account that another program created has no time of creation here.
        since: Some(account.created_at).filter(|at| at.as_millis() > 0).map(|at| When::at(at, now)),
        is_suspended: account.suspended_at.is_some(),
        is_current: member.home().is_some_and(|(home, _)| home.id == account.id),
        name: account.value.name,
    }
}

async fn active_keys(member: &Member, account: &AccountId) -> Result<String, PageError> {
    let now = member.management().now();
    let (account, status) = (Some(account.clone()), Some(KeyStatus::Active));
    let query = KeyQuery { account, status, now, ..KeyQuery::default() };
    Ok(number(member.management().count_keys(&member.actor, &query).await?))
}
