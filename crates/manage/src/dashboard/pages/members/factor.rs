use askama::Template;
use axum::response::Response;
use keyward_core::id::UserId;

use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::path_params::NamedUser;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::MemberView;

#[derive(Template)]
#[template(path = "dashboard/members/factor.html")]
struct FactorPage {
    frame: Frame,
    id: String,
    name: String,
    email: String,
}

async fn member_with_factor(member: &AtAccount, user: &UserId) -> Result<MemberView, PageError> {
    member.require(&scopes::MEMBERS_WRITE)?;
    member.require_recent_sign_in().await?;
    // The actor may also have rights over members of other accounts, but not on this page.
    let view = member.management().member(&member.actor, &member.account.id, user).await?;
    if member.management().has_second_factor(user).await? {
        Ok(view)
    } else {
        Err(ManagementError::NotFound(words::members::SECOND_FACTOR).into())
    }
}

pub(super) async fn page(member: AtAccount, NamedUser(user): NamedUser) -> Result<Response, PageError> {
    let user = member_with_factor(&member, &user).await?.user;
    let page = |frame| FactorPage { frame, id: user.id.to_string(), name: user.name, email: user.email };
    Ok(member.page(words::members::REMOVE_A_SECOND_FACTOR, page))
}

pub(super) async fn remove(
    NamedUser(user): NamedUser,
    SignedInForm { at: member, .. }: SignedInForm<AtAccount>,
) -> Result<Response, PageError> {
    member_with_factor(&member, &user).await?;
    member.management().remove_second_factor(&member.actor, &user).await?;
    Ok(member.redirect_with_flash("/members", "factor-reset"))
}
