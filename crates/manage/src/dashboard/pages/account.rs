use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_limits::Subject;

use super::lifetimes::{self, LifetimesCard};
use super::limits::{self, LimitsCard};
use crate::dashboard::app::Route;
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::site_map::Menu;
use crate::dashboard::text::{When, number};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::records::LifetimesOf;
use crate::role::{Role, scopes};
use crate::service::{AccountUpdate, MemberCount};

pub(super) fn routes() -> Vec<Route> {
    let path = "/accounts/{account}/settings";
    vec![
        Route::page(path, page).post(change).menu(Menu::Account, words::shared::ACCOUNT, None).destination(),
        Route::action("/accounts/{account}/second-factor", path, require_factor)
            .asks_before(words::sign_in::REQUIRE_A_SECOND_FACTOR),
        Route::action("/accounts/{account}/limits", path, change_limits).asks_before(words::sign_in::CHANGE_LIMITS),
        Route::action("/accounts/{account}/lifetimes", path, change_lifetimes)
            .asks_before(words::sign_in::CHANGE_LIFETIMES),
    ]
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
    operator: Option<OperatorCard>,
    may_delete: bool,
    suspended: Option<When>,
    requires_factor: bool,
    may_require_factor: bool,
    limits: Option<LimitsCard>,
    lifetimes: Option<LifetimesCard>,
    error: Option<FormErrors>,
}

/// Says how many members would lose access.
#[derive(Template)]
#[template(path = "dashboard/account/require_factor.html")]
struct RequireFactorPage {
    frame: Frame,
    lacking: String,
    all: String,
    without: usize,
    may_see_members: bool,
}

/// The operator's part of the page.
struct OperatorCard {
    plans: Vec<(String, bool)>,
    is_operators: bool,
}

async fn operator_card(member: &AtAccount) -> Result<Option<OperatorCard>, PageError> {
    if !member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::PLANS_WRITE)) {
        return Ok(None);
    }
    let known = member.account.plan.as_ref();
    let plans = member.management().plans(&member.actor).await?;
    let mut plans: Vec<(String, bool)> =
        plans.iter().map(|plan| (plan.name.to_string(), known == Some(&plan.name))).collect();
    // A program may have given the account a plan that the management service does not know.
    if let Some(known) = known.filter(|_| !plans.iter().any(|(_, is_chosen)| *is_chosen)) {
        plans.insert(0, (known.to_string(), true));
    }
    Ok(Some(OperatorCard { plans, is_operators: member.account.id == *member.management().operator() }))
}

fn may_delete(member: &AtAccount) -> bool {
    let is_operators = member.account.id == *member.management().operator();
    !is_operators && member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::DELETIONS_WRITE))
}

async fn show(
    member: &AtAccount,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let subject = Subject::Account(member.account.id.clone());
    let operates = member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::PLANS_WRITE));
    let limits = LimitsCard::of(
        member,
        &subject,
        Some(&member.account.id),
        "/limits".to_owned(),
        operates,
        form,
        error.as_ref(),
    )
    .await?;
    let lifetimes =
        LifetimesCard::of(member, &lifetimes_of(member), "/lifetimes".to_owned(), operates, form, error.as_ref())
            .await?;
    let operator = operator_card(member).await?;
    let requires_factor = member.management().requires_second_factor(&member.actor, &member.account.id).await?;
    let account = &member.account;
    let name = form.typed("account_name", &account.name);
    Ok(member.page_with(status, words::shared::ACCOUNT, |frame| AccountPage {
        frame,
        name,
        id: account.id.to_string(),
        version: account.version,
        plan: account.plan.as_ref().map(ToString::to_string),
        operator,
        may_delete: may_delete(member),
        suspended: When::maybe(account.suspended_at, member.management().now()),
        may_write: member.may(&scopes::ACCOUNTS_WRITE),
        requires_factor,
        may_require_factor: member.rights.may_give(Role::Owner),
        limits,
        lifetimes,
        error,
    }))
}

async fn page(member: AtAccount) -> Result<Response, PageError> {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None).await
}

async fn change(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let version = form.get("version").parse().unwrap_or(0);
    let update = AccountUpdate { name: Some(form.get("account_name").to_owned()), ..AccountUpdate::default() };
    match member.management().update_account(&member.actor, &member.account.id, &update, version).await {
        Ok(_) => Ok(member.redirect_with_flash("/settings", "account")),
        Err(error) => answer(&member, &form, error.into()).await,
    }
}

async fn answer(member: &AtAccount, form: &Form, refused: Refused) -> Result<Response, PageError> {
    let (status, errors) = refused.on_edit()?;
    show(member, status, form, errors).await
}

async fn members_without_factor(member: &AtAccount) -> Result<MemberCount, PageError> {
    match member.management().count_without_factor(&member.actor, &member.account.id).await {
        Ok(count) => Ok(count),
        // The account does not require one yet.
        Err(error @ ManagementError::SecondFactorMissing) => {
            let (title, text) = (words::accounts::SET_UP_YOUR_OWN, words::accounts::THEN_REQUIRE_ONE);
            let page = PageError::new(error.status(), title, text);
            Err(page.button("/settings/second-factor", words::errors::SET_UP_A_SECOND_FACTOR))
        }
        Err(error) => Err(error.into()),
    }
}

async fn require_factor(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let required = form.get("required") == "1";
    if required {
        let count = members_without_factor(&member).await?;
        // The owner has seen how many lose access. More than that are shown again.
        let seen = form.get("without").parse().unwrap_or(0);
        if count.without_factor > seen {
            return Ok(member.page(words::accounts::REQUIRE_A_SECOND_FACTOR, |frame| RequireFactorPage {
                frame,
                lacking: number(count.without_factor as u64),
                all: number(count.all as u64),
                without: count.without_factor,
                may_see_members: member.may(&scopes::MEMBERS_READ),
            }));
        }
    }
    member.management().require_second_factor(&member.actor, &member.account.id, required).await?;
    Ok(member.redirect_with_flash("/settings", if required { "factor-required" } else { "factor-optional" }))
}

async fn change_limits(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    let subject = Subject::Account(member.account.id.clone());
    match limits::put(&member, &subject, &form).await {
        Ok(()) => Ok(member.redirect_with_flash("/settings", "limits")),
        Err(refused) => answer(&member, &form, refused).await,
    }
}

fn lifetimes_of(member: &AtAccount) -> LifetimesOf {
    LifetimesOf::Account(member.account.id.clone())
}

async fn change_lifetimes(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    match lifetimes::put(&member, &lifetimes_of(&member), &form).await {
        Ok(()) => Ok(member.redirect_with_flash("/settings", "lifetimes")),
        Err(refused) => answer(&member, &form, refused).await,
    }
}
