//! What people look for in their first hour with the pages.

use std::time::{Duration, SystemTime};

use keyward::manage::{AccountUpdate, KeyDraft, Plan, Purpose};
use keyward::{NewKey, Timestamp};
use keyward_needs::needs;
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::requests::{call, service};
use crate::site::Site;

const KEYS: &str = "/accounts/operator/keys";

#[tokio::test]
async fn an_account_gets_a_plan_at_once_and_plans_count_their_accounts() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for plan in ["Free", "Pro & more"] {
        site.management.put_plan(&owner, Plan::new(plan), None).await.unwrap();
    }
    let mut client = Client::signed_in(&site).await;
    for (name, plan, status) in [
        ("One", "Pro & more", 303),
        ("Two", "Pro & more", 303),
        ("Three", "", 303),
        ("Four", "None", 422),
        ("", "", 422),
    ] {
        let form = client.get("/accounts/new").await;
        let (csrf, id) = (form.field("csrf"), form.field("form_id"));
        let fields = [("csrf", csrf.as_str()), ("form_id", &id), ("account_name", name), ("plan", plan)];
        let answer = client.post("/accounts/new", &fields).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
    }
    assert!(site.management.find_accounts(&owner, "Four").await.unwrap().is_empty(), "a wrong plan leaves no account");

    let plans = client.get("/plans").await.body;
    let link = "<a href=\"/accounts?plan=Pro+%26+more\">2<span class=\"hidden\"> Accounts</span></a>";
    assert!(plans.contains(link) && plans.contains("<td data-label=\"Accounts\">0</td>"), "{plans}");
    let plan = client.get("/plans/Pro%20%26%20more").await.body;
    assert!(plan.contains(&format!("<dt>Accounts</dt><dd>{link}</dd>")), "{plan}");
    let accounts = client.get("/accounts?plan=Pro+%26+more").await.body;
    let table = accounts.split("<tbody>").nth(1).unwrap();
    let rows = table.matches("<th scope=\"row\"><a href=\"/accounts/acct_").count();
    assert!(rows == 2 && !table.contains("<bdi>Three</bdi>"), "{accounts}");
    assert!(accounts.contains("<option value=\"Pro &#38; more\" selected>"), "{accounts}");
    assert!(client.get("/accounts?plan=Nowhere").await.body.contains("No account matches."));
    assert_eq!(client.get("/accounts?plan=Free&after=%20").await.status, 422);
}

#[tokio::test]
async fn a_scope_that_the_plan_does_not_allow_is_not_offered_as_a_remedy() {
    let site = Site::build(keyward::manage::ManagementBuilder::recent_requests).await;
    site.add_owner().await;
    let owner = site.owner().await;
    let account = site.management.create_account(&owner, "Customer").await.unwrap();
    let new = NewKey::restricted(account.id.clone(), "worker", "jobs:read".parse().unwrap());
    let issued = site.management.create_key(&owner, KeyDraft::of(Purpose::Api, new)).await.unwrap();
    let (service, key) = (service(&site), issued.key.expose_once());
    for _ in 0..6 {
        assert_eq!(call(&service, &key, "/v1/secrets").await, 403);
    }
    let mut client = Client::signed_in(&site).await;
    let path = format!("/accounts/{}/keys/{}", account.id, issued.view.id);
    let pages = [path.clone(), format!("{path}/rotate"), format!("{path}/requests")];
    for page in &pages {
        let page = client.get(page).await.body;
        assert!(page.contains("/edit?scope=jobs%3Aread&#38;scope=videos%3Aread\""), "{page}");
    }
    let plan = Plan { scopes: Some("jobs:*".parse().unwrap()), ..Plan::new("Free") };
    site.management.put_plan(&owner, plan, None).await.unwrap();
    let update = AccountUpdate { plan: Some(Some("Free".into())), ..AccountUpdate::default() };
    site.management.update_account(&owner, &account.id, &update, account.version).await.unwrap();
    let said = "The plan “Free” of this account does not allow videos:read, so no key can get it. Ask the operator for another plan.";
    for page in &pages {
        let page = client.get(page).await.body;
        assert!(page.contains(said) && !page.contains("scope=videos%3Aread"), "{page}");
    }
}

