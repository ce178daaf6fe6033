//! The usage page: which keys cause errors, in hours and days, by mode, as a chart, a table and a file.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use keyward::clock::Clock as _;
use keyward::limits::{LimitsOptions, Subject};
use keyward::manage::{KeyDraft, Plan, Purpose};
use keyward::sqlite::SqliteLimits;
use keyward::{AccountId, AuthLayer, CredentialId, Mode, NewKey, RequireLayer, Requirement, Timestamp};
use keyward_needs::needs;
use keyward_tests::program::SOON;
use keyward_tests::service::call;
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::Site;

pub(crate) const USAGE: &str = "/accounts/operator/usage";

fn operator() -> AccountId {
    "operator".parse().unwrap()
}

/// A good key, a revoked one that is called often, and a test key that is disabled and called once.
pub(crate) async fn furnish(site: &Site) -> CredentialId {
    let owner = site.owner().await;
    let create = async |name: &str, mode: Mode| {
        let mut draft = KeyDraft::secret(operator(), name);
        draft.mode = mode;
        let issued = site.management.create_key(&owner, draft).await.unwrap();
        (issued.view.id, issued.key.expose_once().to_string())
    };
    let (_, good) = create("good", Mode::Live).await;
    let (noisy, noisy_key) = create("noisy", Mode::Live).await;
    let (quiet, quiet_key) = create("quiet", Mode::Test).await;
    for _ in 0..6 {
        assert_eq!(site.call_api(&good).await, 200);
    }
    site.management.revoke_key(&owner, &noisy).await.unwrap();
    site.management.set_key_disabled(&owner, &quiet, true).await.unwrap();
    for _ in 0..3 {
        assert_eq!(site.call_api(&noisy_key).await, 401);
    }
    assert_eq!(site.call_api(&quiet_key).await, 401);
    noisy
}

