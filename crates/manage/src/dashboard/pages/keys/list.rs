use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use keyward_core::CredentialId;
use keyward_core::store::{KeyColumn, KeyOrder, KeyQuery, KeyStatus};

use super::checklist::{self, Step};
use super::creators::Creators;
use super::filter::{self, Filter, SIZES};
use super::missing;
use super::refusals::{self, Refusals};
use super::sorting::{Column, MOST_REQUESTS, ORDERS, columns};
use super::view::Key;
use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::svg::{self, SPARK_DAYS, Spark};
use crate::dashboard::text::number;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{KeyView, UsageDay, UsageTotal};

/// The keys whose scopes are compared with the counts.
const MOST_LOOKED_UP: usize = 10;

struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/keys/list.html")]
struct KeysPage {
    frame: Frame,
    keys: Vec<Key>,
    columns: Vec<Column>,
    steps: Vec<Step>,
    /// How many active keys without a successor expire soon, of the account or of the user whose keys are listed.
    expiring: Option<String>,
    sparks: HashMap<String, Spark>,
    /// The text about each key that is often refused.
    refused: HashMap<String, String>,
    /// The names of creators, by the id of the key.
    creators: HashMap<String, String>,
    has_usage: bool,
    /// The word for a key without a last use.
    no_use: &'static str,
    /// Whether the page links to the accounts of customers.
    has_other_accounts: bool,
    may_write: bool,
    /// Whether the user whose keys are listed has active or disabled keys, which the reader may revoke.
    has_revocable: bool,
    text: String,
    tags: String,
    modes: Vec<Choice>,
    kinds: Vec<Choice>,
    statuses: Vec<Choice>,
    unused: Vec<Choice>,
    expiries: Vec<Choice>,
    sizes: Vec<Choice>,
    sorts: Vec<Choice>,
    /// Whether a filter is set that is not always shown.
    has_more_filters: bool,
    /// The id and the name of the user whose keys are listed.
    owner: Option<(String, String)>,
    is_filtered: bool,
    shows_inactive: bool,
    inactive: Option<String>,
    other_view: String,
    /// The filters, for the export.
    filters: String,
    /// The whole query, to come back to the same part of the list.
    here: String,
    pages: Pages,
}

/// Which part of the list a page shows.
struct Pages {
    total: String,
    first: String,
    last: String,
    is_all: bool,
    previous: Option<String>,
    next: Option<String>,
}

impl Pages {
    fn new(filter: &Filter, total: u64, shown: usize) -> Self {
        let (page, last) = (filter.page, filter.query.skip.saturating_add(shown as u64));
        Self {
            total: number(total),
            first: number(filter.query.skip.saturating_add(1)),
            last: number(last),
            is_all: shown as u64 == total,
            previous: (page > 1).then(|| link_to(filter, page.saturating_sub(1))),
            next: (last < total && shown > 0).then(|| link_to(filter, page.saturating_add(1))),
        }
    }
}