#[tokio::test]
async fn two_keys_of_a_rotation_are_told_apart_where_keys_are_listed() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let old =
        site.management.create_key(&owner, KeyDraft::secret("operator".parse().unwrap(), "server")).await.unwrap();
    let new = site.management.rotate_key(&owner, &old.view.id, Duration::from_secs(24 * 3_600)).await.unwrap();
    for key in [&*old.key.expose_once(), &*new.key.expose_once()] {
        site.call_api(key).await;
    }
    let (old, new) = (old.view, new.view);
    let mut client = Client::signed_in(&site).await;
    let selected = format!("{KEYS}/selected?action=revoke&id={}&id={}", old.id, new.id);
    for page in [KEYS.to_owned(), selected] {
        let page = client.get(&page).await.body;
        let texts = [
            &format!("{}", old.hint),
            &format!("{}", new.hint),
            "replaced by a new key, ends in",
            "replaces an old key",
        ];
        for text in texts {
            assert!(page.contains(text), "{text}: {page}");
        }
    }
    let page = client.get(&format!("{KEYS}/{}/revoke", old.id)).await.body;
    assert!(page.contains("replaced by a new key, ends in"), "{page}");
    for (id, is_old) in [(&old.id, true), (&new.id, false)] {
        let page = client.get(&format!("{KEYS}/{id}")).await.body;
        assert_eq!(page.contains("Another key replaces this one, which works until"), is_old, "{page}");
    }
    let page = client.get(KEYS).await.body;
    assert!(page.contains(&format!("aria-label=\"Select server ({})\"", new.hint)), "{page}");
    let page = client.get("/accounts/operator/audit").await.body;
    assert!(page.contains(&format!(">Key “server ({})”</option>", old.hint)), "{page}");
    let page = client.get("/accounts/operator/usage").await.body;
    assert!(page.contains(&format!("{} · {}", new.hint, new.id)), "{page}");
}

#[needs(browser)]
#[tokio::test]
async fn the_operators_settings_are_in_the_operators_menu() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let links = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)";
    for (path, current) in
        [("/settings/appearance", "Appearance"), ("/settings/api", "Your API"), ("/settings", "Settings")]
    {
        browser.go(path).await;
        let of = async |css: &str| browser.run(links, vec![json!(css)]).await;
        assert_eq!(of("header [aria-current=page]").await, json!([current]), "{path}");
        let operator = of("#operator-menu a").await.to_string();
        assert!(operator.contains("Appearance") && operator.contains("Your API"), "{operator}");
        let own = of("#user-menu a").await.to_string();
        assert!(!own.contains("Appearance") && !own.contains("Your API"), "{own}");
    }
    assert!(browser.text().await.contains("At least 15 characters"), "the length of a new password is said before");

    // The first thing below the code is what turns the factor on.
    browser.go("/settings/second-factor").await;
    browser.fill("password", crate::site::PASSWORD).await;
    browser.press("Set up").await;
    browser.see("Turn on").await;
    assert!(!browser.text().await.contains("Start again"));
    browser.press_summary("Does the code not work?").await;
    browser.see("Start again").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn an_open_entry_of_the_log_takes_no_width_from_the_others() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for name in ["a", "b", "a rather long name of a key that somebody has chosen with care"] {
        site.management.create_key(&owner, KeyDraft::secret("operator".parse().unwrap(), name)).await.unwrap();
    }
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go("/accounts/operator/audit").await;
    let widths = "return [...document.querySelectorAll('table.audit th')].map((one) => Math.round(one.getBoundingClientRect().width))";
    let before = browser.run(widths, vec![]).await;
    browser.run("document.querySelectorAll('table.audit details').forEach((one) => { one.open = true })", vec![]).await;
    assert_eq!(browser.run(widths, vec![]).await, before);
    let beside =
        "const table = document.querySelector('.table:has(.audit)'); return table.scrollWidth <= table.clientWidth";
    assert_eq!(browser.run(beside, vec![]).await, json!(true));
    browser.close().await;
}

