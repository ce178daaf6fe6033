//! How the keys of an account are used.

use askama::Template;
use axum::response::Response;

use super::failure::Failure;
use super::member::AtAccount;
use super::page::Frame;
use super::svg::{self, Chart};
use super::text::number;

#[derive(Template)]
#[template(path = "dashboard/usage.html")]
struct UsagePage {
    frame: Frame,
    chart: Chart,
    days: u32,
    spans: [u32; 3],
    accepted: String,
    refused: String,
}

pub(super) async fn page(member: AtAccount) -> Result<Response, Failure> {
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
