//! What is set for an account.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::failure::{Failure, Wrong};
use super::form::Form;
use super::member::AtAccount;
use super::page::Frame;
use super::web::SignedInForm;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::AccountUpdate;

#[derive(Template)]
#[template(path = "dashboard/account.html")]
struct AccountPage {
    frame: Frame,
    name: String,
    id: String,
    version: u64,
    plan: Option<String>,
    may_write: bool,
    wrong: Option<Wrong>,
}

fn show(member: &AtAccount, status: StatusCode, form: &Form, wrong: Option<Wrong>) -> Response {
    let account = &member.account;
    let name = if form.has("account_name") { form.get("account_name").to_owned() } else { account.name.clone() };
    member.page_with(status, "Account", |frame| AccountPage {
        frame,
        name,
        id: account.id.to_string(),
        version: account.version,
        plan: account.plan.as_ref().map(ToString::to_string),
        may_write: member.may(&scopes::ACCOUNTS_WRITE),
        wrong,
    })
}

pub(super) async fn page(member: AtAccount) -> Response {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None)
}

pub(super) async fn change(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, Failure> {
    let version = form.get("version").parse().unwrap_or(0);
    let update = AccountUpdate { name: Some(form.get("account_name").to_owned()), ..AccountUpdate::default() };
    match member.management().update_account(&member.actor, &member.account.id, &update, version).await {
        Ok(_) => Ok(member.redirect_with_flash("/settings", "account")),
        Err(error @ (ManagementError::Invalid { .. } | ManagementError::Stale)) => {
            Ok(show(&member, error.status(), &form, Some(Wrong::from(&error))))
        }
        Err(error) => Err(error.into()),
    }
}
