//! The last requests of a key, on the key's page and on a separate page.

use askama::Template;
use axum::response::Response;
use keyward_core::Timestamp;

use super::missing::{self, Remedy};
use super::scopes::ApiScopes;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtKey;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{PageRequest, RecentRequest};

const ON_KEY_PAGE: usize = 10;
const ALL: usize = 200;

pub(super) struct Requests {
    /// The key.
    pub(super) key: String,
    pub(super) rows: Vec<Row>,
    pub(super) has_more: bool,
}

pub(super) struct Row {
    pub(super) at: When,
    pub(super) method: Option<String>,
    pub(super) route: Option<String>,
    pub(super) network: Option<String>,
    pub(super) outcome: String,
    /// The class of the outcome.
    pub(super) badge: &'static str,
    /// The scopes that the key lacked.
    pub(super) needs: Option<String>,
    pub(super) remedy: Remedy,
}

#[derive(Template)]
#[template(path = "dashboard/keys/requests.html")]
struct RequestsPage {
    frame: Frame,
    name: String,
    requests: Requests,
    is_refused: bool,
}

impl Requests {
    /// `None` if the user may not see them, or nothing records them.
    pub(super) async fn of(member: &AtKey) -> Result<Option<Self>, ManagementError> {
        if !member.may(&scopes::USAGE_READ) {
            return Ok(None);
        }
        let requests = Self::last(member, ON_KEY_PAGE).await?;
        Ok(Some(requests).filter(|requests| !requests.rows.is_empty() || member.management().records_requests()))
    }

    async fn last(member: &AtKey, limit: usize) -> Result<Self, ManagementError> {
        let page = PageRequest { limit, ..PageRequest::default() };
        let management = member.management();
        let found = management.key_requests(&member.actor, member.id(), &page).await?;
        let now = management.now();
        let scopes = ApiScopes::of(member).await?;
        let rows = found.items.into_iter().map(|request| Row::of(member, &scopes, request, now));
        Ok(Self { key: member.id().to_string(), rows: rows.collect(), has_more: found.next.is_some() })
    }
}

impl Row {
    fn of(member: &AtKey, scopes: &ApiScopes, request: RecentRequest, now: Timestamp) -> Self {
        let still_lacks = missing::lacks(&member.key.scopes, &request);
        let RecentRequest { at, method, route, network, outcome, missing_scopes, any_scope_suffices } = request;
        let needs = (!missing_scopes.is_empty()).then(|| words::keys::needs(&missing_scopes, any_scope_suffices));
        let remedy = match still_lacks {
            true => Remedy::of(member, scopes, &missing_scopes, any_scope_suffices),
            false => Remedy::default(),
        };
        let badge = if outcome == "OK" { "done" } else { "refused" };
        Self { at: When::at(at, now), method, route, network, outcome, badge, needs, remedy }
    }
}

pub(super) async fn page(member: AtKey) -> Result<Response, PageError> {
    let mut requests = Requests::last(&member, ALL).await?;
    let is_refused = member.visitor.query().get("refused") == "1";
    requests.rows.retain(|row| !is_refused || row.badge == "refused");
    let name = member.key.name.clone();
    Ok(member.page(words::keys::RECENT_REQUESTS, |frame| RequestsPage { frame, name, requests, is_refused }))
}