#[tokio::test]
async fn a_rotation_takes_an_overlap_of_hours_or_days() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let mut client = Client::signed_in(&site).await;
    for (number, unit, hours) in [
        ("3", "h", Some(3)),
        ("2", "d", Some(48)),
        ("366", "d", Some(366 * 24)),
        ("0", "h", Some(0)),
        ("", "h", None),
        ("367", "d", None),
        ("1.5", "h", None),
        ("-1", "h", None),
        ("99999999999999999999", "d", None),
        ("3", "y", None),
    ] {
        let draft = KeyDraft::secret("operator".parse().unwrap(), "server");
        let key = site.management.create_key(&owner, draft).await.unwrap().view.id;
        let path = format!("{KEYS}/{key}/rotate");
        let form = client.get(&path).await;
        let fields = [
            ("csrf", form.field("csrf")),
            ("form_id", form.field("form_id")),
            ("overlap", "other".to_owned()),
            ("overlap_number", number.to_owned()),
            ("overlap_unit", unit.to_owned()),
        ];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let before = Timestamp::from(SystemTime::now());
        let answer = client.post(&path, &fields).await;
        assert_eq!(answer.status, if hours.is_some() { 200 } else { 422 }, "{number}{unit}: {}", answer.body);
        let Some(hours) = hours else {
            let kept = format!("name=\"overlap_number\" value=\"{number}\"");
            assert!(answer.body.contains(&kept), "{}", answer.body);
            assert!(
                answer.body.contains("enter a whole number of hours or days, at most 366 days."),
                "{}",
                answer.body
            );
            continue;
        };
        let old = site.management.key(&owner, &key).await.unwrap();
        let took = old.expires_at.unwrap().as_millis() - before.as_millis() - hours * 3_600_000;
        assert!((0..60_000).contains(&took), "{number}{unit}: {took}");
    }
}

#[tokio::test]
async fn the_log_is_searched_by_names_and_ids() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let mut ids = Vec::new();
    for name in ["Checkout server", "Nightly import"] {
        let draft = KeyDraft::secret("operator".parse().unwrap(), name);
        ids.push(site.management.create_key(&owner, draft).await.unwrap().view.id.to_string());
    }
    let mut client = Client::signed_in(&site).await;
    let both = ["created the key", "Checkout server", "Nightly import"];
    for (text, found, missing) in [
        ("checkout", &both[..2], &both[2..]),
        (ids[1].as_str(), &both[2..], &both[1..2]),
        ("ADA", &both[..], &[][..]),
        ("nothing-has-this", &["No entries match the filter."][..], &both[..]),
    ] {
        for path in ["audit", "audit/export"] {
            let page = client.get(&format!("/accounts/operator/{path}?q={text}")).await;
            let entries = page.body.split("<tbody>").last().unwrap();
            assert_eq!(page.status, 200, "{text}");
            let is_there =
                |word: &&&str| entries.contains(**word) || (path == "audit/export" && word.contains("match"));
            assert!(found.iter().all(|word| is_there(&word)), "{text} on {path}: {entries}");
            assert!(!missing.iter().any(|word| entries.contains(word)), "{text} on {path}: {entries}");
        }
    }
    let long = "x".repeat(101);
    for path in ["audit", "audit/export"] {
        let page = client.get(&format!("/accounts/operator/{path}?q={long}")).await;
        assert_eq!((page.status, page.body.contains("enter at most 100 characters")), (422, true), "{}", page.body);
    }
}
