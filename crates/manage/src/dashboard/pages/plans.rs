//! The plans, and the limits, lifetimes and scopes of each.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use keyward_core::ScopeSet;
use keyward_limits::Subject;
use smol_str::SmolStr;

use super::keys::{Picker, read_scopes};
use super::lifetimes::{self, LifetimesCard};
use super::limits::{self, LimitsCard};
use crate::dashboard::app::{App, Route};
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::{self, Form};
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::in_path;
use crate::dashboard::member::Member;
use crate::dashboard::path_params::PathParams;
use crate::dashboard::site_map::Menu;
use crate::dashboard::text::number;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::records::{LifetimesOf, Plan, Versioned};
use crate::role::scopes;
use crate::scope_catalog::ScopeCatalog;
use crate::service::wrong_fields_of_plan;

const PLAN: &str = "/plans/{plan}";
const ANY: &str = "any";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/plans", list)
            .post(create)
            .menu(Menu::Operator, words::shared::PLANS, scopes::PLANS_READ)
            .destination()
            .asks_before(words::sign_in::CHANGE_PLANS),
        Route::page(PLAN, page).post(change).destination().asks_before(words::sign_in::CHANGE_PLANS),
        Route::page("/plans/{plan}/remove", confirm)
            .post(remove)
            .destination()
            .asks_before(words::sign_in::CHANGE_PLANS),
        Route::action("/plans/{plan}/limits", PLAN, change_limits).asks_before(words::sign_in::CHANGE_LIMITS),
        Route::action("/plans/{plan}/lifetimes", PLAN, change_lifetimes).asks_before(words::sign_in::CHANGE_LIFETIMES),
        Route::action("/plans/{plan}/scopes", PLAN, change_scopes).asks_before(words::sign_in::CHANGE_SCOPES_OF_A_PLAN),
    ]
}

struct NamedPlan(SmolStr);

impl FromRequestParts<App> for NamedPlan {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        Ok(Self(PathParams::of(parts, app).await.id::<String>("plan", "plan")?.into()))
    }
}

struct Row {
    path: String,
    name: String,
    description: String,
    key_limit: Option<String>,
    scopes: Option<String>,
    /// Empty without limits, or without a store of limits.
    limits: String,
    accounts: Option<Accounts>,
}

/// The accounts that have a plan.
struct Accounts {
    count: String,
    /// The query of the list that shows them, if the user may see it.
    query: Option<String>,
}

impl Accounts {
    /// `None` if the user may not count them.
    async fn of(member: &Member, plan: &str) -> Result<Option<Self>, ManagementError> {
        if !may_write(member) {
            return Ok(None);
        }
        let count = member.management().plan_accounts(&member.actor, plan).await?;
        let most = ManagementError::MOST_COUNTED;
        let lists = member.operator_rights()?.allows(&scopes::ACCOUNTS_READ) && count > 0;
        let count = words::plans::accounts(&number(count.min(most)), count > most);
        Ok(Some(Self { count, query: lists.then(|| form::query("plan", plan)) }))
    }
}

impl Row {
    fn of(plan: &Plan) -> Self {
        Self {
            path: path_of(&plan.name),
            name: plan.name.to_string(),
            description: plan.description.clone(),
            key_limit: plan.key_limit.map(|limit| number(limit.into())),
            scopes: plan.scopes.as_ref().map(ToString::to_string),
            limits: String::new(),
            accounts: None,
        }
    }
}

fn path_of(plan: &str) -> String {
    format!("/plans/{}", in_path(plan))
}

#[derive(Template)]
#[template(path = "dashboard/plans/list.html")]
struct PlansPage {
    frame: Frame,
    plans: Vec<Row>,
    may_write: bool,
    typed: Typed,
    error: Option<FormErrors>,
}

/// The fields of a form about a plan.
struct Typed {
    name: String,
    description: String,
    key_limit: String,
}

impl Typed {
    fn of(form: &Form, known: Option<&Plan>) -> Self {
        let limit = known.and_then(|plan| plan.key_limit).map(|limit| limit.to_string()).unwrap_or_default();
        Self {
            name: form.typed("name", known.map(|plan| plan.name.to_string()).unwrap_or_default()),
            description: form.typed("description", known.map(|plan| plan.description.clone()).unwrap_or_default()),
            key_limit: form.typed("key_limit", limit),
        }
    }
}

