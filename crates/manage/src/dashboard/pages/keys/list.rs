use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use keyward_core::id::UserId;
use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{CredentialId, Timestamp};

use super::view::Key;
use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::svg::{self, SPARK_DAYS, Spark};
use crate::dashboard::text::number;
use crate::role::scopes;
use crate::service::key_filters;

const PER_PAGE: usize = 25;
const MANY: usize = 100;
/// A count reads this many keys.
const COUNTED: usize = KeyQuery::MAX_LIMIT;
const SOON_DAYS: i64 = 14;
const INACTIVE: [KeyStatus; 4] = [KeyStatus::Disabled, KeyStatus::Expired, KeyStatus::Revoked, KeyStatus::Compromised];
const DAY: i64 = 24 * 3_600 * 1_000;

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/keys/list.html")]
struct KeysPage {
    frame: Frame,
    keys: Vec<Key>,
    /// How many active keys without a successor expire soon, in the whole account.
    expiring: Option<String>,
    sparks: HashMap<String, Spark>,
    has_usage: bool,
    /// The word for a key without a last use.
    no_use: &'static str,
    /// Whether the page links to the accounts of customers.
    has_other_accounts: bool,
    may_write: bool,
    text: String,
    tags: String,
    modes: Vec<Choice>,
    kinds: Vec<Choice>,
    statuses: Vec<Choice>,
    unused: Vec<Choice>,
    expiries: Vec<Choice>,
    total: String,
    /// The id and the name of the user whose keys are listed.
    owner: Option<(String, String)>,
    is_filtered: bool,
    shows_inactive: bool,
    inactive: Option<String>,
    other_view: String,
    next: Option<String>,
    is_first: bool,
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let now = member.management().now();
    let asked: Option<KeyStatus> = query.get("status").parse().ok();
    let shows_inactive = query.get("inactive") == "1" || asked.is_some_and(|status| status != KeyStatus::Active);
    let text = query.get("q").trim();
    let (tags, _) = key_filters(Some(query.get("tags")), None).unwrap_or_default();
    let user: Option<UserId> = query.get("user").parse().ok();
    let owner = match &user {
        Some(user) => Some((user.to_string(), member.name_of(user.as_str()).await?)),
        None => None,
    };
    let days: i64 = query.get("unused").parse().ok().filter(|days| (1..=366).contains(days)).unwrap_or(0);
    let soon = Timestamp::from_millis(now.as_millis() + SOON_DAYS * DAY);
    let is_soon = query.get("expires") == "soon";
    let filter = KeyQuery {
        account: Some(member.account.id.clone()),
        user: user.clone(),
        tags,
        mode: query.get("mode").parse().ok(),
        kind: query.get("kind").parse().ok(),
        status: asked.or((!shows_inactive).then_some(KeyStatus::Active)),
        text: (!text.is_empty()).then(|| text.to_owned()),
        unused_since: (days > 0).then(|| Timestamp::from_millis(now.as_millis() - days * DAY)),
        expires_before: is_soon.then_some(soon),
        replaced: is_soon.then_some(false),
        after: query.get("after").parse().ok(),
        limit: PER_PAGE,
        now,
        ..KeyQuery::default()
    };
    let found = member.management().keys(&member.actor, &filter).await?;
    let count = async |filter: &KeyQuery, statuses: &[KeyStatus], at_most| {
        member.management().count_keys(&member.actor, filter, statuses, at_most).await
    };
    let inactive = count(&filter, &INACTIVE, MANY).await?;
    let total = match asked {
        Some(status) => count(&filter, &[status], COUNTED).await?,
        None if shows_inactive => count(&filter, &KeyStatus::ALL, COUNTED).await?,
        None => count(&filter, &[KeyStatus::Active], COUNTED).await?,
    };
    let expiring = KeyQuery {
        account: filter.account.clone(),
        expires_before: Some(soon),
        replaced: Some(false),
        now,
        ..KeyQuery::default()
    };
    let expiring = count(&expiring, &[KeyStatus::Active], MANY).await?;
    let has_usage = member.may(&scopes::USAGE_READ);
    let mut sparks = HashMap::new();
    if has_usage {
        let ids: Vec<CredentialId> = found.items.iter().map(|key| key.id.clone()).collect();
        let usage = member.management().usage_of_keys(&member.actor, &member.account.id, &ids, SPARK_DAYS).await?;
        sparks = svg::sparks(&usage.days, now).into_iter().map(|(id, spark)| (id.to_string(), spark)).collect();
    }
    let next = found.next.map(|after| form::joined(&query.without(&["after"]), &format!("after={after}")));
    let other_view = query.without(&["after", "inactive", "status"]);
    let choose = |field: &'static str, choices: &[(&'static str, &'static str)]| {
        let chosen = query.get(field);
        choices.iter().map(|(value, label)| Choice { value, label, is_chosen: *value == chosen }).collect::<Vec<_>>()
    };
    // A filter by use leaves out the keys with a last use.
    let is_reported = days > 0 || found.items.iter().any(|key| key.last_used_at.is_some());
    let operates = member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::ACCOUNTS_READ));
    Ok(member.page("Keys", |frame| KeysPage {
        frame,
        no_use: if is_reported { "never" } else { "not reported" },
        has_other_accounts: operates && member.account.id == *member.management().operator(),
        expiring: (expiring > 0).then(|| at_most(expiring, MANY)),
        total: at_most(total, COUNTED),
        expiries: choose("expires", &[("", "Any expiry"), ("soon", "Expires in 14 days")]),
        keys: found.items.iter().map(|key| Key::of(key, now)).collect(),
        sparks,
        has_usage,
        may_write: member.may(&scopes::KEYS_WRITE),
        text: text.to_owned(),
        tags: filter.tags.to_string(),
        modes: choose("mode", &[("", "Any mode"), ("live", "Live"), ("test", "Test")]),
        kinds: choose(
            "kind",
            &[("", "Any kind"), ("secret", "Secret"), ("restricted", "Restricted"), ("publishable", "Publishable")],
        ),
        statuses: choose(
            "status",
            &[
                ("", "Any status"),
                ("active", "Active"),
                ("disabled", "Disabled"),
                ("expired", "Expired"),
                ("revoked", "Revoked"),
                ("compromised", "Compromised"),
            ],
        ),
        unused: choose("unused", &[("", "Any use"), ("30", "Not used for 30 days"), ("90", "Not used for 90 days")]),
        owner,
        is_filtered: !query.without(&["after", "inactive"]).is_empty(),
        shows_inactive,
        inactive: (inactive > 0).then(|| at_most(inactive, MANY)),
        other_view: if shows_inactive { other_view } else { form::joined(&other_view, "inactive=1") },
        next,
        is_first: query.get("after").is_empty(),
    }))
}

fn at_most(count: usize, most: usize) -> String {
    if count < most { number(count as u64) } else { format!("{}+", number(most as u64 - 1)) }
}

impl KeysPage {
    fn spark(&self, key: &Key) -> Option<&Spark> {
        self.sparks.get(&key.id)
    }

    fn is_new(&self) -> bool {
        self.keys.is_empty() && !self.is_filtered && self.inactive.is_none() && self.is_first
    }
}
