use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_limits::Subject;

use super::chain::Chain;
use super::creators::Creators;
use super::refusals::Refusals;
use super::requests::Requests;
use super::view::Key;
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtKey;
use crate::dashboard::pages::audit::{Events, events_of_key};
use crate::dashboard::pages::limits::LimitsCard;
use crate::dashboard::pages::usage::Scopes;
use crate::dashboard::svg::{self, Chart};
use crate::dashboard::words;
use crate::role::scopes;
use crate::service::UsageTotal;
use crate::store::CountUnit;

const DAYS: u32 = 30;

#[derive(Template)]
#[template(path = "dashboard/keys/details.html")]
struct KeyPage {
    frame: Frame,
    key: Key,
    chart: Option<Chart>,
    scopes: Option<Scopes>,
    refusals: Option<Refusals>,
    may_write: bool,
    limits: Option<LimitsCard>,
    typed_name: String,
    typed_tags: String,
    error: Option<FormErrors>,
    owner: String,
    creator: String,
    requests: Option<Requests>,
    events: Option<Events>,
    chain: Option<Chain>,
}

pub(super) async fn page(member: AtKey) -> Result<Response, PageError> {
    let query = member.visitor.query();
    show(&member, StatusCode::OK, &query, None).await
}

pub(super) async fn show(
    member: &AtKey,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let now = member.management().now();
    let (chart, scopes, refusals) = if member.may(&scopes::USAGE_READ) {
        let drawn = member.management().last_days(DAYS)?;
        let usage = member.management().key_usage_in(&member.actor, member.id(), drawn).await?;
        let file = format!("of=scopes&days={DAYS}&key={}", member.id());
        let scopes = Scopes::of(&usage.scopes, file);
        let days: Vec<_> = usage.days.into_iter().map(UsageTotal::from).collect();
        let refusals = match Refusals::of(&days, now) {
            Some(refusals) => refusals.with_missing_scopes(member, usage.scopes).await?,
            None => None,
        };
        (Some(svg::chart(&days, CountUnit::Day, drawn.from, drawn.to, now)), scopes, refusals)
    } else {
        (None, None, None)
    };
    let key = Key::of(&member.key, now);
    let owner = match &member.key.user {
        Some(user) => member.name_of(user.as_str()).await?,
        None => String::new(),
    };
    let creators = Creators::of(member, std::slice::from_ref(&member.key)).await?;
    let creator = creators.name(&member.key).unwrap_or(&key.created_by).clone();
    let (events, chain) = (events_of_key(member).await?, Chain::of(member).await?);
    let requests = Requests::of(member).await?;
    let typed_name = form.typed("name", &key.name);
    let typed_tags = form.typed("tags", key.tags.join(", "));
    let title = key.name.clone();
    let may_write = member.may(&scopes::KEYS_WRITE);
    let subject = Subject::Key(member.id().clone());
    let path = format!("{}/limits", member.rest());
    let limits = LimitsCard::of(
        member,
        &subject,
        Some(&member.account.id),
        path,
        may_write && !key.is_ended,
        form,
        error.as_ref(),
    )
    .await?;
    Ok(member.page_with(status, &title, |frame| KeyPage {
        frame,
        key,
        chart,
        scopes,
        refusals,
        may_write,
        limits,
        typed_name,
        typed_tags,
        error,
        owner,
        creator,
        requests,
        events,
        chain,
    }))
}

impl KeyPage {
    /// The hint of a key that replaces this one, or that this one replaces. People know a key by its hint.
    fn partner<'t>(&'t self, id: &'t str) -> &'t str {
        let mut links = self.chain.iter().flat_map(|chain| &chain.links);
        links.find(|link| link.id == id).map_or(id, |link| &link.hint)
    }
}