/// Reads a plan from a form. Only a new plan has its name there.
fn plan_of(form: &Form, name: &str) -> Result<Plan, Refused> {
    let mut errors = FormErrors::default();
    let key_limit = form.filled("key_limit").map(|text| {
        let message = |_| ManagementError::invalid("key_limit", words::plans::no_key_limit(&text));
        text.trim().parse().map_err(message)
    });
    let key_limit = errors.check(key_limit.transpose()).flatten();
    let plan = Plan { description: form.get("description").to_owned(), key_limit, ..Plan::new(name) };
    errors.add_all(&wrong_fields_of_plan(&plan)?);
    errors.sorted(&["name", "description", "key_limit"]).none()?;
    Ok(plan)
}

fn may_write(member: &Member) -> bool {
    member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::PLANS_WRITE))
}

/// The default account of a user who operates nothing has no rights over plans.
fn require(member: &Member) -> Result<(), ManagementError> {
    member.operator_rights()?.require(&scopes::PLANS_READ)
}

async fn list(member: Member) -> Result<Response, PageError> {
    show_list(&member, StatusCode::OK, &member.visitor.query(), None).await
}

async fn show_list(
    member: &Member,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    require(member)?;
    let plans = member.management().plans(&member.actor).await?;
    let mut rows = Vec::with_capacity(plans.len());
    for plan in &plans {
        let limits = match member.management().limits(&member.actor, &Subject::Plan(plan.name.clone())).await {
            Ok(limits) => limits::summary(&limits),
            Err(ManagementError::NotFound(_)) => String::new(),
            Err(error) => return Err(error.into()),
        };
        let accounts = Accounts::of(member, &plan.name).await?;
        rows.push(Row { limits, accounts, ..Row::of(plan) });
    }
    let (may_write, typed) = (may_write(member), Typed::of(form, None));
    Ok(member.page_with(status, words::shared::PLANS, |frame| PlansPage {
        frame,
        plans: rows,
        may_write,
        typed,
        error,
    }))
}

