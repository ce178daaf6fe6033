use askama::Template;
use axum::response::Response;

use super::row::{Row, row};
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::path_params::NamedUser;
use crate::dashboard::site_map::HOME;
use crate::dashboard::words;

#[derive(Template)]
#[template(path = "dashboard/members/remove.html")]
struct RemovePage {
    frame: Frame,
    member: Row,
    policy: &'static str,
}

pub(super) async fn page(member: AtAccount, NamedUser(user): NamedUser) -> Result<Response, PageError> {
    let view = member.management().member(&member.actor, &member.account.id, &user).await?;
    let removed = row(&member, view, None);
    let policy = member.management().user_key_policy().as_str();
    Ok(member.page(words::members::REMOVE_A_MEMBER, |frame| RemovePage { frame, member: removed, policy }))
}

pub(super) async fn remove(
    NamedUser(user): NamedUser,
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
) -> Result<Response, PageError> {
    let version = form.get("version").parse().unwrap_or(0);
    member.management().remove_member(&member.actor, &member.account.id, &user, version).await?;
    // A user who left may have no account to return to.
    let leaves = member.actor.user() == Some(&user);
    Ok(if leaves {
        member.visitor.redirect_with_flash(HOME, "left")
    } else {
        member.redirect_with_flash("/members", "removed")
    })
}
