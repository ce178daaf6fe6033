//! The usage page: which keys cause errors, in hours and days, by mode, as a chart, a table and a file.

use keyward::limits::Subject;
use keyward::manage::{KeyDraft, Plan};
use keyward::{AccountId, CredentialId, Mode};
use keyward_needs::needs;
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::Site;

const USAGE: &str = "/accounts/operator/usage";

fn operator() -> AccountId {
    "operator".parse().unwrap()
}

/// A good key, a revoked one that is called often, and a test key that is disabled and called once.
async fn furnish(site: &Site) -> CredentialId {
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
    let site = Site::with_owner().await;
    let noisy = furnish(&site).await;
    let mut client = Client::signed_in(&site).await;
    for days in [1, 7, 30, 90] {
        let page = client.get(&format!("{USAGE}?days={days}")).await.body;
        for figure in [">6</span> accepted", ">4</span> refused", ">40.0 %</span> error rate"] {
            assert!(page.contains(figure), "{days}: {figure}: {page}");
        }
        let keys = rows(&page, "Keys with the most refusals");
        assert_eq!(keys.len(), 2, "{days}: {keys:?}");
        assert!(
            keys[0].starts_with(&format!("noisy live{noisy} | 3 | 0 | 100.0 % | The key was revoked: 3")),
            "{keys:?}"
        );
        let busiest = rows(&page, "Busiest keys");
        assert_eq!(busiest.len(), 3, "{days}: {busiest:?}");
        assert!(busiest[0].starts_with("good live") && busiest[0].ends_with(" | 6 | 0 | 0.0 % |"), "{busiest:?}");
        assert_eq!(busiest[1], format!("noisy live{noisy} | 3 | 3 | 100.0 % |"), "{days}");
        assert!(page.contains(&format!("/accounts/operator/keys/{noisy}\"><bdi>noisy</bdi></a>")), "{page}");
        let reasons = rows(&page, "Reasons of refusals");
        assert!(reasons[0].starts_with("The key was revoked key revoked | 3 | 75.0 %"), "{reasons:?}");
        let modes = rows(&page, "Requests by mode");
        assert_eq!(modes, ["Live | 6 | 3 | 33.3 % |", "Test | 0 | 1 | 100.0 % |"], "{days}");
        assert!(page.contains("A request that lacks a scope or exceeds a limit counts as refused."), "{page}");
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
    assert!(file.contains(&format!("{noisy}\",\"key_revoked\",\"3\"\r\n")), "{file}");
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
    let subject = keyward::limits::Subject::Account(operator());
    let rates = ["default=100/1h", "each=9/1m,key"].map(|rate| rate.parse().unwrap()).to_vec();
    let budget = Some("500/month".parse().unwrap());
    let limits = keyward_client::PutLimits { rates, budget, ..Default::default() };
    site.management.put_limits(&owner, &subject, &limits, 0).await.unwrap();
    // A node takes units of the rate from the store, and spends them.
    let counted = keyward::limits::Limits::start(keyward::sqlite::SqliteLimits::new(&site.store)).await.unwrap();
    let caller = keyward::Identity::api_key("key_1".parse().unwrap(), operator());
    counted.spend(&caller, &["default".into()], std::num::NonZeroU32::new(40).unwrap()).await.unwrap();
    let page = Client::signed_in(&site).await.get(USAGE).await.body;
    assert!(!page.contains("<dt>Rate each</dt>"), "each key has its own count: {page}");
    let rate = page.split("<dt>Rate default</dt>").nth(1).unwrap().split("</dd>").next().unwrap();
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
        "default: 100 in 60 s <span class=\"dim\">from the plan Pro</span>",
        "500 credits a month <span class=\"dim\">from the plan Pro</span>",
        "exports: 7 in 60 s <span class=\"dim\">from the account</span>",
        "3 at once <span class=\"dim\">from the account</span>",
    ];
    let of_key = "default: 10 in 60 s for each key <span class=\"dim\">from this key</span>";
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
    assert!(plans.contains("default: 100 in 60 s; exports: 5 in 60 s; 500 credits a month</td>"), "{plans}");
}

#[needs(browser)]
#[tokio::test]
async fn bars_tell_their_figures_by_keyboard_and_touch() {
    let site = Site::with_owner().await;
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
