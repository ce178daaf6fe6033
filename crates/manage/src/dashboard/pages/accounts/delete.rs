//! The operator deletes an account, and types its id first.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/accounts/delete.html")]
struct DeletePage {
    frame: Frame,
    name: String,
    id: String,
    version: u64,
    ends: String,
    typed: String,
    error: Option<FormErrors>,
}

async fn show(
    member: &AtAccount,
    status: StatusCode,
    typed: &str,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let account = &member.account;
    let contents = member.management().account_contents(&member.actor, &account.id).await?;
    Ok(member.page_with(status, words::accounts::DELETE_AN_ACCOUNT, |frame| DeletePage {
        frame,
        name: account.name.clone(),
        id: account.id.to_string(),
        version: account.version,
        ends: words::accounts::contents(contents.keys, contents.members, contents.webhooks),
        typed: typed.to_owned(),
        error,
    }))
}

fn require(member: &AtAccount) -> Result<(), ManagementError> {
    member.operator_rights()?.require(&scopes::DELETIONS_WRITE)
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    require(&member)?;
    show(&member, StatusCode::OK, "", None).await
}

pub(super) async fn delete(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    require(&member)?;
    let typed = form.get("account_id").trim();
    if typed != member.account.id.as_str() {
        let text = words::accounts::type_the_id(member.account.id.as_str());
        let error = FormErrors::of("account_id", text);
        return show(&member, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(error)).await;
    }
    let version = form.get("version").parse().unwrap_or(0);
    member.management().delete_account(&member.actor, &member.account.id, version).await?;
    Ok(member.visitor.redirect_with_flash("/accounts", "account-deleted"))
}
