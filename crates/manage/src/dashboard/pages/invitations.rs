use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use keyward_core::AccountId;

use crate::dashboard::app::Route;
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::account_path;
use crate::dashboard::member::Member;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{InvitationView, Management};

const INVITATIONS: &str = "/invitations";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page(INVITATIONS, page).post(accept_link).destination(),
        Route::action("/invitations/{id}/accept", INVITATIONS, accept),
        Route::action("/invitations/{id}/decline", INVITATIONS, decline),
    ]
}

struct Row {
    id: String,
    account: String,
    inviter: String,
    role: &'static str,
    ends: When,
}

struct Linked {
    secret: String,
    account: String,
    role: &'static str,
    email: String,
    inviter: String,
    is_own: bool,
}

#[derive(Template)]
#[template(path = "dashboard/invitations/invitations.html")]
struct InvitationsPage {
    frame: Frame,
    linked: Option<Linked>,
    open: Vec<Row>,
    is_verified: bool,
    email: String,
    has_account: bool,
    error: Option<FormErrors>,
}

async fn show(
    member: &Member,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let mut shown = error;
    let management = member.management();
    let secret = form.get("invitation").trim();
    let linked = match secret {
        "" => None,
        secret => match management.invitation(&member.visitor.context, secret).await {
            Ok(view) => Some(Linked {
                secret: secret.to_owned(),
                inviter: inviter(management, &view).await?,
                is_own: view.email == member.user.email,
                account: view.account_name,
                role: view.role.as_str(),
                email: view.email,
            }),
            Err(error @ (ManagementError::LinkEnded | ManagementError::Throttled { .. })) => {
                shown = shown.or_else(|| Some(FormErrors::from(&error)));
                None
            }
            Err(error) => return Err(error.into()),
        },
    };
    let now = management.now();
    let mut open = Vec::new();
    for view in management.own_invitations(&member.actor).await? {
        open.push(Row {
            inviter: inviter(management, &view).await?,
            id: view.id,
            account: view.account_name,
            role: view.role.as_str(),
            ends: When::at(view.ends_at, now),
        });
    }
    let page = |frame| InvitationsPage {
        frame,
        linked,
        open,
        is_verified: member.user.email_verified,
        email: member.user.email.clone(),
        has_account: member.home().is_some(),
        error: shown,
    };
    Ok(member.page_with(status, words::shared::INVITATIONS, page))
}

/// The name of the user who invites.
pub(super) async fn inviter(management: &Management, invitation: &InvitationView) -> Result<String, ManagementError> {
    Ok(match management.inviter(&invitation.invited_by).await? {
        Some(user) => words::invitations::user_with_address(&user.name, &user.email),
        None => words::invitations::AN_ADMINISTRATOR.to_owned(),
    })
}

async fn page(member: Member) -> Result<Response, PageError> {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None).await
}

async fn accept_link(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let joined = member.management().join_by_link(&member.actor, form.get("invitation").trim()).await;
    joined_or_shown(&member, &form, joined).await
}

async fn accept(
    Path(id): Path<String>,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let joined = member.management().join(&member.actor, &id).await;
    joined_or_shown(&member, &form, joined).await
}

async fn decline(
    Path(id): Path<String>,
    SignedInForm { at: member, .. }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    member.management().decline_invitation(&member.actor, &id).await?;
    Ok(member.visitor.redirect_with_flash("/invitations", "declined"))
}

async fn joined_or_shown(
    member: &Member,
    form: &Form,
    joined: Result<AccountId, ManagementError>,
) -> Result<Response, PageError> {
    match joined {
        Ok(account) => Ok(member.visitor.redirect_with_flash(&account_path(&account, "/keys"), "joined")),
        Err(
            error @ (ManagementError::LinkEnded
            | ManagementError::Invalid { .. }
            | ManagementError::Duplicate(_)
            | ManagementError::OwnSignInRequired),
        ) => show(member, error.status(), form, Some(FormErrors::from(&error))).await,
        Err(error) => Err(error.into()),
    }
}