async fn create(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    require(&member)?;
    let created = async {
        let plan = plan_of(&form, form.get("name"))?;
        Ok::<_, Refused>(member.management().put_plan(&member.actor, plan, None).await?)
    };
    match created.await {
        Ok(plan) => Ok(member.visitor.redirect_with_flash(&path_of(&plan.name), "plan-created")),
        Err(refused) => {
            let is_shown = |error: &_| matches!(error, ManagementError::Invalid { .. } | ManagementError::Duplicate(_));
            let (status, errors) = refused.on_form(is_shown)?;
            show_list(&member, status, &form, errors).await
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/plans/details.html")]
struct PlanPage {
    frame: Frame,
    plan: Row,
    limits: Option<LimitsCard>,
    may_write: bool,
    typed: Typed,
    version: u64,
    lifetimes: Option<LifetimesCard>,
    picker: Picker,
    has_any_scope: bool,
    error: Option<FormErrors>,
}

async fn found(member: &Member, name: &str) -> Result<Versioned<Plan>, PageError> {
    require(member)?;
    let plans = member.management().plans(&member.actor).await?;
    Ok(plans.into_iter().find(|plan| plan.name == name).ok_or(ManagementError::NotFound("plan"))?)
}

async fn show(
    member: &Member,
    name: &SmolStr,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let found = found(member, name).await?;
    let plan = Row { accounts: Accounts::of(member, name).await?, ..Row::of(&found) };
    let (may_write, typed, version) = (may_write(member), Typed::of(form, Some(&found)), found.version);
    let subject = Subject::Plan(name.clone());
    let limits =
        LimitsCard::of(member, &subject, None, format!("{}/limits", plan.path), may_write, form, error.as_ref())
            .await?;
    let of = LifetimesOf::Plan(name.clone());
    let lifetimes =
        LifetimesCard::of(member, &of, format!("{}/lifetimes", plan.path), may_write, form, error.as_ref()).await?;
    let is_wrong = error.as_ref().is_some_and(|error| error.is_of("scopes"));
    let none = ScopeSet::default();
    let known = found.scopes.as_ref().unwrap_or(&none);
    let picker = Picker::new(member.scope_catalog(), form, Some(known)).marked(is_wrong);
    let has_any_scope = form.typed("scope_limit", if found.scopes.is_some() { "chosen" } else { ANY }) == ANY;
    let title = plan.name.clone();
    Ok(member.page_with(status, &title, |frame| PlanPage {
        frame,
        plan,
        limits,
        lifetimes,
        picker,
        has_any_scope,
        may_write,
        typed,
        version,
        error,
    }))
}

async fn page(member: Member, NamedPlan(name): NamedPlan) -> Result<Response, PageError> {
    let query = member.visitor.query();
    show(&member, &name, StatusCode::OK, &query, None).await
}

async fn change(
    NamedPlan(name): NamedPlan,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    require(&member)?;
    let version = form.get("version").parse().unwrap_or(0);
    let scopes = found(&member, &name).await?.value.scopes;
    let changed = async {
        let plan = Plan { scopes, ..plan_of(&form, &name)? };
        member.management().put_plan(&member.actor, plan, Some(version)).await?;
        Ok(())
    };
    answer(&member, &name, &form, changed.await, "plan-changed").await
}

/// Answers a form of the page of a plan.
async fn answer(
    member: &Member,
    name: &SmolStr,
    form: &Form,
    done: Result<(), Refused>,
    note: &str,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => Ok(member.visitor.redirect_with_flash(&path_of(name), note)),
        Err(refused) => {
            let (status, errors) = refused.on_edit()?;
            show(member, name, status, form, errors).await
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/plans/remove.html")]
struct RemovePage {
    frame: Frame,
    plan: Row,
    version: u64,
    /// A question about the accounts that have the plan, if any.
    in_use: Option<String>,
    error: Option<FormErrors>,
}

async fn confirm(member: Member, NamedPlan(name): NamedPlan) -> Result<Response, PageError> {
    show_removal(&member, &name, StatusCode::OK, None).await
}

async fn show_removal(
    member: &Member,
    name: &SmolStr,
    status: StatusCode,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let found = found(member, name).await?;
    let accounts = member.management().plan_accounts(&member.actor, name).await?;
    let most = ManagementError::MOST_COUNTED;
    let in_use = (accounts > 0).then(|| words::plans::remove_although(&number(accounts.min(most)), accounts > most));
    let (plan, version) = (Row::of(&found), found.version);
    Ok(member.page_with(status, words::plans::REMOVE_A_PLAN, |frame| RemovePage {
        frame,
        plan,
        version,
        in_use,
        error,
    }))
}

async fn remove(
    NamedPlan(name): NamedPlan,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    require(&member)?;
    let version = form.get("version").parse().unwrap_or(0);
    let removed = match form.get("force") {
        "1" => member.management().remove_used_plan(&member.actor, &name, version).await,
        _ => member.management().remove_plan(&member.actor, &name, version).await,
    };
    match removed {
        Ok(()) => Ok(member.visitor.redirect_with_flash("/plans", "plan-removed")),
        Err(error @ ManagementError::PlanInUse { .. }) => {
            show_removal(&member, &name, error.status(), Some(FormErrors::from(&error))).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn change_limits(
    NamedPlan(name): NamedPlan,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let put = limits::put(&member, &Subject::Plan(name.clone()), &form).await;
    answer(&member, &name, &form, put, "limits").await
}

async fn change_lifetimes(
    NamedPlan(name): NamedPlan,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let put = lifetimes::put(&member, &LifetimesOf::Plan(name.clone()), &form).await;
    answer(&member, &name, &form, put, "lifetimes").await
}

async fn change_scopes(
    NamedPlan(name): NamedPlan,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let known = found(&member, &name).await?.value;
    let version = form.get("version").parse().unwrap_or(0);
    let changed = async {
        let plan = Plan { scopes: scopes_of(&form, member.scope_catalog())?, ..known };
        member.management().put_plan(&member.actor, plan, Some(version)).await?;
        Ok(())
    };
    answer(&member, &name, &form, changed.await, "plan-changed").await
}

/// Without a choice, nothing is opened.
fn scopes_of(form: &Form, catalog: &ScopeCatalog) -> Result<Option<ScopeSet>, ManagementError> {
    if form.get("scope_limit") == ANY {
        return Ok(None);
    }
    if form.all("scope").next().is_none() && form.get("other_scopes").trim().is_empty() {
        return Err(ManagementError::invalid("scopes", words::plans::CHOOSE_A_SCOPE));
    }
    read_scopes(catalog, form).map(Some)
}
