use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::id::UserId;
use keyward_core::store::{KeyQuery, KeyStatus};

use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::pages::keys::{Reason, reasons, revocation};
use crate::dashboard::path_params::NamedUser;
use crate::dashboard::text::number;
use crate::dashboard::words;
use crate::role::scopes;

#[derive(Template)]
#[template(path = "dashboard/members/keys.html")]
struct RevokeKeysPage {
    frame: Frame,
    user: String,
    name: String,
    count: String,
    reasons: Vec<Reason>,
    note: String,
    error: Option<FormErrors>,
}

pub(super) async fn page(member: AtAccount, NamedUser(user): NamedUser) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    show(&member, &user, StatusCode::OK, &member.visitor.query(), None).await
}

async fn show(
    member: &AtAccount,
    user: &UserId,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let mut count = 0;
    for status in [KeyStatus::Active, KeyStatus::Disabled] {
        let (account, user) = (Some(member.account.id.clone()), Some(user.clone()));
        let query = KeyQuery { account, user, status: Some(status), ..KeyQuery::default() };
        count += member.management().count_keys(&member.actor, &query).await?;
    }
    let name = member.name_of(user.as_str()).await?;
    Ok(member.page_with(status, words::members::REVOKE_KEYS, |frame| RevokeKeysPage {
        frame,
        user: user.to_string(),
        name,
        count: number(count),
        reasons: reasons(form),
        note: form.get("note").to_owned(),
        error,
    }))
}

pub(super) async fn revoke(
    NamedUser(user): NamedUser,
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    let revocation = match revocation(&form) {
        Ok(revocation) => revocation,
        Err(error) => return show(&member, &user, error.status(), &form, Some(FormErrors::from(&error))).await,
    };
    member.management().revoke_user_keys(&member.actor, &member.account.id, &user, &revocation).await?;
    Ok(member.redirect_with_flash("/members", "user-keys-revoked"))
}
