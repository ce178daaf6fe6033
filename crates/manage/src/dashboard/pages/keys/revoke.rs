use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::store::{KeyStatus, Revocation, RevocationReason};

use super::view::{Key, flash_code, meaning};
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtKey;
use crate::dashboard::text::number;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/keys/revoke.html")]
struct RevokePage {
    frame: Frame,
    key: Key,
    requests: Option<String>,
    reasons: Vec<Reason>,
    note: String,
    error: Option<FormErrors>,
}

pub(in crate::dashboard) struct Reason {
    pub(in crate::dashboard) value: &'static str,
    pub(in crate::dashboard) label: &'static str,
    pub(in crate::dashboard) is_chosen: bool,
}

/// The reasons to choose from. The form that was sent keeps its choice.
pub(in crate::dashboard) fn reasons(form: &Form) -> Vec<Reason> {
    let chosen = form.get("reason");
    let reason = |reason: RevocationReason| Reason {
        value: reason.as_str(),
        label: meaning(reason),
        is_chosen: reason.as_str() == chosen,
    };
    RevocationReason::ALL.into_iter().map(reason).collect()
}

pub(in crate::dashboard) fn revocation(form: &Form) -> Result<Revocation, ManagementError> {
    let reason = form.filled("reason").map_or(Ok(RevocationReason::default()), |reason| reason.parse());
    let reason = reason.map_err(|_| ManagementError::invalid("reason", words::keys::CHOOSE_AN_ENTRY))?;
    let noted = Revocation::new(reason).with_note(form.get("note"));
    noted.map_err(|error| ManagementError::invalid("note", error.to_string()))
}

pub(super) async fn page(member: AtKey) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    if member.key.status == KeyStatus::Revoked {
        return Ok(member.redirect_with_flash(&member.rest(), "was-revoked"));
    }
    show(&member, StatusCode::OK, &member.visitor.query(), None).await
}

async fn show(
    member: &AtKey,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let requests = if member.may(&scopes::USAGE_READ) {
        Some(number(member.management().accepted_in_a_day(&member.actor, member.id()).await?))
    } else {
        None
    };
    let key = Key::of(&member.key, member.management().now());
    let (reasons, note) = (reasons(form), form.get("note").to_owned());
    Ok(member.page_with(status, words::keys::REVOKE_A_KEY, |frame| RevokePage {
        frame,
        key,
        requests,
        reasons,
        note,
        error,
    }))
}

pub(super) async fn revoke(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    let code = if member.key.status == KeyStatus::Revoked {
        "was-revoked".to_owned()
    } else {
        let revocation = match revocation(&form) {
            Ok(revocation) => revocation,
            Err(error) => return show(&member, error.status(), &form, Some(FormErrors::from(&error))).await,
        };
        let (_, propagation) = member.management().revoke_key_with(&member.actor, member.id(), &revocation).await?;
        flash_code("revoked", &propagation)
    };
    Ok(member.redirect_with_flash(&member.rest(), &code))
}
