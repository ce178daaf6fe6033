use askama::Template;
use axum::response::Response;
use keyward_core::Timestamp;
use keyward_core::store::KeyQuery;

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::site_map::Menu;
use crate::dashboard::svg::{self, Chart};
use crate::dashboard::text::number;
use crate::role::scopes;

const DAY: i64 = 24 * 3_600 * 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts/{account}/usage", page).menu(Menu::Account, "Usage", scopes::USAGE_READ).destination(),
        Route::page("/usage", home::go).destination(),
    ]
}

#[derive(Template)]
#[template(path = "dashboard/usage/usage.html")]
struct UsagePage {
    frame: Frame,
    chart: Chart,
    days: u32,
    spans: [u32; 3],
    accepted: String,
    refused: String,
    /// Whether keys were used, although no usage is reported.
    is_used: bool,
}

async fn page(member: AtAccount) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let spans = [7, 30, 90];
    let days = query.get("days").parse().ok().filter(|days| spans.contains(days)).unwrap_or(30);
    let usage = member.management().usage_totals(&member.actor, &member.account.id, days).await?;
    let chart = svg::chart(&usage, days, member.management().now());
    let is_used = chart.total == 0 && member.may(&scopes::KEYS_READ) && was_used(&member, days).await?;
    let accepted = usage.iter().filter(|day| day.outcome == "accepted").map(|day| day.times).sum();
    let refused = chart.total - accepted;
    Ok(member.page("Usage", |frame| UsagePage {
        frame,
        chart,
        days,
        spans,
        accepted: number(accepted),
        refused: number(refused),
        is_used,
    }))
}

/// Returns `true` if one of the newest keys of the account was used in the last `days` days.
async fn was_used(member: &AtAccount, days: u32) -> Result<bool, PageError> {
    let now = member.management().now();
    let from = Timestamp::from_millis(now.as_millis() - i64::from(days) * DAY);
    let query = KeyQuery { account: Some(member.account.id.clone()), now, ..KeyQuery::default() };
    let keys = member.management().keys(&member.actor, &query).await?;
    Ok(keys.items.iter().any(|key| key.last_used_at.is_some_and(|at| at >= from)))
}
