//! The accounts of the whole deployment, for the operator: to look at any of them.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::failure::Failure;
use super::form;
use super::member::{Member, account_path};
use super::page::Frame;
use super::text::When;
use crate::error::ManagementError;
use crate::service::PageRequest;

struct Row {
    id: String,
    /// The path of its keys.
    path: String,
    name: String,
    plan: Option<String>,
    since: Option<When>,
    is_suspended: bool,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "dashboard/accounts.html")]
struct AccountsPage {
    frame: Frame,
    accounts: Vec<Row>,
    text: String,
    next: Option<String>,
}

/// Goes to another account: where a menu of accounts leads.
pub(super) async fn switch(member: Member) -> Result<Response, Failure> {
    let query = member.visitor.query();
    let id = query.get("account").parse().map_err(|_| ManagementError::NotFound("account"))?;
    Ok(member.visitor.go(&account_path(&id, "/keys")))
}

/// Goes from a path that names no account to the page about the account that somebody looked at last: `/keys` is in many links.
pub(super) async fn go_home(member: Member) -> Result<Response, Failure> {
    // A user who belongs to no account may be invited to one.
    let Some((home, _)) = member.home() else { return Ok(member.visitor.go("/invitations")) };
    Ok(member.visitor.go_on(&account_path(&home.id, &member.visitor.path)))
}

/// Goes from a key's page without an account to the one with its account.
pub(super) async fn go_to_key(member: Member, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = id.parse().map_err(|_| ManagementError::NotFound("key"))?;
    let key = member.management().key(&member.actor, &id).await?;
    Ok(member.visitor.go_on(&account_path(&key.account, &member.visitor.path)))
}

pub(super) async fn page(member: Member) -> Result<Response, Failure> {
    let query = member.visitor.query();
    let (management, text) = (member.management(), query.get("q").trim().to_owned());
    let (found, next) = if text.is_empty() {
        let after = Some(query.get("after").to_owned()).filter(|after| !after.is_empty());
        let page = management.accounts(&member.actor, &PageRequest { after, ..PageRequest::default() }).await?;
        (page.items, page.next)
    } else {
        (management.find_accounts(&member.actor, &text).await?, None)
    };
    let now = management.now();
    let row = |account: crate::records::Versioned<crate::records::Account>| Row {
        id: account.id.to_string(),
        path: account_path(&account.id, "/keys"),
        plan: account.plan.as_ref().map(ToString::to_string),
        // Those that were made beside the management service have no beginning here.
        since: Some(account.created_at).filter(|at| at.as_millis() > 0).map(|at| When::at(at, now)),
        is_suspended: account.suspended_at.is_some(),
        is_current: member.home().is_some_and(|(home, _)| home.id == account.id),
        name: account.value.name,
    };
    let accounts = found.into_iter().map(row).collect();
    let next = next.map(|next| form::query("after", &next));
    Ok(member.page("Accounts", |frame| AccountsPage { frame, accounts, text, next }))
}
