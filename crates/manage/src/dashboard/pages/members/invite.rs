use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::list;
use crate::dashboard::error::{FormErrors, PageError, retry_after};
use crate::dashboard::form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::once::{self, RevealedSecret};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::{Role, scopes};
use crate::service::normal_email;

#[derive(Serialize, Deserialize)]
struct Invitation {
    email: String,
    role: Role,
    secret: Option<String>,
}

#[derive(Template)]
#[template(path = "dashboard/members/invited.html")]
struct InvitedPage {
    frame: Frame,
    invitation: Invitation,
    is_mailed: bool,
    /// `None` if mailed or already revealed.
    link: Option<String>,
}

pub(super) async fn invite(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    member.require(&scopes::MEMBERS_WRITE)?;
    member.require_recent_sign_in().await?;
    let (management, actor, account) = (member.management().clone(), member.actor.clone(), member.account.id.clone());
    let base = member.visitor.link_base()?;
    let email = form.get("email").to_owned();
    let mut errors = FormErrors::default();
    errors.check(normal_email(&email));
    let role: Option<Role> = errors
        .check(form.get("role").parse().map_err(|_| ManagementError::invalid("role", words::members::CHOOSE_A_ROLE)));
    if let Some(errors) = errors.found() {
        return list::show(&member, StatusCode::UNPROCESSABLE_ENTITY, &form, Some(errors)).await;
    }
    let role = role.ok_or(ManagementError::Internal)?;
    let invite = async move {
        if management.sends_mail() {
            let invited = management.invite_by_mail(&actor, &account, &email, role).await?;
            return Ok(Invitation { email: invited.email, role, secret: None });
        }
        let invited = management.invite(&actor, &account, &email, role).await?;
        Ok(Invitation { email: invited.invitation.email, role, secret: Some(invited.secret.to_string()) })
    };
    let (mut invitation, was_shown) = match once::once(&member, &form, invite).await {
        Ok(RevealedSecret::Now(invitation)) => (invitation, false),
        Ok(RevealedSecret::Before(invitation)) => (invitation, true),
        Err(
            error @ (ManagementError::Invalid { .. } | ManagementError::Duplicate(_) | ManagementError::Escalation(_)),
        ) => {
            return list::show(&member, error.status(), &form, Some(FormErrors::from(&error))).await;
        }
        Err(error @ ManagementError::Throttled { .. }) => {
            let mut response = list::show(&member, error.status(), &form, Some(FormErrors::from(&error))).await?;
            retry_after(&mut response, error.retry_after());
            return Ok(response);
        }
        Err(error) => return Err(error.into()),
    };
    let is_mailed = invitation.secret.is_none();
    let secret = invitation.secret.take();
    let link = secret.filter(|_| !was_shown);
    let link = link.map(|secret| format!("{base}/register?{}", form::query("invitation", &secret)));
    Ok(member.page(words::members::INVITED, |frame| InvitedPage { frame, invitation, is_mailed, link }))
}

pub(super) async fn withdraw(
    Path((_, id)): Path<(String, String)>,
    SignedInForm { at: member, .. }: SignedInForm<AtAccount>,
) -> Result<Response, PageError> {
    member.management().withdraw_invitation(&member.actor, &member.account.id, &id).await?;
    Ok(member.redirect_with_flash("/members", "withdrawn"))
}
