use askama::Template;
use axum::response::Response;

use crate::dashboard::app::Route;
use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::account_path;
use crate::dashboard::member::Member;
use crate::dashboard::site_map::Menu;
use crate::dashboard::text::When;
use crate::error::ManagementError;
use crate::records::{Account, Versioned};
use crate::role::scopes;
use crate::service::PageRequest;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts", page).menu(Menu::Operator, "Accounts", scopes::ACCOUNTS_READ).destination(),
        Route::page("/account", switch),
    ]
}

struct Row {
    id: String,
    path: String,
    name: String,
    plan: Option<String>,
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
}

async fn switch(member: Member) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let id = query.get("account").parse().map_err(|_| ManagementError::NotFound("account"))?;
    Ok(member.visitor.go(&account_path(&id, "/keys")))
}

async fn page(member: Member) -> Result<Response, PageError> {
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
    let row = |account: Versioned<Account>| Row {
        id: account.id.to_string(),
        path: account_path(&account.id, "/keys"),
        plan: account.plan.as_ref().map(ToString::to_string),
        // An account that another program created has no time of creation here.
        since: Some(account.created_at).filter(|at| at.as_millis() > 0).map(|at| When::at(at, now)),
        is_suspended: account.suspended_at.is_some(),
        is_current: member.home().is_some_and(|(home, _)| home.id == account.id),
        name: account.value.name,
    };
    let accounts = found.into_iter().map(row).collect();
    let next = next.map(|next| form::query("after", &next));
    Ok(member.page("Accounts", |frame| AccountsPage { frame, accounts, text, next }))
}
