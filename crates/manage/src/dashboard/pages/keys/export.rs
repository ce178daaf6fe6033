//! The list of keys as a file. It has no key itself.

use axum::response::Response;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use keyward_core::Timestamp;
use keyward_core::store::{KeyOrder, KeyQuery};

use super::filter::Filter;
use crate::dashboard::csv::{self, Row};
use crate::dashboard::error::PageError;
use crate::dashboard::member::AtAccount;
use crate::service::{KeyView, invalid_cursor};

const COLUMNS: [&str; 22] = [
    "id",
    "name",
    "hint",
    "mode",
    "kind",
    "status",
    "scopes",
    "networks",
    "endpoints",
    "tags",
    "user",
    "created_by",
    "created_at",
    "not_before",
    "expires_at",
    "last_used_at",
    "last_used_from",
    "disabled_at",
    "revoked_at",
    "revocation_reason",
    "rotated_from",
    "rotated_to",
];

pub(super) async fn export(member: AtAccount) -> Result<Response, PageError> {
    let now = member.management().now();
    let filter = Filter::read(member.visitor.query(), &member.account.id, now);
    // A cursor neither repeats nor skips a key, and needs the default order.
    let query = KeyQuery { order: KeyOrder::default(), skip: 0, limit: KeyQuery::MAX_LIMIT, ..filter.query };
    // An error before the first row is a page, not a file.
    let first = member.management().keys(&member.actor, &query).await?;
    let name = format!("keys-{}-{}", member.account.id, now.to_string().get(..10).unwrap_or_default());
    let rest = stream::try_unfold((member, query, first.next), async |(member, query, next)| {
        let Some(next) = next else { return Ok(None) };
        let after = Some(next.parse().map_err(|_| invalid_cursor())?);
        let query = KeyQuery { after, ..query };
        // After an error the connection ends before the file does, so a part does not pass for the whole.
        let page = member.management().keys(&member.actor, &query).await?;
        Ok(Some((page.items, (member, query, page.next))))
    });
    let pages = stream::once(async { Ok(first.items) }).chain(rest);
    Ok(csv::download(&name, &COLUMNS, pages.map_ok(|page| page.iter().map(row).collect())))
}

fn row(key: &KeyView) -> Row {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let text = |value: Option<&dyn ToString>| value.map(ToString::to_string).unwrap_or_default();
    let list = |values: Vec<String>| values.join(" ");
    vec![
        key.id.to_string(),
        key.name.clone(),
        key.hint.to_string(),
        key.mode.to_string(),
        key.kind.to_string(),
        key.status.to_string(),
        key.scopes.to_string(),
        list(key.networks.iter().map(ToString::to_string).collect()),
        key.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        list(key.tags.iter().map(str::to_owned).collect()),
        text(key.user.as_ref().map(|user| user as &dyn ToString)),
        key.created_by.as_ref().map(|creator| format!("{} {}", creator.kind, creator.id)).unwrap_or_default(),
        key.created_at.to_string(),
        time(key.not_before),
        time(key.expires_at),
        time(key.last_used_at),
        key.last_used_from.clone().unwrap_or_default(),
        time(key.disabled_at),
        time(key.revoked_at),
        key.revocation.as_ref().map(|revocation| revocation.reason.to_string()).unwrap_or_default(),
        text(key.rotated_from.as_ref().map(|id| id as &dyn ToString)),
        text(key.rotated_to.as_ref().map(|id| id as &dyn ToString)),
    ]
}
