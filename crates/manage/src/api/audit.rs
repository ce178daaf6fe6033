//! `/v1/audit-log`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_api_types::{AuditEntry, AuditFilter, AuditVerdict, Page, VerifyParams};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{account_or_default, check_length, page_request, to_page};
use crate::service::{self, AuditQuery, Management};
use crate::web::{Caller, Problem, QueryParams};

pub(super) fn router() -> OpenApiRouter<Management> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

impl From<service::AuditVerdict> for AuditVerdict {
    fn from(verdict: service::AuditVerdict) -> Self {
        let checkpoint = verdict.checkpoint().to_string();
        let service::AuditVerdict { entries, hash, pruned_through, first_bad, .. } = verdict;
        let (first_bad, why) = first_bad.unzip();
        Self { intact: first_bad.is_none(), entries, hash, checkpoint, first_bad, why, pruned_through }
    }
}

/// Lists entries of the audit log, the newest first.
#[utoipa::path(get, operation_id = "listAuditLog", path = "/v1/audit-log", tag = "audit log", params(AuditFilter), security(("bearer" = [])),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>)))]
async fn list(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(filter): QueryParams<AuditFilter>,
) -> Result<Response, Problem> {
    check_length("actor", 64, filter.actor.as_deref())?;
    let account =
        if filter.all { None } else { Some(account_or_default(&management, &caller.actor, filter.account).await?) };
    let actor = filter.actor.filter(|actor| !actor.contains('\0'));
    let query = AuditQuery { account, actor, page: page_request(filter.after, filter.limit)? };
    Ok(Json(to_page(management.audit_log(&caller.actor, &query).await?, |entry| entry)).into_response())
}

/// Verifies the audit log of the deployment and names the first bad entry, for the operator.
#[utoipa::path(get, operation_id = "verifyAuditLog", path = "/v1/audit-log/verify", tag = "audit log", params(VerifyParams), security(("bearer" = [])),
    responses((status = 200, description = "The verdict", body = AuditVerdict)))]
async fn verify(
    State(management): State<Management>,
    caller: Caller,
    QueryParams(params): QueryParams<VerifyParams>,
) -> Result<Response, Problem> {
    let since = params.since.as_deref().map(str::parse).transpose()?;
    let verdict = management.verify_audit_log(&caller.actor, since.as_ref()).await?;
    Ok(Json(AuditVerdict::from(verdict)).into_response())
}
