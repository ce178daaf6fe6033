use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::AccountId;

use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::account_path;
use crate::dashboard::member::Member;
use crate::dashboard::once::{self, RevealedSecret};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/accounts/create.html")]
struct NewPage {
    frame: Frame,
    form_id: String,
    name: String,
    error: Option<FormErrors>,
}

fn show(member: &Member, status: StatusCode, form: &Form, error: Option<FormErrors>) -> Result<Response, PageError> {
    let form_id = once::new_form()?;
    let name = form.get("account_name").to_owned();
    Ok(member.page_with(status, words::accounts::CREATE_AN_ACCOUNT, |frame| NewPage { frame, form_id, name, error }))
}

pub(super) async fn page(member: Member) -> Result<Response, PageError> {
    member.operator_rights()?.require(&scopes::ACCOUNTS_WRITE)?;
    show(&member, StatusCode::OK, &member.visitor.query(), None)
}

pub(super) async fn create(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    member.operator_rights()?.require(&scopes::ACCOUNTS_WRITE)?;
    let (management, actor, name) =
        (member.management().clone(), member.actor.clone(), form.get("account_name").to_owned());
    let create = async move { Ok(management.create_account(&actor, &name).await?.value.id) };
    match once::once::<AccountId, _>(&member, &form, create).await {
        Ok(RevealedSecret::Now(id) | RevealedSecret::Before(id)) => {
            Ok(member.visitor.redirect_with_flash(&account_path(&id, "/members"), "account-created"))
        }
        Err(error @ ManagementError::Invalid { .. }) => {
            show(&member, error.status(), &form, Some(FormErrors::from(&error)))
        }
        Err(error) => Err(error.into()),
    }
}
