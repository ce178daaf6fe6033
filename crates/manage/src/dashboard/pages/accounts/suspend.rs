//! The operator's changes: the plan of an account, and whether its keys are accepted.

use askama::Template;
use axum::response::Response;

use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::AccountUpdate;

#[derive(Template)]
#[template(path = "dashboard/accounts/suspend.html")]
struct SuspendPage {
    frame: Frame,
    name: String,
    version: u64,
}

fn require(member: &AtAccount) -> Result<(), ManagementError> {
    member.operator_rights()?.require(&scopes::PLANS_WRITE)
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    require(&member)?;
    let (name, version) = (member.account.name.clone(), member.account.version);
    Ok(member.page(words::accounts::SUSPEND_AN_ACCOUNT, |frame| SuspendPage { frame, name, version }))
}

pub(super) async fn suspend(at: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let update = AccountUpdate { suspended: Some(true), ..AccountUpdate::default() };
    change(at, update, "account-suspended").await
}

pub(super) async fn reinstate(at: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let update = AccountUpdate { suspended: Some(false), ..AccountUpdate::default() };
    change(at, update, "account-reinstated").await
}

pub(super) async fn change_plan(at: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let plan = at.form.filled("plan").map(Into::into);
    change(at, AccountUpdate { plan: Some(plan), ..AccountUpdate::default() }, "account-plan").await
}

async fn change(
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
    update: AccountUpdate,
    done: &str,
) -> Result<Response, PageError> {
    require(&member)?;
    let version = form.get("version").parse().unwrap_or(0);
    member.management().update_account(&member.actor, &member.account.id, &update, version).await?;
    Ok(member.redirect_with_flash("/settings", done))
}
