use askama::Template;
use axum::response::Response;

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::site_map::Menu;
use crate::dashboard::svg::{self, Chart};
use crate::dashboard::text::number;
use crate::role::scopes;

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
}

async fn page(member: AtAccount) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let spans = [7, 30, 90];
    let days = query.get("days").parse().ok().filter(|days| spans.contains(days)).unwrap_or(30);
    let usage = member.management().usage_totals(&member.actor, &member.account.id, days).await?;
    let chart = svg::chart(&usage, days, member.management().now());
    let accepted = usage.iter().filter(|day| day.outcome == "accepted").map(|day| day.times).sum();
    let refused = chart.total - accepted;
    Ok(member.page("Usage", |frame| UsagePage {
        frame,
        chart,
        days,
        spans,
        accepted: number(accepted),
        refused: number(refused),
    }))
}
