use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::AccountId;

use super::list::plan_choices;
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::account_path;
use crate::dashboard::member::Member;
use crate::dashboard::once::{self, RevealedSecret};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{AccountUpdate, check_name};

#[derive(Template)]
#[template(path = "dashboard/accounts/create.html")]
struct NewPage {
    frame: Frame,
    form_id: String,
    name: String,
    /// Empty for a user who may give no plan.
    plans: Vec<(String, bool)>,
    error: Option<FormErrors>,
}

async fn show(
    member: &Member,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let form_id = once::new_form()?;
    let name = form.get("account_name").to_owned();
    let plans = match member.operator_rights()?.allows(&scopes::PLANS_WRITE) {
        true => plan_choices(member, form.get("plan")).await?,
        false => Vec::new(),
    };
    let page = |frame| NewPage { frame, form_id, name, plans, error };
    Ok(member.page_with(status, words::accounts::CREATE_AN_ACCOUNT, page))
}

pub(super) async fn page(member: Member) -> Result<Response, PageError> {
    member.operator_rights()?.require(&scopes::ACCOUNTS_WRITE)?;
    show(&member, StatusCode::OK, &member.visitor.query(), None).await
}

pub(super) async fn create(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    member.operator_rights()?.require(&scopes::ACCOUNTS_WRITE)?;
    if form.filled("plan").is_some() {
        // A plan gives rights, and the account must not be left without it.
        member.require_recent_sign_in().await?;
    }
    match created(&member, &form).await {
        Ok(RevealedSecret::Now(id) | RevealedSecret::Before(id)) => {
            Ok(member.visitor.redirect_with_flash(&account_path(&id, "/members"), "account-created"))
        }
        Err(refused) => {
            let (status, errors) = refused.on_form(|error| matches!(error, ManagementError::Invalid { .. }))?;
            let errors = errors.map(|errors| errors.rename("name", "account_name"));
            show(&member, status, &form, errors).await
        }
    }
}

async fn created(member: &Member, form: &Form) -> Result<RevealedSecret<AccountId>, Refused> {
    let mut errors = FormErrors::default();
    let name = errors.check(check_name("name", form.get("account_name")));
    let plan = form.filled("plan");
    if let Some(plan) = &plan {
        member.operator_rights()?.require(&scopes::PLANS_WRITE)?;
        let plans = member.management().plans(&member.actor).await?;
        if !plans.iter().any(|known| known.name == *plan) {
            errors.add(&ManagementError::invalid("plan", words::accounts::no_such_plan(plan)));
        }
    }
    errors.none()?;
    let (management, actor, name) = (member.management().clone(), member.actor.clone(), name.unwrap_or_default());
    let create = async move {
        let account = management.create_account(&actor, &name).await?;
        if let Some(plan) = plan {
            let update = AccountUpdate { plan: Some(Some(plan.into())), ..AccountUpdate::default() };
            management.update_account(&actor, &account.id, &update, account.version).await?;
        }
        Ok(account.value.id)
    };
    Ok(once::once(member, form, create).await?)
}
