//! Invitations to the visitor: accepting with a link, or with an address that is proved.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use keyward_core::AccountId;

use super::failure::{Failure, Wrong};
use super::form::Form;
use super::member::{Member, account_path};
use super::page::Frame;
use super::text::When;
use super::web::SignedInForm;
use crate::error::ManagementError;
use crate::service::InvitationView;

struct Row {
    id: String,
    account: String,
    role: &'static str,
    ends: When,
}

/// The invitation of the link that the visitor has opened.
struct Linked {
    secret: String,
    account: String,
    role: &'static str,
    email: String,
    /// Whether it is for the visitor's own address.
    is_own: bool,
}

#[derive(Template)]
#[template(path = "dashboard/invitations.html")]
struct InvitationsPage {
    frame: Frame,
    linked: Option<Linked>,
    open: Vec<Row>,
    /// Whether mail or the identity provider has proved the visitor's address.
    is_verified: bool,
    email: String,
    has_account: bool,
    wrong: Option<Wrong>,
}

async fn show(member: &Member, status: StatusCode, form: &Form, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let management = member.management();
    let secret = form.get("invitation").trim();
    let mut wrong = wrong;
    let linked = match secret {
        "" => None,
        secret => match management.invitation(&member.visitor.context, secret).await {
            Ok(view) => Some(Linked {
                secret: secret.to_owned(),
                is_own: view.email == member.user.email,
                account: view.account_name,
                role: view.role.as_str(),
                email: view.email,
            }),
            Err(error @ (ManagementError::LinkEnded | ManagementError::Throttled { .. })) => {
                wrong = wrong.or_else(|| Some(Wrong::from(&error)));
                None
            }
            Err(error) => return Err(error.into()),
        },
    };
    let now = management.now();
    let row = |view: InvitationView| Row {
        id: view.id,
        account: view.account_name,
        role: view.role.as_str(),
        ends: When::at(view.ends_at, now),
    };
    let open = management.own_invitations(&member.actor).await?.into_iter().map(row).collect();
    let page = |frame| InvitationsPage {
        frame,
        linked,
        open,
        is_verified: member.user.email_verified,
        email: member.user.email.clone(),
        has_account: member.home().is_some(),
        wrong,
    };
    Ok(member.page_with(status, "Invitations", page))
}

pub(super) async fn page(member: Member) -> Result<Response, Failure> {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None).await
}

pub(super) async fn accept_link(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, Failure> {
    let joined = member.management().join_by_link(&member.actor, form.get("invitation").trim()).await;
    joined_or_shown(&member, &form, joined).await
}

pub(super) async fn accept(
    Path(id): Path<String>,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, Failure> {
    let joined = member.management().join(&member.actor, &id).await;
    joined_or_shown(&member, &form, joined).await
}

pub(super) async fn decline(
    Path(id): Path<String>,
    SignedInForm { at: member, .. }: SignedInForm<Member>,
) -> Result<Response, Failure> {
    member.management().decline_invitation(&member.actor, &id).await?;
    Ok(member.visitor.redirect_with_flash("/invitations", "declined"))
}

async fn joined_or_shown(
    member: &Member,
    form: &Form,
    joined: Result<AccountId, ManagementError>,
) -> Result<Response, Failure> {
    match joined {
        Ok(account) => Ok(member.visitor.redirect_with_flash(&account_path(&account, "/keys"), "joined")),
        Err(error @ (ManagementError::LinkEnded | ManagementError::Invalid { .. } | ManagementError::Duplicate(_))) => {
            show(member, error.status(), form, Some(Wrong::from(&error))).await
        }
        Err(error) => Err(error.into()),
    }
}
