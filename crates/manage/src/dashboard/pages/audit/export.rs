//! The filtered audit log as a file: a table, or the entries as the HTTP API has them, one a line.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};

use super::filter::Filter;
use super::names::Names;
use super::sentences::{sentence, text};
use crate::dashboard::csv::{self, Row};
use crate::dashboard::error::PageError;
use crate::dashboard::member::AtAccount;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{AuditEntry, AuditFound, AuditSearch};

const BATCH: usize = 500;

const COLUMNS: [&str; 17] = [
    "number",
    "time",
    "sentence",
    "actor_type",
    "actor",
    "actor_name",
    "action",
    "outcome",
    "target_type",
    "target",
    "target_name",
    "account",
    "address",
    "user_agent",
    "request_id",
    "before",
    "after",
];

pub(super) async fn export(member: AtAccount) -> Result<Response, PageError> {
    member.require(&scopes::AUDIT_READ)?;
    let mut filter = Filter::read(&member)?;
    if let Some(error) = filter.error.take() {
        return Err(error.into());
    }
    let is_lines = filter.form.get("format") == "jsonl";
    let names = Names::of_members(&member).await?.without_links();
    filter.learn_names(&names);
    let export = member.begin_export()?;
    let search = AuditSearch { before: None, limit: BATCH, ..filter.search };
    let day = member.management().now().to_string().get(..10).unwrap_or_default().to_owned();
    let name = format!("audit-{}-{day}", member.account.id);
    // An error before the first entry is a page, not a file.
    let first = member.management().search_audit_log(&member.actor, &search).await?;
    let state = Some((member, search, names, Some(first)));
    let batches = stream::try_unfold(state, async |state| {
        let Some((member, mut search, mut names, first)) = state else { return Ok(None) };
        // After an error the connection ends before the file does, so a part does not pass for the whole.
        let AuditFound { entries, next, .. } = match first {
            Some(first) => first,
            None => member.management().search_audit_log(&member.actor, &search).await?,
        };
        search.before = next;
        let (management, actor) = (member.management().clone(), member.actor.clone());
        let part = async move {
            names.learn(&member, &entries).await?;
            let told = entries.iter().map(|entry| Told::of(entry, &names)).collect::<Vec<_>>();
            Ok((member, names, entries.into_iter().zip(told).collect::<Vec<_>>()))
        };
        let (member, names, batch) = management.apart(&actor, part).await?;
        Ok(Some((batch, next.map(|_| (member, search, names, None)))))
    });
    let batches = export.limit(batches);
    Ok(if is_lines {
        lines(&name, batches.map_ok(|batch| batch.into_iter().map(|(entry, _)| entry).collect()))
    } else {
        csv::download(&name, &COLUMNS, batches.map_ok(|batch| batch.iter().map(row).collect()))
    })
}

/// An entry in words.
struct Told {
    sentence: String,
    actor: String,
    target: String,
}

impl Told {
    fn of(entry: &AuditEntry, names: &Names) -> Self {
        Self {
            sentence: text(&sentence(entry, names)),
            actor: names.actor(entry),
            target: if entry.target.id.is_empty() { String::new() } else { names.target(entry) },
        }
    }
}

fn row((entry, told): &(AuditEntry, Told)) -> Row {
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let some = |value: &Option<String>| value.clone().unwrap_or_default();
    vec![
        entry.number.to_string(),
        entry.at.to_string(),
        told.sentence.clone(),
        entry.actor.kind.clone(),
        entry.actor.id.clone(),
        told.actor.clone(),
        entry.action.clone(),
        entry.outcome.to_string(),
        entry.target.kind.clone(),
        entry.target.id.clone(),
        told.target.clone(),
        entry.account.as_ref().map(ToString::to_string).unwrap_or_default(),
        some(&entry.address),
        some(&entry.user_agent),
        some(&entry.request_id),
        json(&entry.before),
        json(&entry.after),
    ]
}

/// <https://jsonlines.org>.
fn lines(
    name: &str,
    batches: impl Stream<Item = Result<Vec<AuditEntry>, ManagementError>> + Send + 'static,
) -> Response {
    let body = batches.map(|batch| {
        let mut text = Vec::new();
        for entry in batch? {
            serde_json::to_writer(&mut text, &entry).map_err(|error| {
                tracing::error!(%error, "an audit entry could not be written");
                ManagementError::Internal
            })?;
            text.push(b'\n');
        }
        Ok::<_, ManagementError>(Bytes::from(text))
    });
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    let headers = [
        (CONTENT_TYPE, "application/jsonl; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{plain}.jsonl\"")),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::from_stream(body)).into_response()
}
