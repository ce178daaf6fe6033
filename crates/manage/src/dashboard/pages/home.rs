//! Links without an account lead to the last one.

use axum::extract::Path;
use axum::response::Response;

use crate::dashboard::error::PageError;
use crate::dashboard::links::account_path;
use crate::dashboard::member::Member;
use crate::error::ManagementError;

pub(super) async fn go(member: Member) -> Response {
    // A user who belongs to no account may have an invitation.
    let Some((home, _)) = member.home() else {
        if member.lacks_factor {
            return member.visitor.go("/settings/second-factor");
        }
        return member.visitor.go("/invitations");
    };
    member.visitor.go_on(&account_path(&home.id, &member.visitor.path))
}

pub(super) async fn go_to_key(member: Member, Path(id): Path<String>) -> Result<Response, PageError> {
    let id = id.parse().map_err(|_| ManagementError::NotFound("key"))?;
    let key = member.management().key(&member.actor, &id).await?;
    Ok(member.visitor.go_on(&account_path(&key.account, &member.visitor.path)))
}