fn link_to(filter: &Filter, page: u64) -> String {
    let number = if page == 1 { String::new() } else { format!("page={page}") };
    form::joined(&filter.form.without(&["page"]), &number)
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    let now = member.management().now();
    let mut filter = Filter::read(member.visitor.query(), &member.account.id, now);
    let has_usage = member.may(&scopes::USAGE_READ);
    if filter.query.order.column == KeyColumn::Requests {
        if has_usage {
            filter.query.requests = Arc::new(requests(&member).await?);
        } else {
            filter.query.order = KeyOrder::default();
        }
    }
    let owner = match &filter.query.user {
        Some(user) => Some((user.to_string(), member.name_of(user.as_str()).await?)),
        None => None,
    };
    let found = member.management().keys(&member.actor, &filter.query).await?;
    let count = async |query: &KeyQuery| member.management().count_keys(&member.actor, query).await;
    let of_status = |status: Option<KeyStatus>| KeyQuery { status, ..filter.query.clone() };
    let (all, active) = (count(&of_status(None)).await?, count(&of_status(Some(KeyStatus::Active))).await?);
    let total = match filter.query.status {
        None => all,
        Some(KeyStatus::Active) => active,
        status => count(&of_status(status)).await?,
    };
    let last_page = total.div_ceil(filter.size).max(1);
    if filter.page > last_page {
        // The keys of the last page may have left the list, for example because they were just revoked.
        let query = link_to(&filter, last_page);
        let between = if query.is_empty() { "" } else { "?" };
        return Ok(member.visitor.go_on(&member.path(&format!("/keys{between}{query}"))));
    }
    let inactive = all.saturating_sub(active);
    // Of the keys that are listed, also if they are those of one user.
    let of_user = |query: KeyQuery| KeyQuery { user: filter.query.user.clone(), ..query };
    let expiring = count(&of_user(filter::expiring(&member.account.id, now))).await?;
    let may_write = member.may(&scopes::KEYS_WRITE);
    let mut has_revocable = false;
    if may_write && owner.is_some() {
        for status in [KeyStatus::Active, KeyStatus::Disabled] {
            let query =
                KeyQuery { account: Some(member.account.id.clone()), status: Some(status), now, ..KeyQuery::default() };
            has_revocable = has_revocable || count(&of_user(query)).await? > 0;
        }
    }
    let (mut sparks, mut refused) = (HashMap::new(), HashMap::new());
    if has_usage {
        let ids: Vec<CredentialId> = found.items.iter().map(|key| key.id.clone()).collect();
        let usage = member.management().usage_of_keys(&member.actor, &member.account.id, &ids, SPARK_DAYS).await?;
        refused = refused_often(&member, &found.items, &usage.days).await?;
        sparks = svg::sparks(&usage.days, now).into_iter().map(|(id, spark)| (id.to_string(), spark)).collect();
    }
    let names = Creators::of(&member, &found.items).await?;
    let creators = found.items.iter().filter_map(|key| Some((key.id.to_string(), names.name(key)?.clone()))).collect();
    let seen_call = !sparks.is_empty() || found.items.iter().any(|key| key.last_used_at.is_some());
    let has_steps = !filter.is_filtered() && filter.page == 1;
    let steps = if has_steps { checklist::steps(&member, all > 0, seen_call).await? } else { Vec::new() };
    // An unknown order is ignored.
    let sort = if filter.query.order == KeyOrder::default() { "" } else { filter.form.get("sort") };
    let other_view = filter.form.without(&["page", "inactive", "status"]);
    let choose = |field: &'static str, choices: &[(&str, &str)]| {
        let chosen = filter.form.get(field);
        let choice = |(value, label): &(&str, &str)| Choice {
            value: (*value).to_owned(),
            label: (*label).to_owned(),
            is_chosen: *value == chosen,
        };
        choices.iter().map(choice).collect::<Vec<_>>()
    };
    let size = |size: u64| Choice {
        value: if size == SIZES[0] { String::new() } else { size.to_string() },
        label: words::keys::per_page(size),
        is_chosen: size == filter.size,
    };
    // A filter by use leaves out the keys with a last use.
    let is_reported = filter.query.unused_since.is_some() || found.items.iter().any(|key| key.last_used_at.is_some());
    let operates = member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::ACCOUNTS_READ));
    Ok(member.page(words::shared::KEYS, |frame| KeysPage {
        frame,
        no_use: if is_reported { words::shared::NEVER } else { words::keys::NOT_REPORTED },
        has_other_accounts: operates && member.account.id == *member.management().operator(),
        expiring: (expiring > 0).then(|| number(expiring)),
        expiries: choose("expires", &[("", words::keys::ANY_EXPIRY), ("soon", words::keys::EXPIRES_IN_14_DAYS)]),
        pages: Pages::new(&filter, total, found.items.len()),
        keys: found.items.iter().map(|key| Key::of(key, now)).collect(),
        columns: columns(&filter.form, filter.query.order, has_usage),
        steps,
        sparks,
        refused,
        creators,
        has_usage,
        may_write,
        has_revocable,
        text: filter.form.get("q").trim().to_owned(),
        tags: filter.query.tags.to_string(),
        modes: choose(
            "mode",
            &[("", words::keys::ANY_MODE), ("live", words::shared::LIVE), ("test", words::shared::TEST)],
        ),
        kinds: choose(
            "kind",
            &[
                ("", words::keys::ANY_KIND),
                ("secret", words::keys::SECRET),
                ("restricted", words::keys::RESTRICTED),
                ("publishable", words::keys::PUBLISHABLE),
            ],
        ),
        statuses: choose(
            "status",
            &[
                ("", words::keys::ANY_STATUS),
                ("active", words::keys::ACTIVE),
                ("disabled", words::keys::DISABLED),
                ("expired", words::keys::EXPIRED),
                ("revoked", words::keys::REVOKED),
                ("compromised", words::keys::COMPROMISED),
            ],
        ),
        unused: choose(
            "unused",
            &[
                ("", words::keys::ANY_USE),
                ("30", words::keys::NOT_USED_FOR_30_DAYS),
                ("90", words::keys::NOT_USED_FOR_90_DAYS),
            ],
        ),
        sizes: SIZES.into_iter().map(size).collect(),
        sorts: sorts(sort, has_usage),
        has_more_filters: ["kind", "tags", "unused", "expires", "size"]
            .iter()
            .any(|field| filter.form.filled(field).is_some()),
        owner,
        is_filtered: filter.is_filtered(),
        shows_inactive: filter.shows_inactive,
        inactive: (inactive > 0).then(|| number(inactive)),
        other_view: if filter.shows_inactive { other_view } else { form::joined(&other_view, "inactive=1") },
        filters: filter.form.without(&["page", "size"]),
        here: filter.form.without(&[]),
    }))
}

