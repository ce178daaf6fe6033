//! The audit log: sentences, filters, differences and files.

use keyward::clock::Clock as _;
use keyward::manage::{AuditQuery, Context, KeyDraft, PageRequest, Plan, Role};
use keyward::{AccountId, CredentialId};
use keyward_needs::needs;
use keyward_tests::watched::within;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{PASSWORD, Site};
use crate::webhooks;

const LOG: &str = "/accounts/operator/audit";

fn operator() -> AccountId {
    "operator".parse().unwrap()
}

async fn furnish(site: &Site) -> CredentialId {
    let owner = site.owner().await;
    let created = site.management.create_key(&owner, KeyDraft::secret(operator(), "worker")).await.unwrap();
    let id = created.view.id;
    site.management.revoke_key(&owner, &id).await.unwrap();
    site.management.create_key(&owner, KeyDraft::secret(operator(), "=1+1")).await.unwrap();
    site.management.put_plan(&owner, Plan::new("Pro"), None).await.unwrap();
    id
}

/// The text between tags.
fn words(html: &str) -> String {
    let text = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect::<String>();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[needs(browser)]
#[tokio::test]
async fn the_log_is_in_sentences_and_filtered_with_words() {
    let site = Site::with_owner().await;
    let key = furnish(&site).await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go("/audit").await;
    browser.see("Ada revoked the key “worker”").await;
    browser.see("The program “test” created the user Ada").await;
    browser.picture("audit-sentences").await;
    // Names are links.
    browser.press("worker").await;
    browser.find("h1 .badge.revoked").await;
    assert_eq!(browser.path().await, format!("/accounts/operator/keys/{key}"));

    browser.go(LOG).await;
    browser.click("#action option[value='key.revoke']").await;
    browser.press("Filter").await;
    browser.find("#action option[value='key.revoke']:checked").await;
    assert_eq!(browser.path().await, format!("{LOG}?action=key.revoke"), "empty filters are not in the URL");
    let text = browser.text_of("tbody").await;
    assert!(text.contains("Ada revoked the key “worker”") && !text.contains("created"), "{text}");

    // The difference is behind the details.
    assert!(!text.contains("Revoked"), "{text}");
    browser.click("td summary").await;
    let changed = browser.text_of("dl.changes").await;
    assert!(changed.contains("Revoked") && changed.contains("UTC"), "{changed}");
    assert!(!changed.contains("Hint") && !changed.contains("Name"), "only changed fields: {changed}");
    browser.click("td details a[href*='target=key']").await;
    browser.find("#target option[value^='key:']:checked").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn times_are_local_with_a_script_and_utc_without() {
    let site = Site::with_owner().await;
    furnish(&site).await;
    let with = Browser::open(&site).await;
    with.sign_in().await;
    with.go(LOG).await;
    let time = "const time = document.querySelector('td time'); return [time.textContent, time.title]";
    let shown = with.run(time, vec![]).await;
    assert!(shown[1].as_str().unwrap().ends_with(" UTC"), "{shown}");
    assert!(!shown[0].as_str().unwrap().contains("UTC"), "{shown}");
    with.close().await;
    let without = Browser::open_without_script(&site).await;
    without.sign_in().await;
    without.go(LOG).await;
    let shown = without.text_of("td time").await;
    assert!(shown.ends_with(" UTC"), "{shown}");
    without.click("#target option[value='key']").await;
    without.press("Filter").await;
    without.see("Ada revoked the key “worker”").await;
    assert!(!without.text_of("tbody").await.contains("created the user"));
    without.close().await;
}

#[tokio::test]
async fn filters_by_actor_action_target_and_day_add_up() {
    let (site, clock) = Site::with_owner_and_clock().await;
    let key = furnish(&site).await;
    let owner = site.owner().await;
    let ada = owner.user().unwrap();
    let today = clock.now().to_string()[..10].to_owned();
    let mut client = Client::signed_in(&site).await;
    let (revoked, created, made) =
        ("Ada revoked the key “worker”", "Ada created the key “worker”", "created the user Ada");
    for (filter, shown, hidden) in [
        (String::new(), vec![revoked, created, made], vec!["Pro"]),
        ("action=key.".to_owned(), vec![revoked, created], vec![made]),
        ("action=key.revoke".to_owned(), vec![revoked], vec![created, made]),
        (format!("actor={ada}"), vec![revoked, created], vec![made]),
        ("actor=user_nobody".to_owned(), vec!["No entries match the filter"], vec![revoked]),
        ("target=user".to_owned(), vec![made], vec![revoked]),
        (format!("target=key%3A{key}"), vec![revoked, created], vec![made, "=1+1”"]),
        (format!("target=key%3A{key}&action=key.create&actor={ada}"), vec![created], vec![revoked]),
        (format!("from={today}"), vec![revoked, made], vec![]),
        (format!("to={today}"), vec![revoked, made], vec![]),
        ("to=2020-01-01".to_owned(), vec!["No entries match the filter"], vec![revoked]),
        ("from=2999-01-01".to_owned(), vec!["No entries match the filter"], vec![revoked]),
        // Only the operator sees what belongs to no account.
        ("of=all&action=session.".to_owned(), vec!["Ada signed in"], vec![revoked]),
        ("of=all&action=plan.put".to_owned(), vec!["Ada saved the plan “Pro”"], vec![revoked]),
        ("action=nonsense".to_owned(), vec![revoked, created], vec![]),
    ] {
        let page = client.get(&format!("{LOG}?{filter}")).await;
        assert_eq!(page.status, 200, "{filter}: {}", page.body);
        let listed = words(page.body.split("</form>").last().unwrap());
        for text in shown {
            assert!(listed.contains(text), "{filter} hides {text}: {listed}");
        }
        for text in hidden {
            assert!(!listed.contains(text), "{filter} shows {text}: {listed}");
        }
    }
    for (filter, error) in [
        ("from=yesterday", "is no date"),
        ("to=2026-02-31", "is no date"),
        ("from=2026-03-02&to=2026-03-01", "The first day is after the last day"),
    ] {
        let page = client.get(&format!("{LOG}?{filter}")).await;
        assert!(page.status == 422 && page.body.contains(error), "{filter}: {} {}", page.status, page.body);
        assert_eq!(client.get(&format!("{LOG}/export?{filter}")).await.status, 422, "{filter}");
    }
    // An account's own log never has entries of others.
    let other = site.management.create_account(&owner, "Customer").await.unwrap().value.id;
    let page = client.get(&format!("/accounts/{other}/audit?of=all")).await.body;
    assert!(words(&page).contains("Ada created the account “Customer”"), "{page}");
    assert!(!words(page.split("</form>").last().unwrap()).contains("worker"), "{page}");
}

/// The links keep the other filters, and the file follows them.
#[tokio::test]
async fn ranges_of_days_are_a_click_away() {
    let (site, clock) = Site::with_owner_and_clock().await;
    furnish(&site).await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get(&format!("{LOG}?action=key.revoke&from=2020-01-01&to=2020-01-02")).await.body;
    assert!(words(&page).contains("No entries match the filter"), "{page}");
    let day = |days: i64| {
        let then = clock.now().as_millis() - days * 86_400_000;
        keyward::Timestamp::from_millis(then).to_string()[..10].to_owned()
    };
    for (label, first) in [("Today", Some(day(0))), ("This week", None), ("Last 30 days", Some(day(29)))] {
        let link = page.split(&format!("\">{label}</a>")).next().unwrap().rsplit("href=\"").next().unwrap();
        let link = link.replace("&#38;", "&");
        assert!(
            link.starts_with(&format!("{LOG}?action=key.revoke&from=")) && !link.contains("to="),
            "{label}: {link}"
        );
        if let Some(first) = first {
            assert!(link.ends_with(&first), "{label}: {link}");
        }
        let shown = client.get(&link).await.body;
        let listed = words(shown.split("</form>").last().unwrap());
        assert!(listed.contains("Ada revoked the key “worker”") && !listed.contains("created"), "{label}: {listed}");
        assert!(shown.contains(&format!("aria-current=\"true\">{label}</a>")), "{label}: {shown}");
        let file = client.get(&link.replacen("/audit?", "/audit/export?", 1)).await.body;
        assert_eq!(file.lines().count(), 2, "{label}: {file}");
    }
}

#[tokio::test]
async fn each_link_of_the_log_leads_to_a_page() {
    let site = webhooks::site().await;
    furnish(&site).await;
    let (management, owner) = (&site.management, site.owner().await);
    let mut gone = Vec::new();
    for name in ["Kept", "Gone"] {
        let account = management.create_account(&owner, name).await.unwrap().value;
        let key = KeyDraft::secret(account.id.clone(), format!("key of {name}"));
        let key = management.create_key(&owner, key).await.unwrap().view.id;
        let url = format!("https://example.com/{name}");
        let webhook = management.create_webhook(&owner, &account.id, &url, "", &[]).await.unwrap().webhook.id;
        let email = format!("{}@example.com", name.to_lowercase());
        management.invite(&owner, &account.id, &email, Role::Viewer).await.unwrap();
        let plan = management.put_plan(&owner, Plan::new(name), None).await.unwrap();
        let invited = management.invite(&owner, &operator(), &email, Role::Viewer).await.unwrap();
        management.accept_invitation(&Context::new(), &invited.secret, name, PASSWORD).await.unwrap();
        let user = management.user_with_email(&owner, &email).await.unwrap();
        if name == "Gone" {
            let version = management.webhook(&owner, &account.id, &webhook).await.unwrap().version;
            management.remove_webhook(&owner, &account.id, &webhook, version).await.unwrap();
            management.remove_plan(&owner, name, plan.version).await.unwrap();
            management.delete_user(&owner, &user.id, user.version).await.unwrap();
            let version = management.account(&owner, &account.id).await.unwrap().version;
            management.delete_account(&owner, &account.id, version).await.unwrap();
            gone =
                vec![account.id.to_string(), key.to_string(), webhook, user.id.to_string(), "/plans/Gone".to_owned()];
        }
    }
    let mut client = Client::signed_in(&site).await;
    let (mut path, mut links, mut text) = (Some(format!("{LOG}?of=all")), Vec::new(), String::new());
    while let Some(page) = path.take() {
        let page = client.get(&page).await.body;
        for sentence in page.split("<span class=\"sentence\">").skip(1).map(|rest| rest.split("</td>").next().unwrap())
        {
            links.extend(sentence.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
            text += &(words(sentence) + "\n");
        }
        let next = page.split("rel=\"next\" href=\"").nth(1).map(|rest| rest.split('"').next().unwrap());
        path = next.map(|next| next.replace("&#38;", "&"));
    }
    links.sort();
    links.dedup();
    for link in &links {
        assert_eq!(client.get(link).await.status, 200, "{link}");
        assert!(!gone.iter().any(|gone| link.contains(gone.as_str())), "{link}");
    }
    for kind in ["/keys/", "/webhooks/", "/plans/", "/users/", "/settings"] {
        assert!(links.iter().any(|link| link.contains(kind)), "no link to {kind}: {links:#?}");
    }
    for sentence in ["Ada created the key “key of Gone”", "Ada deleted the account “Gone”", "Ada saved the plan “Gone”"]
    {
        assert!(text.contains(sentence), "{sentence} is missing: {text}");
    }
}

#[tokio::test]
async fn a_file_has_all_entries_of_the_filter_however_many() {
    let site = Site::with_owner().await;
    furnish(&site).await;
    let owner = site.owner().await;
    for number in 0..620 {
        let name = if number % 2 == 0 { "Even" } else { "Odd" };
        let account = site.management.account(&owner, &operator()).await.unwrap();
        let update = keyward::manage::AccountUpdate { name: Some(name.to_owned()), ..Default::default() };
        site.management.update_account(&owner, &operator(), &update, account.version).await.unwrap();
    }
    let mut client = Client::signed_in(&site).await;
    let file = client.get(&format!("{LOG}/export?action=account.update")).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert!(
        file.header("content-disposition").contains("attachment; filename=\"audit-operator-"),
        "{:?}",
        file.headers
    );
    assert_eq!(file.body.lines().count(), 621);
    assert!(file.body.lines().nth(1).unwrap().contains("Ada changed the account “Odd”"), "{}", &file.body[..500]);
    let head = "\"number\",\"time\",\"sentence\",\"actor_type\",\"actor\",\"actor_name\",\"action\",\"outcome\",\"target_type\",\"target\",\"target_name\",";
    assert!(file.body.starts_with(head), "{}", &file.body[..300]);
    let ada = owner.user().unwrap();
    assert!(file.body.contains(&format!("\"user\",\"{ada}\",\"Ada\",\"account.update\"")), "{}", &file.body[..500]);
    let keys = client.get(&format!("{LOG}/export?action=key.create")).await.body;
    assert_eq!(keys.lines().count(), 3, "{keys}");
    assert!(!keys.lines().any(|line| line.starts_with("\"=") || line.contains(",\"=")), "{keys}");

    let lines = client.get(&format!("{LOG}/export?action=account.update&format=jsonl")).await;
    assert_eq!(lines.header("content-type"), "application/jsonl; charset=utf-8");
    let entries: Vec<serde_json::Value> = lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 620);
    assert!(entries.iter().all(|entry| entry["action"] == "account.update" && entry["previous"].is_string()));
    // The entries are those of the API, newest first.
    let query = AuditQuery {
        account: Some(operator()),
        page: PageRequest { limit: 500, ..Default::default() },
        ..Default::default()
    };
    let known = site.management.audit_log(&owner, &query).await.unwrap().items;
    let known: Vec<u64> =
        known.iter().filter(|entry| entry.action == "account.update").map(|entry| entry.number).collect();
    let listed: Vec<u64> = entries.iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    assert_eq!(listed[..known.len()], known);
    // Pages turn, and the last one has no link.
    let mut path = format!("{LOG}?action=account.");
    let mut pages = 0;
    loop {
        let page = client.get(&path).await.body;
        pages += 1;
        let Some(next) = page.split("rel=\"next\" href=\"").nth(1) else { break };
        path = next.split('"').next().unwrap().replace("&#38;", "&");
    }
    assert_eq!(pages, 13);
}

#[tokio::test]
async fn a_file_is_for_those_who_may_read_the_log() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let context = keyward::manage::Context::new();
    let invited = site
        .management
        .invite(&owner, &operator(), "grace@example.com", keyward::manage::Role::Developer)
        .await
        .unwrap();
    site.management.accept_invitation(&context, &invited.secret, "Grace", crate::site::PASSWORD).await.unwrap();
    let mut client = Client::new(&site);
    let session = site.management.sign_in(&context, "grace@example.com", crate::site::PASSWORD).await.unwrap().session;
    client.cookies.insert("keyward_session".to_owned(), session.to_string());
    for path in ["", "/export", "/export?format=jsonl", "?of=all", "?from=x"] {
        let answer = client.get(&format!("{LOG}{path}")).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    }
}

/// One user sends many searches at once. Those of others take turns with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn searches_of_one_user_do_not_delay_those_of_another() {
    const OTHER: &str = "bob@example.com";
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for number in 0..2_100 {
        let account = site.management.account(&owner, &operator()).await.unwrap();
        let update = keyward::manage::AccountUpdate { name: Some(format!("Name {number}")), ..Default::default() };
        site.management.update_account(&owner, &operator(), &update, account.version).await.unwrap();
    }
    let new = keyward::manage::NewUser::new(OTHER, "Bob", crate::site::PASSWORD);
    site.management.create_owner(&owner, new).await.unwrap();
    let flooding = Client::signed_in(&site).await;
    let mut other = Client::new(&site);
    let token = other.get("/login").await.field("csrf");
    other.post("/login", &[("csrf", &token), ("email", OTHER), ("password", crate::site::PASSWORD)]).await;
    let path = format!("{LOG}?q=zzzz");
    // A busy machine may end the flood before the other search begins.
    within("most of the flood is left for the other search", async || {
        let begun = std::time::Instant::now();
        assert_eq!(other.get(&path).await.status, 200);
        let alone = begun.elapsed();
        let flood: Vec<_> = (0..60)
            .map(|_| {
                let (mut client, path) = (Client::new(&site), path.clone());
                client.cookies = flooding.cookies.clone();
                tokio::spawn(async move { client.get(&path).await.status })
            })
            .collect();
        tokio::time::sleep(alone).await;
        let ended = || flood.iter().filter(|search| search.is_finished()).count();
        let before = ended();
        assert_eq!(other.get(&path).await.status, 200);
        let during = ended() - before;
        for search in flood {
            assert_eq!(search.await.unwrap(), 200);
        }
        // It takes turns with one of the flood, and not with each.
        assert!(before > 10 || during < 30, "alone {alone:?}, {before} ended before, {during} during the search");
        before <= 10
    })
    .await;
}
