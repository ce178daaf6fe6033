//! `/v1/sign-in-links`

use axum::extract::State;
use axum::response::Response;
use keyward_api_types::{CreateSignInLink, SignInLink};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ManagementError;
use crate::service::{Management, SignInLinkDraft};
use crate::web::{Caller, Input, Problem, answer};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(create))
}

fn draft_of(body: CreateSignInLink) -> Result<SignInLinkDraft, ManagementError> {
    let mut draft = SignInLinkDraft::new(body.user);
    if let Some(account) = body.account {
        draft = draft.account(account);
    }
    if let Some(path) = body.path {
        draft = draft.path(path);
    }
    match (body.name, body.role) {
        (Some(name), Some(role)) => Ok(draft.create(name, role)),
        (Some(_), None) => Err(ManagementError::invalid("role", "a new user needs a role: expected one beside `name`")),
        (None, Some(_)) => Err(ManagementError::invalid("name", "a new user needs a name: expected one beside `role`")),
        (None, None) => Ok(draft),
    }
}

/// Creates a link that signs a user in, once and within a minute, for the operator's application that has signed the user in.
///
/// Open the URL in the user's browser, or in a frame. The caller needs `users:sign_in`, which includes the rights of a developer in customers' accounts, and all rights of other users. A key of a customer's account signs in users of only this account.
#[utoipa::path(post, operation_id = "createSignInLink", path = "/v1/sign-in-links", tag = "users", request_body = CreateSignInLink, security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The link", body = SignInLink)))]
async fn create(
    State(management): State<Management>,
    caller: Caller,
    input: Input<CreateSignInLink>,
) -> Result<Response, Problem> {
    let draft = draft_of(input.value)?;
    let (working, actor) = (management.clone(), caller.actor.clone());
    let operation = async move {
        let link = working.create_sign_in_link(&actor, &draft).await?;
        answer(201, None, &SignInLink { user: link.user, url: link.url.into(), ends_at: link.ends_at })
    };
    caller.once(&management, input.request, operation).await
}
