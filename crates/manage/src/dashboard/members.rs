//! Who belongs to an account, and as what.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::failure::{Failure, Wrong};
use super::form::{self, Form};
use super::member::{AtAccount, NamedUser};
use super::once::{self, Shown};
use super::page::Frame;
use super::text::When;
use super::web::SignedInForm;
use crate::error::ManagementError;
use crate::role::{Role, scopes};
use crate::service::{MemberView, PageRequest};

struct Row {
    id: String,
    name: String,
    email: String,
    role: &'static str,
    /// The role in the form: the one that was chosen before somebody had to sign in again, or else the present one.
    chosen: &'static str,
    since: When,
    last_seen: Option<When>,
    is_self: bool,
    /// Whether the visitor may change or remove them.
    may_change: bool,
    /// Whether the visitor may make a link for another password.
    may_reset: bool,
    version: u64,
}

/// A role that the visitor may give.
struct Choice {
    role: &'static str,
    meaning: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/members.html")]
struct MembersPage {
    frame: Frame,
    members: Vec<Row>,
    roles: Vec<Choice>,
    may_write: bool,
    email: String,
    form_id: String,
    wrong: Option<Wrong>,
    next: Option<String>,
    open: Vec<AnonymousForm>,
}

/// An invitation, as its form's answer keeps it.
#[derive(Serialize, Deserialize)]
struct Invitation {
    email: String,
    role: Role,
    /// The secret of the link, which is shown once.
    secret: Option<String>,
}

/// An invitation that has not been accepted.
struct AnonymousForm {
    id: String,
    email: String,
    role: &'static str,
    ends: When,
    /// Whether the visitor may withdraw it.
    may_withdraw: bool,
}

#[derive(Template)]
#[template(path = "dashboard/invited.html")]
struct InvitedPage {
    frame: Frame,
    invitation: Invitation,
    /// The link; without a public URL its path and query, and the script puts the host in front.
    link: Option<String>,
}

fn meaning(role: Role) -> &'static str {
    match role {
        Role::Viewer => "sees keys, usage and members",
        Role::Developer => "manages keys as well",
        Role::Admin => "manages members and the account, and sees the audit log",
        Role::Owner => "may do everything",
    }
}

fn row(member: &AtAccount, view: MemberView) -> Row {
    let now = member.management().now();
    let may_write = member.may(&scopes::MEMBERS_WRITE);
    let may_change = may_write && member.rights.may_give(view.role);
    let is_self = member.actor.user() == Some(&view.user.id);
    Row {
        id: view.user.id.to_string(),
        may_change,
        may_reset: may_change && !is_self && member.management().takes_passwords(),
        is_self,
        name: view.user.name,
        email: view.user.email,
        role: view.role.as_str(),
        chosen: view.role.as_str(),
        since: When::at(view.created_at, now),
        last_seen: When::maybe(view.user.last_sign_in_at, now),
        version: view.version,
    }
}

async fn show(member: &AtAccount, status: StatusCode, form: &Form, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let after = Some(form.get("after").to_owned()).filter(|after| !after.is_empty());
    let request = PageRequest { after, ..PageRequest::default() };
    let found = member.management().members(&member.actor, &member.account.id, &request).await?;
    let form_id = once::new_form()?;
    // What comes back after signing in again is of a member's form, or else of the one to invite somebody.
    let (sent, of_member) = (form.get("role"), form.get("member"));
    let chosen = Role::ALL.into_iter().map(Role::as_str).find(|role| *role == sent);
    let rows = found.items.into_iter().map(|view| {
        let row = row(member, view);
        match chosen {
            Some(chosen) if row.id == of_member => Row { chosen, ..row },
            _ => row,
        }
    });
    let rows = rows.collect();
    let now = member.management().now();
    let open = member.management().invitations(&member.actor, &member.account.id, &PageRequest::default()).await?;
    let open = open.items.into_iter().map(|view| AnonymousForm {
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
        wrong,
        next: found.next.map(|next| form::query("after", &next)),
    };
    Ok(member.page_with(status, "Members", page))
}

pub(super) async fn page(member: AtAccount) -> Result<Response, Failure> {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None).await
}

pub(super) async fn invite(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, Failure> {
    member.require_recent_sign_in().await?;
    let (management, actor, account) = (member.management().clone(), member.actor.clone(), member.account.id.clone());
    let base = member.visitor.link_base()?;
    let email = form.get("email").to_owned();
    let role: Result<Role, _> = form.get("role").parse();
    let invite = async move {
        let role = role.map_err(|_| ManagementError::invalid("role", "choose one"))?;
        let invited = management.invite(&actor, &account, &email, role).await?;
        Ok(Invitation { email: invited.invitation.email, role, secret: Some(invited.secret.to_string()) })
    };
    let (mut invitation, was_shown) = match once::once(&member, &form, invite).await {
        Ok(Shown::Now(invitation)) => (invitation, false),
        Ok(Shown::Before(invitation)) => (invitation, true),
        Err(
            error @ (ManagementError::Invalid { .. } | ManagementError::Duplicate(_) | ManagementError::Escalation(_)),
        ) => {
            return show(&member, error.status(), &form, Some(Wrong::from(&error))).await;
        }
        Err(error) => return Err(error.into()),
    };
    let secret = invitation.secret.take();
    let link = secret.filter(|_| !was_shown);
    let link = link.map(|secret| format!("{base}/register?{}", form::query("invitation", &secret)));
    Ok(member.page("Invited", |frame| InvitedPage { frame, invitation, link }))
}

pub(super) async fn withdraw(
    Path((_, id)): Path<(String, String)>,
    SignedInForm { at: member, .. }: SignedInForm<AtAccount>,
) -> Result<Response, Failure> {
    member.management().withdraw_invitation(&member.actor, &member.account.id, &id).await?;
    Ok(member.redirect_with_flash("/members", "withdrawn"))
}

pub(super) async fn change_role(
    NamedUser(user): NamedUser,
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
) -> Result<Response, Failure> {
    member.require_recent_sign_in().await?;
    let role = form.get("role").parse().map_err(|_| ManagementError::invalid("role", "choose one"))?;
    let version = form.get("version").parse().unwrap_or(0);
    member.management().update_member(&member.actor, &member.account.id, &user, role, version).await?;
    Ok(member.redirect_with_flash("/members", "role"))
}

#[derive(Template)]
#[template(path = "dashboard/member_remove.html")]
struct RemovePage {
    frame: Frame,
    member: Row,
}

pub(super) async fn confirm_removal(member: AtAccount, NamedUser(user): NamedUser) -> Result<Response, Failure> {
    let view = member.management().member(&member.actor, &member.account.id, &user).await?;
    let removed = row(&member, view);
    Ok(member.page("Remove a member", |frame| RemovePage { frame, member: removed }))
}

pub(super) async fn remove(
    NamedUser(user): NamedUser,
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
) -> Result<Response, Failure> {
    let version = form.get("version").parse().unwrap_or(0);
    member.management().remove_member(&member.actor, &member.account.id, &user, version).await?;
    // Who has left may have no account any more to come back to.
    let leaves = member.actor.user() == Some(&user);
    Ok(if leaves {
        member.visitor.redirect_with_flash("/keys", "left")
    } else {
        member.redirect_with_flash("/members", "removed")
    })
}