/// The texts of the cells of a table.
pub(crate) fn rows(page: &str, label: &str) -> Vec<String> {
    let table = page.split(&format!("aria-label=\"{label}\"")).nth(1).unwrap_or_default();
    let body = table.split("</table>").next().unwrap().split("<tbody>").nth(1).unwrap_or_default();
    let text = |html: &str| {
        let spaced = html.replace("</td>", " | ").replace("</th>", " | ");
        let parts = spaced.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    body.split("</tr>").map(text).filter(|row| !row.is_empty()).collect()
}

#[tokio::test]
async fn the_key_that_causes_errors_is_the_first_of_the_table() {
    let (site, _) = Site::with_owner_and_clock().await;
    let noisy = furnish(&site).await;
    let mut client = Client::signed_in(&site).await;
    for days in [1, 7, 30, 90] {
        let page = client.get(&format!("{USAGE}?days={days}")).await.body;
        for figure in [">6</span> accepted", ">4</span> refused", ">40.0 %</span> error rate"] {
            assert!(page.contains(figure), "{days}: {figure}: {page}");
        }
        let keys = rows(&page, "Keys with the most refusals");
        assert_eq!(keys.len(), 2, "{days}: {keys:?}");
        let refused = format!(" · {noisy} | 3 | 0 | 100.0 % | The key was revoked: 3");
        assert!(keys[0].starts_with("noisy livekw_live_…") && keys[0].contains(&refused), "{keys:?}");
        let busiest = rows(&page, "Busiest keys");
        assert_eq!(busiest.len(), 3, "{days}: {busiest:?}");
        assert!(busiest[0].starts_with("good live") && busiest[0].ends_with(" | 6 | 0 | 0.0 % |"), "{busiest:?}");
        let busy = format!(" · {noisy} | 3 | 3 | 100.0 % |");
        assert!(busiest[1].starts_with("noisy livekw_live_…") && busiest[1].ends_with(&busy), "{days}: {busiest:?}");
        assert!(page.contains(&format!("/accounts/operator/keys/{noisy}\"><bdi>noisy</bdi></a>")), "{page}");
        let reasons = rows(&page, "Reasons of refusals");
        assert!(reasons[0].starts_with("The key was revoked key revoked | 3 | 75.0 %"), "{reasons:?}");
        let modes = rows(&page, "Requests by mode");
        assert_eq!(modes, ["Live | 6 | 3 | 33.3 % |", "Test | 0 | 1 | 100.0 % |"], "{days}");
        assert!(page.contains("A request that lacks a scope or exceeds a limit counts as refused."), "{page}");
        let two_ranges = "The tables of keys and scopes are of yesterday and today (UTC).";
        assert_eq!(page.contains(two_ranges), days == 1, "{days}: {page}");
        let table = rows(&page, "Requests by outcome, as a table");
        assert_eq!(table.len(), if days == 1 { 24 } else { days }, "{table:?}");
        assert!(table.last().unwrap().contains(", so far | 6 | 3 | 1 |"), "{table:?}");
    }
    // By reason and by mode.
    let page = client.get(&format!("{USAGE}?outcome=key_disabled")).await.body;
    assert!(rows(&page, "Keys with the most refusals")[0].starts_with("quiet test"), "{page}");
    assert_eq!(rows(&page, "Keys with the most refusals").len(), 1);
    let page = client.get(&format!("{USAGE}?mode=live")).await.body;
    assert!(page.contains(">3</span> refused") && rows(&page, "Keys with the most refusals").len() == 1, "{page}");
    assert_eq!(rows(&page, "Busiest keys").len(), 2);
    let page = client.get(&format!("{USAGE}?mode=test")).await.body;
    assert!(rows(&page, "Busiest keys")[0].starts_with("quiet test"), "{page}");
    for nonsense in ["days=0", "days=x", "mode=x", "outcome=%00", "days=99999999999999999999"] {
        assert_eq!(client.get(&format!("{USAGE}?{nonsense}")).await.status, 200, "{nonsense}");
    }
    // The figures as files.
    let file = client.get(&format!("{USAGE}/export?days=1&mode=live")).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = file.body.lines().collect();
    assert_eq!(lines[0], "\"hour\",\"mode\",\"outcome\",\"requests\"");
    assert!(lines.iter().any(|line| line.ends_with(":00:00Z\",\"live\",\"accepted\",\"6\"")), "{lines:?}");
    assert!(!file.body.contains("test"), "{lines:?}");
    let file = client.get(&format!("{USAGE}/export?of=keys&days=7")).await.body;
    let rows = csv(&file);
    assert_eq!(rows[0], ["key", "name", "mode", "outcome", "requests"]);
    let without_id: Vec<_> = rows[1..].iter().map(|row| row[1..].join(" ")).collect();
    // The busiest key is the first.
    assert_eq!(without_id, ["good live accepted 6", "noisy live key_revoked 3", "quiet test key_disabled 1"]);
    assert_eq!(rows[2][0], noisy.as_str());
    let file = client.get(&format!("{USAGE}/export?of=keys&days=7&mode=test")).await.body;
    assert!(csv(&file)[1..].iter().all(|row| row[1] == "quiet") && file.contains("quiet"), "{file}");
}

/// Without recorded requests: which scopes the requests needed, and which the key lacked.
#[tokio::test]
async fn required_scopes_have_a_table_with_bars_and_a_file() {
    let (site, _) = Site::with_owner_and_clock().await;
    let owner = site.owner().await;
    let create = async |name: &str, granted: &str| {
        let draft = KeyDraft::of(Purpose::Api, NewKey::restricted(operator(), name, granted.parse().unwrap()));
        let issued = site.management.create_key(&owner, draft).await.unwrap();
        (issued.view.id, issued.key.expose_once().to_string())
    };
    let (reader, reader_key) = create("reader", "videos:read").await;
    let (_, writer_key) = create("writer", "videos:*").await;
    let required = |scope: &str| RequireLayer::new(Requirement::all_of([scope.parse().unwrap()]));
    let app = Router::new()
        .route("/read", get(async || "in").layer(required("videos:read")))
        .route("/write", get(async || "in").layer(required("videos:write")))
        .layer(AuthLayer::from(site.authenticator.clone()));
    for (key, path, status) in [
        (&reader_key, "/read", 200),
        (&reader_key, "/read", 200),
        (&reader_key, "/write", 403),
        (&writer_key, "/read", 200),
        (&writer_key, "/write", 200),
    ] {
        let request = http::Request::get(path).header("authorization", format!("Bearer {key}"));
        assert_eq!(call(&app, request.body(Body::empty()).unwrap()).await.status, status, "{path}");
    }
    let mut client = Client::signed_in(&site).await;
    for days in [1, 7, 30, 90] {
        let page = client.get(&format!("{USAGE}?days={days}")).await.body;
        assert_eq!(
            rows(&page, "Required scopes"),
            [
                "videos:read | 3 | 0 | 0.0 % | 3 accepted, 0 refused |",
                "videos:write | 1 | 1 | 50.0 % | 1 accepted, 1 refused |"
            ],
            "{days}: {page}"
        );
        // Refusals have a pattern.
        assert!(page.contains("<pattern id=\"p0\"") && page.contains("<rect fill=\"url(#p0)\""), "{page}");
    }
    let keys = rows(&client.get(USAGE).await.body, "Keys with the most refusals");
    assert!(keys[0].ends_with("The key lacked a scope: 1 Missing: videos:write (1) |"), "{keys:?}");
    // The counts name the missing scope, and the form that grants it.
    let rotate = client.get(&format!("/accounts/operator/keys/{reader}/rotate")).await.body;
    assert!(rotate.contains("lacked videos:write. The new key has the same rights"), "{rotate}");
    assert!(rotate.contains("/edit?scope=videos%3Aread&#38;scope=videos%3Awrite"), "{rotate}");
    let page = client.get(&format!("/accounts/operator/keys/{reader}")).await.body;
    assert_eq!(
        rows(&page, "Required scopes"),
        [
            "videos:read | 2 | 0 | 0.0 % | 2 accepted, 0 refused |",
            "videos:write | 0 | 1 | 100.0 % | 0 accepted, 1 refused |"
        ],
        "{page}"
    );
    for (query, sums) in [("of=scopes&days=30", ["3", "1", "1"]), (&format!("of=scopes&key={reader}"), ["2", "", "1"])]
    {
        let link = format!("{USAGE}/export?{query}");
        let file = client.get(&link).await;
        let lines = csv(&file.body);
        assert_eq!(lines[0], ["day", "scope", "outcome", "requests"]);
        assert!(lines[1..].iter().all(|line| line[0].ends_with("T00:00:00Z")), "{lines:?}");
        let found: Vec<_> = lines[1..].iter().map(|line| line[1..].join(" ")).collect();
        let all = ["videos:read accepted", "videos:write accepted", "videos:write insufficient_scope"];
        let expected = all.iter().zip(sums).filter(|(_, times)| !times.is_empty());
        assert_eq!(found, expected.map(|(row, times)| format!("{row} {times}")).collect::<Vec<_>>(), "{query}");
    }
    let other = site.management.create_account(&owner, "Customer").await.unwrap().value.id;
    let path = format!("/accounts/{other}/usage/export?of=scopes&key={reader}");
    assert_eq!(client.get(&path).await.status, 404);
}

pub(crate) fn csv(file: &str) -> Vec<Vec<&str>> {
    file.lines().map(|line| line.trim_matches('"').split("\",\"").collect()).collect()
}

/// The page of a key has what the usage page has: a chart, its figures as a table, and a file.
#[tokio::test]
async fn the_chart_of_a_key_has_a_table_and_a_file() {
    let (site, _) = Site::with_owner_and_clock().await;
    let noisy = furnish(&site).await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get(&format!("/accounts/operator/keys/{noisy}")).await.body;
    let table = rows(&page, "Requests with this key in the last 30 days, by outcome, as a table");
    assert_eq!(table.len(), 30, "{page}");
    assert!(table[29].ends_with(", so far | 3 |") && table[0].ends_with(" | 0 |"), "{table:?}");
    let link = format!("/accounts/operator/usage/export?key={noisy}");
    assert!(page.contains(&format!("<a href=\"{link}\">Download as CSV</a>")), "{page}");
    let file = client.get(&link).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let lines = csv(&file.body);
    assert_eq!(lines[0], ["day", "outcome", "requests"]);
    assert!(lines.len() == 2 && lines[1][0].ends_with("T00:00:00Z"), "{lines:?}");
    assert_eq!(lines[1][1..], ["key_revoked", "3"]);
    // Of another account, or none.
    let owner = site.owner().await;
    let other = site.management.create_account(&owner, "Customer").await.unwrap().value.id;
    for path in [format!("/accounts/{other}/usage/export?key={noisy}"), format!("{USAGE}/export?key=nonsense")] {
        assert_eq!(client.get(&path).await.status, 404, "{path}");
    }
    // Refusals of the small charts have a pattern, too.
    let list = client.get("/accounts/operator/keys?inactive=1").await.body;
    assert!(list.contains("<pattern id=\"p0\"") && list.contains("fill=\"url(#p0)\""), "{list}");
}

#[tokio::test]
async fn limits_are_shown_with_what_is_used() {
    let site = Site::with_owner().await;
    furnish(&site).await;
    let owner = site.owner().await;
    site.management.put_plan(&owner, Plan::new("Pro").with_key_limit(40), None).await.unwrap();
    let account = site.management.account(&owner, &operator()).await.unwrap();
    let update = keyward::manage::AccountUpdate { plan: Some(Some("Pro".into())), ..Default::default() };
    site.management.update_account(&owner, &operator(), &update, account.version).await.unwrap();
    let subject = Subject::Account(operator());
    let rates = ["default=100/1h", "each=9/1m,key"].map(|rate| rate.parse().unwrap()).to_vec();
    let budget = Some("500/month".parse().unwrap());
    let limits = keyward_client::PutLimits { rates, budget, ..Default::default() };
    site.management.put_limits(&owner, &subject, &limits, 0).await.unwrap();
    // A node takes units of the rate from the store, and spends them.
    let counted = LimitsOptions::default().store_timeout(SOON).start(SqliteLimits::new(&site.store)).await.unwrap();
    let caller = keyward::Identity::api_key("key_1".parse().unwrap(), operator());
    counted.spend(&caller, &["default".into()], std::num::NonZeroU32::new(40).unwrap()).await.unwrap();
    let page = Client::signed_in(&site).await.get(USAGE).await.body;
    assert!(!page.contains("<dt>Rate limit “each”</dt>"), "each key has its own count: {page}");
    let rate = page.split("<dt>Default rate limit</dt>").nth(1).unwrap().split("</dd>").next().unwrap();
    let used: u64 = rate.split("value=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    assert!((39..=100).contains(&used) && rate.contains(" of 100 used, refilled over 1 hour"), "{rate}");
    for text in ["of the plan <bdi>Pro</bdi>", "1 of 40", "0 of 500 credits", "500 credits a month"] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

/// The limits that hold, wherever they are set, and where.
#[tokio::test]
async fn the_limits_that_hold_name_their_source() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let plan = site.management.put_plan(&owner, Plan::new("Pro"), None).await.unwrap().value.name;
    let account = site.management.account(&owner, &operator()).await.unwrap();
    let update = keyward::manage::AccountUpdate { plan: Some(Some("Pro".into())), ..Default::default() };
    site.management.update_account(&owner, &operator(), &update, account.version).await.unwrap();
    let key = site.management.create_key(&owner, KeyDraft::secret(operator(), "worker")).await.unwrap().view.id;
    let put = async |subject: Subject, limits: serde_json::Value| {
        let limits = serde_json::from_value(limits).unwrap();
        site.management.put_limits(&owner, &subject, &limits, 0).await.unwrap();
    };
    let rate =
        |name: &str, quota: u32, per: &str| json!({"name": name, "quota": quota, "window_seconds": 60, "per": per});
    let budget = json!({"credits": 500, "refill": "month"});
    put(
        Subject::Plan(plan),
        json!({"rates": [rate("default", 100, "account"), rate("exports", 5, "account")], "budget": budget}),
    )
    .await;
    put(Subject::Account(operator()), json!({"rates": [rate("exports", 7, "account")], "tasks": 3})).await;
    put(Subject::Key(key.clone()), json!({"rates": [rate("default", 10, "key")]})).await;
    let of_account = [
        "100 requests a minute <span class=\"dim\">from the plan Pro</span>",
        "500 credits a month <span class=\"dim\">from the plan Pro</span>",
        "exports: 7 requests a minute <span class=\"dim\">from the account</span>",
        "3 at once <span class=\"dim\">from the account</span>",
    ];
    let of_key = "10 requests a minute for each key <span class=\"dim\">from this key</span>";
    let mut client = Client::signed_in(&site).await;
    let page = format!("/accounts/operator/keys/{key}");
    for (page, is_key) in [(USAGE, false), ("/accounts/operator/settings", false), (page.as_str(), true)] {
        let body = client.get(page).await.body;
        for text in of_account {
            assert!(body.contains(text), "{page}: {text}: {body}");
        }
        assert_eq!(body.contains(of_key), is_key, "{page}: {body}");
        assert!(!body.contains("exports: 5"), "{page}: the account replaces it: {body}");
    }
    let plans = client.get("/plans").await.body;
    assert!(plans.contains("100 requests a minute; exports: 5 requests a minute; 500 credits a month</td>"), "{plans}");
}

/// Counts that need labels such as "2,000".
fn count_thousands(site: &Site, key: &CredentialId, now: Timestamp) {
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    let today = now.as_millis() / 86_400_000;
    for back in 1..7 {
        let row = (key.as_str(), today - back, 1_500 + back);
        connection.execute("INSERT INTO desk_counts VALUES ('operator', ?1, ?2, 'accepted', ?3)", row).unwrap();
        let row = (today - back, 1_500 + back);
        connection
            .execute("INSERT INTO desk_modes VALUES ('operator', 'day', ?1, 'live', 'accepted', ?2)", row)
            .unwrap();
    }
}

#[needs(browser)]
#[tokio::test]
async fn charts_have_the_same_axes_on_every_page_and_screen() {
    let (site, clock) = Site::with_owner_and_clock().await;
    let noisy = furnish(&site).await;
    count_thousands(&site, &noisy, clock.now());
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let measure = "const card = document.querySelector('.chart').closest('.card').getBoundingClientRect(); \
        const ticks = [...document.querySelectorAll('.chart .tick')].filter((tick) => getComputedStyle(tick).display !== 'none'); \
        const boxes = ticks.map((tick) => [tick.textContent, tick.getBoundingClientRect()]); \
        const outside = boxes.filter(([, box]) => box.left < card.left || box.right > card.right).map(([text]) => text); \
        const below = boxes.filter(([, box]) => box.top > boxes[0][1].bottom); \
        const touching = below.filter(([, box], i) => i > 0 && box.left < below[i - 1][1].right + 2).map(([text]) => text); \
        const heights = boxes.map(([, box]) => box.height); \
        return [outside, touching, Math.min(...heights), Math.max(...heights), boxes.map(([text]) => text)]";
    let mut heights = Vec::new();
    for width in [1_600, 1_280, 800, 320] {
        browser.emulate(json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500})).await;
        for page in [
            USAGE,
            &format!("{USAGE}?days=1"),
            &format!("{USAGE}?days=7"),
            &format!("{USAGE}?days=90"),
            &format!("/accounts/operator/keys/{noisy}"),
        ] {
            browser.go(page).await;
            let found = browser.run(measure, vec![]).await;
            assert_eq!((&found[0], &found[1]), (&json!([]), &json!([])), "{page} at {width}: {found}");
            heights.extend([found[2].as_f64().unwrap(), found[3].as_f64().unwrap()]);
            if !page.ends_with("days=1") {
                assert!(found[4].as_array().unwrap().contains(&json!("2,000")), "{page} at {width}: {found}");
            }
        }
        browser.picture(&format!("key-chart-{width}")).await;
    }
    let most = heights.iter().copied().fold(0.0, f64::max);
    assert!(heights.iter().all(|height| (most - height).abs() < 1.0 && *height > 10.0), "{heights:?}");
    browser.close().await;
}

