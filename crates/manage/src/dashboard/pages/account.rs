use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::dashboard::app::Route;
use crate::dashboard::error::{FieldError, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::site_map::Menu;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::AccountUpdate;

pub(super) fn routes() -> Vec<Route> {
    let path = "/accounts/{account}/settings";
    vec![Route::page(path, page).post(change).menu(Menu::Account, "Account", None).destination()]
}

#[derive(Template)]
#[template(path = "dashboard/account/account.html")]
struct AccountPage {
    frame: Frame,
    name: String,
    id: String,
    version: u64,
    plan: Option<String>,
    may_write: bool,
    error: Option<FieldError>,
}

fn show(member: &AtAccount, status: StatusCode, form: &Form, error: Option<FieldError>) -> Response {
    let account = &member.account;
    let name = if form.has("account_name") { form.get("account_name").to_owned() } else { account.name.clone() };
    member.page_with(status, "Account", |frame| AccountPage {
        frame,
        name,
        id: account.id.to_string(),
        version: account.version,
        plan: account.plan.as_ref().map(ToString::to_string),
        may_write: member.may(&scopes::ACCOUNTS_WRITE),
        error,
    })
}

async fn page(member: AtAccount) -> Response {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None)
}

async fn change(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let version = form.get("version").parse().unwrap_or(0);
    let update = AccountUpdate { name: Some(form.get("account_name").to_owned()), ..AccountUpdate::default() };
    match member.management().update_account(&member.actor, &member.account.id, &update, version).await {
        Ok(_) => Ok(member.redirect_with_flash("/settings", "account")),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::Stale)) => {
            Ok(show(&member, error.status(), &form, Some(FieldError::from(&error))))
        }
        Err(error) => Err(error.into()),
    }
}
