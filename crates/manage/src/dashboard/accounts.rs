//! The accounts of the whole deployment, for the operator: to look at any of them.

use askama::Template;
use axum::response::Response;

use super::failure::Failure;
use super::form;
use super::member::Member;
use super::page::Frame;
use super::text::When;
use crate::desk::PageRequest;

struct Row {
    id: String,
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

pub(super) async fn page(member: Member) -> Result<Response, Failure> {
    let query = member.visitor.query();
    let (desk, text) = (member.desk(), query.get("q").trim().to_owned());
    let (found, next) = if text.is_empty() {
        let after = Some(query.get("after").to_owned()).filter(|after| !after.is_empty());
        let page = desk.accounts(&member.actor, &PageRequest { after, ..PageRequest::default() }).await?;
        (page.items, page.next)
    } else {
        (desk.find_accounts(&member.actor, &text).await?, None)
    };
    let now = desk.now();
    let row = |account: crate::records::Versioned<crate::records::Account>| Row {
        id: account.id.to_string(),
        plan: account.plan.as_ref().map(ToString::to_string),
        // Those that were made beside the desk have no beginning here.
        since: Some(account.created_at).filter(|at| at.as_millis() > 0).map(|at| When::at(at, now)),
        is_suspended: account.suspended_at.is_some(),
        is_current: account.id == member.account.id,
        name: account.value.name,
    };
    let accounts = found.into_iter().map(row).collect();
    let next = next.map(|next| form::query("after", &next));
    Ok(member.page("Accounts", |frame| AccountsPage { frame, accounts, text, next }))
}
