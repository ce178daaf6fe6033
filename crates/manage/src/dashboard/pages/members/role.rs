use axum::response::Response;

use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::member::AtAccount;
use crate::dashboard::path_params::NamedUser;
use crate::dashboard::words;
use crate::error::ManagementError;

pub(super) async fn change(
    NamedUser(user): NamedUser,
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
) -> Result<Response, PageError> {
    member.require_recent_sign_in().await?;
    let role = form.get("role").parse().map_err(|_| ManagementError::invalid("role", words::members::CHOOSE_A_ROLE))?;
    let version = form.get("version").parse().unwrap_or(0);
    member.management().update_member(&member.actor, &member.account.id, &user, role, version).await?;
    Ok(member.redirect_with_flash("/members", "role"))
}
