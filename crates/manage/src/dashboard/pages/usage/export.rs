//! The figures behind the charts as files.

use axum::response::Response;
use futures_util::stream;
use keyward_core::Mode;

use super::range::Range;
use crate::dashboard::csv::{self, Row};
use crate::dashboard::error::PageError;
use crate::dashboard::member::AtAccount;

pub(super) async fn export(member: AtAccount) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let range = Range::read(query.get("days"));
    let mode: Option<Mode> = query.get("mode").parse().ok();
    let (management, account) = (member.management(), &member.account.id);
    let day = management.now().to_string().get(..10).unwrap_or_default().to_owned();
    if query.get("of") == "keys" {
        let refusals = management.refusals(&member.actor, account, range.days_of_keys()).await?;
        let rows = refusals.into_iter().map(|(key, outcome, times)| vec![key.to_string(), outcome, times.to_string()]);
        let rows: Vec<Row> = rows.collect();
        let name = format!("refusals-{account}-{}d-{day}", range.days_of_keys());
        return Ok(csv::download(&name, &["key", "outcome", "requests"], stream::once(async { Ok(rows) })));
    }
    let counts = management.usage_by_mode(&member.actor, account, range.unit, range.slots).await?;
    let counts = counts.iter().filter(|count| mode.is_none_or(|mode| count.mode == mode));
    let rows: Vec<Row> = counts
        .map(|count| {
            let total = range.total(count);
            vec![total.day.to_string(), count.mode.as_str().to_owned(), total.outcome, total.times.to_string()]
        })
        .collect();
    let name = format!("usage-{account}-{}d-{day}", range.days);
    let columns = [range.unit.as_str(), "mode", "outcome", "requests"];
    Ok(csv::download(&name, &columns, stream::once(async { Ok(rows) })))
}