/// Kolkata is five and a half hours ahead of UTC, so no hour of it looks like one of UTC.
#[needs(browser)]
#[tokio::test]
async fn a_reader_in_another_zone_sees_local_times_and_utc_on_demand() {
    let site = Site::with_owner().await;
    let noisy = furnish(&site).await;
    let browser = Browser::open(&site).await;
    browser.zone("Asia/Kolkata").await;
    browser.sign_in().await;
    browser.go(&format!("{USAGE}?days=1")).await;
    let ticks = "return [...document.querySelectorAll('.chart [data-clock]')].map((tick) => tick.textContent)";
    let ticks = browser.run(ticks, vec![]).await;
    let ticks = ticks.as_array().unwrap();
    assert!(ticks.len() == 3 && ticks.iter().all(|tick| tick.as_str().unwrap().contains(":30")), "{ticks:?}");
    let bar = "const bar = document.querySelector('.chart [data-hour]'); \
        return [bar.querySelector('tspan').textContent, bar.querySelector('title').textContent, bar.getAttribute('aria-label')]";
    for text in browser.run(bar, vec![]).await.as_array().unwrap() {
        let text = text.as_str().unwrap();
        assert!(text.contains(":30") && text.contains(":00 UTC)"), "{text}");
    }
    browser.click(".chart + details summary").await;
    let hours = "return [...document.querySelectorAll('.chart + details th time')].map((time) => [time.textContent, time.title])";
    let hours = browser.run(hours, vec![]).await;
    for hour in hours.as_array().unwrap() {
        let (shown, title) = (hour[0].as_str().unwrap(), hour[1].as_str().unwrap());
        assert!(shown.contains(":30") && title.ends_with(":00 UTC"), "{hour}");
    }
    assert_eq!(hours.as_array().unwrap().len(), 24);

    // Every exact time is local, and its title is in UTC.
    let exact =
        "return [...document.querySelectorAll('main time[data-local]')].map((time) => [time.textContent, time.title])";
    for page in [
        "/settings",
        "/accounts/operator/audit",
        &format!("/accounts/operator/keys/{noisy}"),
        &format!("/accounts/operator/keys/{noisy}/requests"),
    ] {
        browser.go(page).await;
        let text = browser.text_of("main").await;
        let utc = text.lines().find(|line| {
            line.split(" UTC").next().unwrap().ends_with(|c: char| c.is_ascii_digit()) && line.contains(" UTC")
        });
        assert_eq!(utc, None, "{page}: {text}");
        let times = browser.run(exact, vec![]).await;
        for time in times.as_array().unwrap() {
            let (shown, title) = (time[0].as_str().unwrap(), time[1].as_str().unwrap());
            assert!(!shown.contains("UTC") && title.ends_with(" UTC"), "{page}: {time}");
        }
        if !page.ends_with("/requests") {
            assert!(!times.as_array().unwrap().is_empty(), "{page}");
        }
    }
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn bars_tell_their_figures_to_a_finger() {
    let (site, _) = Site::with_owner_and_clock().await;
    furnish(&site).await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.emulate(json!({"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": true})).await;
    browser.touch().await;
    browser.go(&format!("{USAGE}?days=7")).await;
    let shown = "return [...document.querySelectorAll('.tip')].filter((tip) => getComputedStyle(tip).display !== 'none') \
        .map((tip) => tip.textContent)";
    assert_eq!(browser.run(shown, vec![]).await, json!([]));
    for (bar, figures) in [("last", "6 accepted"), ("first", "none")] {
        let css = format!(".chart g:{bar}-of-type .hit");
        browser.tap(&css).await;
        let tips = browser.run(shown, vec![]).await;
        let tips = tips.as_array().unwrap();
        assert!(tips.len() == 1 && tips[0].as_str().unwrap().contains(figures), "{bar}: {tips:?}");
    }
    browser.picture("usage-tip-touch").await;
    browser.tap("h1").await;
    assert_eq!(browser.run(shown, vec![]).await, json!([]), "a tap beside the bars hides the tip");
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn bars_tell_their_figures_by_keyboard() {
    let (site, _) = Site::with_owner_and_clock().await;
    furnish(&site).await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go(&format!("{USAGE}?days=7")).await;
    let shown = "return [...document.querySelectorAll('.tip')].filter((tip) => getComputedStyle(tip).display !== 'none') \
        .map((tip) => tip.textContent)";
    assert_eq!(browser.run(shown, vec![]).await, json!([]));
    browser.run("document.querySelector('.chart g[tabindex=\"0\"]').focus()", vec![]).await;
    let tip = browser.run(shown, vec![]).await[0].as_str().unwrap().to_owned();
    assert!(tip.contains("so far") && tip.contains("6 accepted") && tip.contains("3 key revoked"), "{tip}");
    browser.picture("usage-tip").await;
    browser.keys(&char::from(fantoccini::key::Key::Left).to_string()).await;
    let tip = browser.run(shown, vec![]).await[0].as_str().unwrap().to_owned();
    assert!(tip.ends_with("none") && !tip.contains("so far"), "{tip}");
    // One place in the order of the tab key, however many bars.
    assert_eq!(
        browser.run("return document.querySelectorAll('.chart g[tabindex=\"0\"]').length", vec![]).await,
        json!(1)
    );
    // Two clicks from the account to the page of the key that causes errors.
    browser.press("Usage").await;
    browser.press("noisy").await;
    browser.find("h1 .badge.revoked").await;
    browser.close().await;

    let without = Browser::open_without_script(&site).await;
    without.sign_in().await;
    without.go(USAGE).await;
    without.press("24 hours").await;
    without.see("error rate").await;
    assert!(without.html().await.contains("<title>"), "the bars have titles");
    without.click(".card details summary").await;
    without.see("so far").await;
    without.close().await;
}
