//! `/v1/audit-log`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyward_core::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{Caller, Params, Problem};
use super::{Listed, at_most, meant, page_request};
use crate::desk::{AuditEntry, AuditQuery, AuditVerdict, Desk};

pub(super) fn routes() -> OpenApiRouter<Desk> {
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

/// What walking the log found.
#[derive(Serialize, ToSchema)]
struct Verdict {
    /// Whether every entry fits.
    intact: bool,
    /// The number of the last entry before the first bad one, or of the last of all. Pruned entries count.
    entries: u64,
    /// The hash of the last of them.
    hash: String,
    /// What to note elsewhere, and to send as `since` later: so it shows if the log is cut or written anew.
    checkpoint: String,
    /// The number of the first entry that does not fit.
    first_bad: Option<u64>,
    /// Why it does not.
    why: Option<String>,
    /// The number of the last entry that was pruned, if the log was pruned.
    pruned_through: Option<u64>,
}

/// Lists entries of the audit log, the newest first.
#[utoipa::path(get, path = "/v1/audit-log", tag = "audit log", params(Filter), security(("bearer" = [])),
    responses((status = 200, description = "A page of entries", body = Listed<AuditEntry>)))]
async fn list(State(desk): State<Desk>, caller: Caller, Params(filter): Params<Filter>) -> Result<Response, Problem> {
    at_most("actor", 64, filter.actor.as_deref())?;
    let account = match filter.all {
        Some(true) => None,
        _ => Some(meant(&desk, &caller.actor, filter.account).await?),
    };
    let actor = filter.actor.filter(|actor| !actor.contains('\0'));
    let query = AuditQuery { account, actor, page: page_request(filter.after, filter.limit)? };
    Ok(Json(Listed::of(desk.audit_log(&caller.actor, &query).await?, |entry| entry)).into_response())
}

/// Walks the audit log of the deployment, for the operator, and names the first entry that was tampered with.
#[utoipa::path(get, path = "/v1/audit-log/verify", tag = "audit log", params(Since), security(("bearer" = [])),
    responses((status = 200, description = "What was found", body = Verdict)))]
async fn verify(State(desk): State<Desk>, caller: Caller, Params(since): Params<Since>) -> Result<Response, Problem> {
    let since = since.since.as_deref().map(str::parse).transpose()?;
    let verdict = desk.verify_audit_log(&caller.actor, since.as_ref()).await?;
    let checkpoint = verdict.checkpoint().to_string();
    let (first_bad, why) = verdict.first_bad.clone().unzip();
    let intact = first_bad.is_none();
    let AuditVerdict { entries, hash, pruned_through, .. } = verdict;
    Ok(Json(Verdict { intact, entries, hash, checkpoint, first_bad, why, pruned_through }).into_response())
}
