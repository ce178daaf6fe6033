use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::row::{Row, row};
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::{self, Form};
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::once;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::role::{Role, scopes};
use crate::service::{MemberFactor, PageRequest};

struct Choice {
    role: &'static str,
    meaning: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/members/list.html")]
struct MembersPage {
    frame: Frame,
    members: Vec<Row>,
    roles: Vec<Choice>,
    may_write: bool,
    email: String,
    form_id: String,
    error: Option<FormErrors>,
    next: Option<String>,
    open: Vec<OpenInvitation>,
}

struct OpenInvitation {
    id: String,
    email: String,
    role: &'static str,
    ends: When,
    may_withdraw: bool,
}

fn meaning(role: Role) -> &'static str {
    match role {
        Role::Viewer => words::members::SEES_KEYS_USAGE_AND_MEMBERS,
        Role::Developer => words::members::ALSO_MANAGES_KEYS,
        Role::Admin => words::members::ALSO_MANAGES_MEMBERS_AND_THE_ACCOUNT,
        Role::Owner => words::members::CAN_DO_EVERYTHING,
    }
}

pub(super) async fn show(
    member: &AtAccount,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let after = form.filled("after");
    let request = PageRequest { after, ..PageRequest::default() };
    let found = member.management().members_with_factors(&member.actor, &member.account.id, &request).await?;
    let form_id = once::new_form()?;
    // After a new sign-in, the query holds the fields of a member's form or of the invitation.
    let (sent, of_member) = (form.get("role"), form.get("member"));
    let chosen = Role::ALL.into_iter().map(Role::as_str).find(|role| *role == sent);
    let mut rows = Vec::new();
    for (view, factor) in found.items {
        let mut row = row(member, view, factor);
        if let Some(chosen) = chosen.filter(|_| row.id == of_member) {
            row.chosen = chosen;
        }
        rows.push(row);
    }
    let now = member.management().now();
    let open = member.management().invitations(&member.actor, &member.account.id, &PageRequest::default()).await?;
    let open = open.items.into_iter().map(|view| OpenInvitation {
        id: view.id,
        email: view.email,
        role: view.role.as_str(),
        ends: When::at(view.ends_at, now),
        may_withdraw: member.may(&scopes::MEMBERS_WRITE) && member.rights.may_give(view.role),
    });
    let open = open.collect();
    let page = |frame| MembersPage {
        frame,
        open,
        members: rows,
        roles: Role::ALL
            .into_iter()
            .filter(|role| member.rights.may_give(*role))
            .map(|role| Choice {
                role: role.as_str(),
                meaning: meaning(role),
                is_chosen: of_member.is_empty() && role.as_str() == sent,
            })
            .collect(),
        may_write: member.may(&scopes::MEMBERS_WRITE),
        email: form.get("email").to_owned(),
        form_id,
        error,
        next: found.next.map(|next| form::query("after", &next)),
    };
    Ok(member.page_with(status, words::shared::MEMBERS, page))
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None).await
}
