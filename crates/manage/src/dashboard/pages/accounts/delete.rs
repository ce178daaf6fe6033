//! The operator deletes an account, and types its id first.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::dashboard::error::{FieldError, PageError};
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::text::number;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;

#[derive(Template)]
#[template(path = "dashboard/accounts/delete.html")]
struct DeletePage {
    frame: Frame,
    name: String,
    id: String,
    version: u64,
    ends: String,
    typed: String,
    error: Option<FieldError>,
}

async fn show(
    member: &AtAccount,
    status: StatusCode,
    typed: &str,
    error: Option<FieldError>,
) -> Result<Response, PageError> {
    let account = &member.account;
    let contents = member.management().account_contents(&member.actor, &account.id).await?;
    let (keys, members) = (counted(contents.keys, "key"), counted(contents.members, "member"));
    let webhooks = counted(contents.webhooks, "webhook");
    Ok(member.page_with(status, "Delete an account", |frame| DeletePage {
        frame,
        name: account.name.clone(),
        id: account.id.to_string(),
        version: account.version,
        ends: format!("{keys}, {members} and {webhooks}"),
        typed: typed.to_owned(),
        error,
    }))
}

fn counted(count: u64, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        count => format!("{} {what}s", number(count)),
    }
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
        let text = format!("Type the id of the account, {}, to delete it.", member.account.id);
        let error = FieldError { field: "account_id", text };
        return show(&member, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(error)).await;
    }
    let version = form.get("version").parse().unwrap_or(0);
    let (management, actor, id) = (member.management().clone(), member.actor.clone(), member.account.id.clone());
    Management::run_to_completion(async move { management.delete_account(&actor, &id, version).await }).await?;
    Ok(member.visitor.redirect_with_flash("/accounts", "account-deleted"))
}
