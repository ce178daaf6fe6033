//! The list of keys as a file. It has no key itself.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::response::Response;
use futures_util::stream;
use keyward_core::id::UserId;
use keyward_core::store::{KeyOrder, KeyQuery};
use keyward_core::{CredentialId, Timestamp};

use super::creators::Creators;
use super::filter::Filter;
use crate::dashboard::csv::{self, Row};
use crate::dashboard::error::PageError;
use crate::dashboard::exports::make_room;
use crate::dashboard::member::AtAccount;
use crate::dashboard::svg::SPARK_DAYS;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{Days, KeyView, Page, invalid_cursor};

const COLUMNS: [&str; 27] = [
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
    "user_name",
    "created_by",
    "created_by_name",
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
    "account",
    "account_name",
    "requests_in_30_days",
];

pub(super) async fn export(member: AtAccount) -> Result<Response, PageError> {
    let now = member.management().now();
    let filter = Filter::read(member.visitor.query(), &member.account.id, now);
    // A cursor neither repeats nor skips a key, and needs the default order.
    let query = KeyQuery { order: KeyOrder::default(), skip: 0, limit: KeyQuery::MAX_LIMIT, ..filter.query };
    let export = member.begin_export()?;
    let days = if member.may(&scopes::USAGE_READ) {
        // Once for the whole file, not for each page.
        member.management().flush_times().await?;
        Some(member.management().last_days(SPARK_DAYS)?)
    } else {
        None
    };
    // An error before the first row is a page, not a file.
    let first = read(&member, &query, days).await?;
    let name = format!("keys-{}-{}", member.account.id, now.to_string().get(..10).unwrap_or_default());
    let state = Some((member, query, People::default(), days, Some(first)));
    let pages = stream::try_unfold(state, async |state| {
        let Some((member, mut query, mut people, days, first)) = state else { return Ok(None) };
        // After an error the connection ends before the file does, so a part does not pass for the whole.
        let (page, requests) = match first {
            Some(first) => first,
            None => read(&member, &query, days).await?,
        };
        people.learn(&member, &page.items).await?;
        let row = |key| row(key, &member.account.name, &people, requests.as_ref());
        let rows = page.items.iter().map(row).collect::<Vec<_>>();
        let rest = match page.next {
            Some(next) => {
                query.after = Some(next.parse().map_err(|_| invalid_cursor())?);
                Some((member, query, people, days, None))
            }
            None => None,
        };
        Ok(Some((rows, rest)))
    });
    Ok(csv::download(&name, &COLUMNS, export.limit(pages)))
}

/// Returns a page of keys, and how many requests each of them had.
async fn read(
    member: &AtAccount,
    query: &KeyQuery,
    days: Option<Days>,
) -> Result<(Page<KeyView>, Option<Requests>), ManagementError> {
    let page = member.management().keys(&member.actor, query).await?;
    let Some(days) = days else { return Ok((page, None)) };
    let keys: Vec<String> = page.items.iter().map(|key| key.id.to_string()).collect();
    let requests = member.management().requests_of_keys(&member.actor, &member.account.id, &keys, days).await?;
    Ok((page, Some(requests)))
}

/// The names of owners and creators.
#[derive(Default)]
struct People {
    creators: Creators,
    owners: HashMap<UserId, Option<String>>,
}

impl People {
    async fn learn(&mut self, member: &AtAccount, keys: &[KeyView]) -> Result<(), ManagementError> {
        self.creators.learn(member, keys).await?;
        make_room(&mut self.owners);
        for user in keys.iter().filter_map(|key| key.user.as_ref()) {
            if let Entry::Vacant(unknown) = self.owners.entry(user.clone()) {
                tokio::task::yield_now().await;
                unknown.insert(member.user_name(user.as_str()).await?);
            }
        }
        Ok(())
    }

    fn owner(&self, key: &KeyView) -> String {
        let name = key.user.as_ref().and_then(|user| self.owners.get(user)?.clone());
        name.unwrap_or_default()
    }
}

/// How many requests each key had.
type Requests = HashMap<CredentialId, u64>;

fn row(key: &KeyView, account: &str, people: &People, requests: Option<&Requests>) -> Row {
    let requests = requests.map(|requests| requests.get(&key.id).copied().unwrap_or_default());
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
        people.owner(key),
        key.created_by.as_ref().map(|creator| format!("{} {}", creator.kind, creator.id)).unwrap_or_default(),
        people.creators.name(key).cloned().unwrap_or_default(),
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
        key.account.to_string(),
        account.to_owned(),
        requests.map(|count| count.to_string()).unwrap_or_default(),
    ]
}
