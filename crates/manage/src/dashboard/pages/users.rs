use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::id::UserId;

use crate::dashboard::app::Route;
use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::account_path;
use crate::dashboard::member::Member;
use crate::dashboard::path_params::NamedUser;
use crate::dashboard::site_map::Menu;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::records::{User, Versioned};
use crate::role::scopes;
use crate::service::{MOST_COUNTED, PageRequest};

const USER: &str = "/users/{id}";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/users", list).menu(Menu::Operator, words::shared::USERS, scopes::MEMBERS_READ).destination(),
        Route::page(USER, details).destination(),
        Route::action("/users/{id}/disable", USER, disable),
        Route::action("/users/{id}/enable", USER, enable).asks_before(words::sign_in::ENABLE_A_USER),
        Route::action("/users/{id}/second-factor/remove", USER, remove_factor)
            .asks_before(words::sign_in::REMOVE_A_SECOND_FACTOR),
        Route::page("/users/{id}/delete", confirm).post(delete).destination(),
    ]
}

struct Row {
    id: String,
    name: String,
    email: String,
    since: When,
    last_seen: Option<When>,
    is_disabled: bool,
    is_self: bool,
    version: u64,
}

fn row(member: &Member, user: Versioned<User>) -> Row {
    let now = member.management().now();
    Row {
        id: user.id.to_string(),
        since: When::at(user.created_at, now),
        last_seen: When::maybe(user.last_sign_in_at, now),
        is_disabled: user.disabled_at.is_some(),
        is_self: member.actor.user() == Some(&user.id),
        version: user.version,
        name: user.value.name,
        email: user.value.email,
    }
}

#[derive(Template)]
#[template(path = "dashboard/users/list.html")]
struct UsersPage {
    frame: Frame,
    users: Vec<Row>,
    text: String,
    /// How many users there are, without a search.
    total: Option<String>,
    next: Option<String>,
}

async fn list(member: Member) -> Result<Response, PageError> {
    member.operator_rights()?.require(&scopes::MEMBERS_READ)?;
    let query = member.visitor.query();
    let (management, text) = (member.management(), query.get("q").trim().to_owned());
    let (found, next) = if text.is_empty() {
        let after = query.filled("after");
        let page = management.users(&member.actor, &PageRequest { after, ..PageRequest::default() }).await?;
        (page.items, page.next)
    } else {
        (management.find_users(&member.actor, &text).await?, None)
    };
    let total = if text.is_empty() { Some(management.count_users(&member.actor).await?) } else { None };
    let total = total.map(|count| words::users::total(count, MOST_COUNTED));
    let users = found.into_iter().map(|user| row(&member, user)).collect();
    let next = next.map(|next| form::query("after", &next));
    Ok(member.page(words::shared::USERS, |frame| UsersPage { frame, users, text, total, next }))
}

#[derive(Template)]
#[template(path = "dashboard/users/details.html")]
struct UserPage {
    frame: Frame,
    user: Row,
    /// The name and the page of each account, and the role there.
    accounts: Vec<(String, String, &'static str)>,
    may_write: bool,
    has_factor: bool,
    policy: &'static str,
}

async fn details(member: Member, NamedUser(id): NamedUser) -> Result<Response, PageError> {
    member.operator_rights()?;
    let user = member.management().user(&member.actor, &id).await?;
    let accounts = member.management().accounts_of(&member.actor, &id).await?;
    let accounts = accounts
        .into_iter()
        .map(|(account, role)| {
            let path = account_path(&account.id, "/keys");
            (account.name, path, role.as_str())
        })
        .collect();
    let user = row(&member, user);
    let operates = member.operates.as_ref();
    let may_write = !user.is_self && operates.is_some_and(|rights| rights.allows(&scopes::MEMBERS_WRITE));
    let title = user.name.clone();
    let policy = member.management().user_key_policy().as_str();
    let has_factor = member.management().has_second_factor(&id).await?;
    let page = |frame| UserPage { frame, user, accounts, may_write, has_factor, policy };
    Ok(member.page_with(StatusCode::OK, &title, page))
}

async fn set_disabled(member: &Member, user: &UserId, disabled: bool) -> Result<Response, PageError> {
    member.management().set_user_disabled(&member.actor, user, disabled).await?;
    let code = if disabled { "user-disabled" } else { "user-enabled" };
    Ok(member.visitor.redirect_with_flash(&format!("/users/{user}"), code))
}

async fn disable(
    NamedUser(id): NamedUser,
    SignedInForm { at: member, .. }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    set_disabled(&member, &id, true).await
}

async fn enable(
    NamedUser(id): NamedUser,
    SignedInForm { at: member, .. }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    set_disabled(&member, &id, false).await
}

async fn remove_factor(
    NamedUser(id): NamedUser,
    SignedInForm { at: member, .. }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    member.management().remove_second_factor(&member.actor, &id).await?;
    Ok(member.visitor.redirect_with_flash(&format!("/users/{id}"), "factor-reset"))
}

#[derive(Template)]
#[template(path = "dashboard/users/delete.html")]
struct DeletePage {
    frame: Frame,
    user: Row,
    policy: &'static str,
}

async fn confirm(member: Member, NamedUser(id): NamedUser) -> Result<Response, PageError> {
    member.operator_rights()?;
    let user = member.management().user(&member.actor, &id).await?;
    let user = row(&member, user);
    let policy = member.management().user_key_policy().as_str();
    Ok(member.page(words::users::DELETE_A_USER, |frame| DeletePage { frame, user, policy }))
}

async fn delete(
    NamedUser(id): NamedUser,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let version = form.get("version").parse().unwrap_or(0);
    member.management().delete_user(&member.actor, &id, version).await?;
    Ok(member.visitor.redirect_with_flash("/users", "user-deleted"))
}
