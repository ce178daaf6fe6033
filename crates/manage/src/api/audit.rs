//! `/v1/audit-log`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{AuditEntry, AuditVerdict, Page};
use keyward_core::AccountId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{account_or_default, at_most, listed, page_request};
use crate::service::{self, AuditQuery, Management};
use crate::web::{Caller, Problem, QueryParams};

pub(super) fn routes() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Of this account; the caller's own without it.
    #[param(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$")]
    account: Option<AccountId>,
    /// The entries of every account, for the operator.
    all: Option<bool>,
    /// By this user or key alone.
    #[param(max_length = 64)]
    actor: Option<String>,
    /// Behind this: what the page before gave as `next`.
    #[param(max_length = 300)]
    after: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
}

/// Up to where the log is known.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Since {
    /// A checkpoint that was noted before, up to which the log has to be what it was.
    #[param(max_length = 100)]
    since: Option<String>,
}

/// The verdict of the management service as the API gives it.
impl From<service::AuditVerdict> for AuditVerdict {
    fn from(verdict: service::AuditVerdict) -> Self {
        let checkpoint = verdict.checkpoint().to_string();
        let service::AuditVerdict { entries, hash, pruned_through, first_bad, .. } = verdict;
        let (first_bad, why) = first_bad.unzip();
        Self { intact: first_bad.is_none(), entries, hash, checkpoint, first_bad, why, pruned_through }
    }
}

/// Lists entries of the audit log, the newest first.
#[utoipa::path(get, path = "/v1/audit-log", tag = "audit log", params(Filter), security(("bearer" = [])),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(filter): QueryParams<Filter>,
) -> Result<Response, Problem> {
    at_most("actor", 64, filter.actor.as_deref())?;
    let account = match filter.all {
        Some(true) => None,
        _ => Some(account_or_default(&management, &caller.actor, filter.account).await?),
    };
    let actor = filter.actor.filter(|actor| !actor.contains('\0'));
    let query = AuditQuery { account, actor, page: page_request(filter.after, filter.limit)? };
    Ok(Json(listed(management.audit_log(&caller.actor, &query).await?, |entry| entry)).into_response())
}

/// Walks the audit log of the deployment, for the operator, and names the first entry that was tampered with.
#[utoipa::path(get, path = "/v1/audit-log/verify", tag = "audit log", params(Since), security(("bearer" = [])),
    responses((status = 200, description = "What was found", body = AuditVerdict)))]
async fn verify(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(since): QueryParams<Since>,
) -> Result<Response, Problem> {
    let since = since.since.as_deref().map(str::parse).transpose()?;
    let verdict = management.verify_audit_log(&caller.actor, since.as_ref()).await?;
    Ok(Json(AuditVerdict::from(verdict)).into_response())
}