/// The requests of each key in the days of the small charts.
async fn requests(member: &AtAccount) -> Result<HashMap<CredentialId, u64>, ManagementError> {
    let management = member.management();
    let days = management.last_days(SPARK_DAYS)?;
    let counted = management.usage_by_key(&member.actor, &member.account.id, days).await?;
    Ok(counted.into_iter().map(|counted| (counted.key.clone(), counted.all())).collect())
}

fn sorts(sent: &str, has_usage: bool) -> Vec<Choice> {
    let listed: Vec<_> = ORDERS.into_iter().chain(has_usage.then_some(MOST_REQUESTS)).collect();
    let is_listed = listed.iter().any(|(value, _)| *value == sent);
    // A head of a column also sorts the other way.
    let other = (!is_listed).then_some((sent, words::keys::AS_IN_THE_TABLE));
    let choice = |(value, label): (&str, &str)| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        is_chosen: value == sent,
    };
    listed.into_iter().chain(other).map(choice).collect()
}

impl KeysPage {
    fn refused(&self, key: &Key) -> Option<&String> {
        self.refused.get(&key.id)
    }

    /// The keys to look at first.
    fn often_refused(&self) -> Vec<&Key> {
        self.keys.iter().filter(|key| key.is_usable && self.refused.contains_key(&key.id)).collect()
    }

    fn spark(&self, key: &Key) -> Option<&Spark> {
        self.sparks.get(&key.id)
    }

    fn creator(&self, key: &Key) -> Option<&String> {
        self.creators.get(&key.id)
    }

    fn is_new(&self) -> bool {
        self.pages.total == "0" && !self.is_filtered && self.inactive.is_none()
    }
}

/// A key that has the missing scopes by now is refused no longer.
async fn refused_often(
    member: &AtAccount,
    keys: &[KeyView],
    days: &[UsageDay],
) -> Result<HashMap<String, String>, ManagementError> {
    let (management, now) = (member.management(), member.management().now());
    let recent = management.last_days(refusals::DAYS)?;
    let mut usage: HashMap<&CredentialId, Vec<UsageTotal>> = HashMap::new();
    for day in days {
        usage.entry(&day.key).or_default().push(UsageTotal::from(day.clone()));
    }
    let often: Vec<(&KeyView, Refusals)> =
        keys.iter().filter_map(|key| Some((key, Refusals::of(usage.get(&key.id)?, now)?))).collect();
    let lacking = often.iter().filter(|(_, refusals)| refusals.lacks_scope).take(MOST_LOOKED_UP);
    let lacking: Vec<CredentialId> = lacking.map(|(key, _)| key.id.clone()).collect();
    let counts = management.scopes_of_keys(&member.account.id, &lacking, recent).await?;
    let has_all = |key: &KeyView| counts.get(&key.id).is_some_and(|counts| missing::has_all(&key.scopes, counts));
    Ok(often
        .into_iter()
        .filter(|(key, _)| !has_all(key))
        .map(|(key, refusals)| (key.id.to_string(), refusals.text))
        .collect())
}
