use askama::Template;
use axum::response::Response;
use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{AccountId, Scope, Timestamp};

use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::account_path;
use crate::dashboard::member::Member;
use crate::dashboard::text::{When, number};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::records::{Account, Versioned};
use crate::role::scopes;
use crate::service::PageRequest;

struct Row {
    id: String,
    path: String,
    name: String,
    plan: Option<String>,
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
    let (found, next) = if text.is_empty() {
        let after = query.filled("after");
        let page = management.accounts(&member.actor, &PageRequest { after, ..PageRequest::default() }).await?;
        (page.items, page.next)
    } else {
        (management.find_accounts(&member.actor, &text).await?, None)
    };
    let now = management.now();
    let may = |scope: &Scope| member.operates.as_ref().is_some_and(|rights| rights.allows(scope));
    let shows_keys = may(&scopes::KEYS_READ);
    let mut accounts = Vec::with_capacity(found.len());
    for account in found {
        let keys = if shows_keys { Some(active_keys(&member, &account.id).await?) } else { None };
        accounts.push(row(&member, account, keys, now));
    }
    let next = next.map(|next| form::query("after", &next));
    let may_create = may(&scopes::ACCOUNTS_WRITE);
    Ok(member.page(words::shared::ACCOUNTS, |frame| AccountsPage {
        frame,
        accounts,
        text,
        next,
        shows_keys,
        may_create,
    }))
}

fn row(member: &Member, account: Versioned<Account>, keys: Option<String>, now: Timestamp) -> Row {
    Row {
        id: account.id.to_string(),
        path: account_path(&account.id, "/keys"),
        plan: account.plan.as_ref().map(ToString::to_string),
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
