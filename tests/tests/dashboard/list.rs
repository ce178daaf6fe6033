//! The list of keys: sorted, in pages, changed together, downloaded.

use fantoccini::Locator;
use keyward::clock::Clock as _;
use keyward::manage::{Actor, Context, KeyDraft};
use keyward::{AccountId, CredentialId, Timestamp};
use keyward_needs::needs;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{Site, add_spans};

fn operator() -> AccountId {
    "operator".parse().unwrap()
}

async fn make(site: &Site, name: &str) -> CredentialId {
    let owner = site.owner().await;
    site.management.create_key(&owner, KeyDraft::secret(operator(), name)).await.unwrap().view.id
}

async fn names(browser: &Browser) -> Vec<String> {
    let mut names = Vec::new();
    for cell in browser.client.find_all(Locator::Css("tbody th bdi")).await.unwrap() {
        names.push(cell.text().await.unwrap());
    }
    names
}

#[needs(browser)]
#[tokio::test]
async fn the_list_is_sorted_and_turned_with_links() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for number in 0..60 {
        let mut draft = KeyDraft::secret(operator(), format!("key {number:02}"));
        if number < 2 {
            let days = if number == 0 { 40 } else { 20 };
            let end = Timestamp::from(std::time::SystemTime::now()).as_millis() + days * 24 * 3_600 * 1_000;
            draft.expires_at = Some(Timestamp::from_millis(end));
        }
        site.management.create_key(&owner, draft).await.unwrap();
    }
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.see("1 to 25 of 60 keys").await;
    assert_eq!(names(&browser).await[0], "key 59", "the newest first");
    assert!(!browser.text().await.contains("Previous page"));

    browser.press("Name").await;
    browser.find("th[aria-sort=ascending]").await;
    assert_eq!(browser.path().await, "/accounts/operator/keys?sort=name");
    assert_eq!(names(&browser).await[..2], ["key 00", "key 01"]);
    browser.press("Next page").await;
    browser.see("26 to 50 of 60 keys").await;
    assert_eq!(names(&browser).await[0], "key 25");
    browser.press("Next page").await;
    browser.see("51 to 60 of 60 keys").await;
    browser.press("Previous page").await;
    browser.see("26 to 50 of 60 keys").await;
    browser.press("Name").await;
    browser.find("th[aria-sort=descending]").await;
    assert_eq!(names(&browser).await[0], "key 59");
    browser.press("Expires").await;
    browser.see("1 to 25 of 60 keys").await;
    assert_eq!(names(&browser).await[..3], ["key 01", "key 00", "key 59"], "keys without an end come last");

    browser.press_summary("More filters").await;
    browser.click("#size option[value='100']").await;
    browser.fill("q", "key 1").await;
    browser.press("Filter").await;
    browser.see("10 keys").await;
    assert_eq!(browser.path().await, "/accounts/operator/keys?q=key+1&sort=expires&size=100");
    browser.go("/accounts/operator/keys?size=100").await;
    browser.see("60 keys").await;
    assert_eq!(names(&browser).await.len(), 60);

    // A page behind the end leads to the last one.
    browser.go("/accounts/operator/keys?page=999").await;
    browser.see("51 to 60 of 60 keys").await;
    assert_eq!(browser.path().await, "/accounts/operator/keys?page=3");
    for nonsense in ["page=0", "page=-1", "page=x", "size=7", "sort=-nothing", "page=99999999999999999999"] {
        browser.go(&format!("/accounts/operator/keys?{nonsense}")).await;
        browser.see("1 to 25 of 60 keys").await;
    }
    browser.close().await;
}

#[tokio::test]
async fn the_list_is_sorted_by_requests() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let mut made = Vec::new();
    for number in 0..30 {
        let draft = KeyDraft::secret(operator(), format!("key {number:02}"));
        let issued = site.management.create_key(&owner, draft).await.unwrap();
        made.push((issued.view.id, issued.key.expose_once().to_string()));
    }
    for (key, times) in [(3, 2), (7, 5), (20, 2), (9, 1)] {
        for _ in 0..times {
            assert_eq!(site.call_api(&made[key].1).await, 200);
        }
    }
    // A refused request is a request, too.
    site.management.set_key_disabled(&owner, &made[9].0, true).await.unwrap();
    for _ in 0..3 {
        assert_eq!(site.call_api(&made[9].1).await, 401);
    }
    let mut client = Client::signed_in(&site).await;
    let mut names = async |query: &str| {
        let page = client.get(&format!("/accounts/operator/keys?{query}")).await.body.replace("&#38;", "&");
        let rows = page.split("<th scope=\"row\">").skip(1);
        let names: Vec<_> =
            rows.map(|row| row.split("<bdi>").nth(1).unwrap().split('<').next().unwrap().to_owned()).collect();
        (names, page)
    };
    let (busiest, page) = names("inactive=1&sort=-requests").await;
    assert_eq!(busiest[..6], ["key 07", "key 09", "key 20", "key 03", "key 29", "key 28"], "{page}");
    let head = "class=\"trend\" aria-sort=\"descending\"><a href=\"/accounts/operator/keys?inactive=1&sort=requests\">";
    assert!(page.contains(head), "{page}");
    assert!(page.contains("<option value=\"-requests\" selected>Most requests first</option>"), "{page}");
    // Each key is on one page.
    let (second, page) = names("inactive=1&sort=-requests&page=2").await;
    assert_eq!(second, ["key 05", "key 04", "key 02", "key 01", "key 00"].map(str::to_owned), "{page}");
    let all: std::collections::BTreeSet<_> = busiest.into_iter().chain(second).collect();
    assert_eq!(all.len(), 30, "{all:?}");
    let (fewest, page) = names("inactive=1&sort=requests&page=2").await;
    assert_eq!(fewest, ["key 00", "key 20", "key 03", "key 09", "key 07"].map(str::to_owned), "{page}");
    let (active, page) = names("sort=-requests").await;
    assert_eq!(active[..3], ["key 07", "key 20", "key 03"], "{page}");
    let (_, page) = names("").await;
    assert!(page.contains("?sort=-requests\">Requests in 30 days</a>"), "{page}");
}

#[needs(browser)]
#[tokio::test]
async fn selected_keys_are_changed_together_with_a_script_and_without() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for with_script in [true, false] {
        let mut ids = Vec::new();
        for name in ["pick one", "two", "pick three"] {
            ids.push(make(&site, name).await);
        }
        let statuses = async || {
            let mut statuses = Vec::new();
            for id in &ids {
                statuses.push(site.management.key(&owner, id).await.unwrap().status.to_string());
            }
            statuses.join(" ")
        };
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        let select = async |id: &CredentialId| browser.click(&format!("input[value='{id}']")).await;
        if !with_script {
            browser.press("Revoke").await;
            browser.see("No key is selected").await;
        }
        select(&ids[0]).await;
        select(&ids[1]).await;
        if with_script {
            browser.see("2 selected:").await;
            browser.picture("keys-selected").await;
        }
        browser.press("Disable").await;
        browser.see("Disable 2 keys?").await;
        browser.press("Disable the keys").await;
        browser.see("2 keys are disabled. No node accepts them.").await;
        assert_eq!(statuses().await, "disabled disabled active");

        browser.go("/accounts/operator/keys?inactive=1").await;
        select(&ids[0]).await;
        select(&ids[2]).await;
        browser.press("Enable").await;
        browser.see("Enable 1 key?").await;
        browser.see("Unchanged:").await;
        browser.press("Enable the key").await;
        browser.see("1 key is enabled.").await;
        assert_eq!(statuses().await, "active disabled active");

        browser.go("/accounts/operator/keys?inactive=1&q=pick").await;
        if with_script {
            browser.click("thead [data-all]").await;
        } else {
            select(&ids[0]).await;
            select(&ids[2]).await;
        }
        browser.press("Revoke").await;
        browser.see("You can't undo this").await;
        browser.click("#reason option[value=superseded]").await;
        browser.fill("note", "a new server").await;
        browser.press("Revoke the keys").await;
        browser.see("2 keys are revoked. No node accepts them.").await;
        assert_eq!(statuses().await, "revoked disabled revoked");
        let note = site.management.key(&owner, &ids[2]).await.unwrap().revocation.unwrap().note;
        assert_eq!(note.as_deref(), Some("a new server"));
        site.management.revoke_key(&owner, &ids[1]).await.unwrap();
        browser.close().await;
    }
}

#[tokio::test]
async fn a_selection_is_bounded_and_reaches_no_other_account() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let other = site.management.create_account(&owner, "Other").await.unwrap().id.clone();
    let foreign = site.management.create_key(&owner, KeyDraft::secret(other, "foreign")).await.unwrap().view.id;
    let own = make(&site, "own").await;
    let mut client = Client::signed_in(&site).await;
    let path = "/accounts/operator/keys/selected";
    let token = client.get(&format!("{path}?action=revoke&id={own}")).await.field("csrf");
    for (query, status) in [
        (format!("action=revoke&id={foreign}"), 404),
        (format!("action=revoke&id={own}&id={foreign}"), 404),
        ("action=revoke&id=nonsense".to_owned(), 404),
        (format!("action=erase&id={own}"), 422),
        (format!("id={own}"), 422),
        (format!("action=revoke&{}", (0..101).map(|n| format!("id=key_{n}")).collect::<Vec<_>>().join("&")), 422),
    ] {
        assert_eq!(client.get(&format!("{path}?{query}")).await.status, status, "{query}");
    }
    let (own_id, foreign_id) = (own.to_string(), foreign.to_string());
    let fields = [("csrf", token.as_str()), ("action", "revoke"), ("id", &own_id), ("id", &foreign_id)];
    assert_eq!(client.post(path, &fields).await.status, 404);
    for id in [&own, &foreign] {
        assert!(site.management.key(&owner, id).await.unwrap().revoked_at.is_none(), "one wrong id changes nothing");
    }
    let note = "n".repeat(501);
    let fields = [("csrf", token.as_str()), ("action", "revoke"), ("id", &own_id), ("note", &note)];
    assert_eq!(client.post(path, &fields).await.status, 422);
}

#[tokio::test]
async fn a_changed_selection_leads_back_to_its_part_of_the_list() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for number in 0..30 {
        let draft = KeyDraft::secret(operator(), format!("batch {number:02}"));
        site.management.create_key(&owner, draft).await.unwrap();
    }
    let mut client = Client::signed_in(&site).await;
    let query = "q=batch&sort=name&page=2";
    let list = format!("/accounts/operator/keys?{query}");
    let page = client.get(&list).await;
    assert_eq!(page.field("list").replace("&#38;", "&"), query);
    let boxes = page.body.split("name=\"id\" value=\"").skip(1);
    let ids: Vec<&str> = boxes.map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.len(), 5, "the second page");

    let path = "/accounts/operator/keys/selected";
    let sent = "list=q%3Dbatch%26sort%3Dname%26page%3D2";
    let shown = client.get(&format!("{path}?action=disable&id={}&id={}&{sent}", ids[0], ids[1])).await;
    let back = format!("href=\"{list}\"");
    assert!(shown.body.replace("&#38;", "&").contains(&back), "{}", shown.body);
    let (csrf, kept) = (shown.field("csrf"), shown.field("list").replace("&#38;", "&"));
    let fields = [("csrf", csrf.as_str()), ("action", "disable"), ("id", ids[0]), ("id", ids[1]), ("list", &kept)];
    let done = client.post(path, &fields).await;
    assert_eq!((done.status, done.header("location")), (303, list.as_str()));
    assert!(client.get(&list).await.body.contains("2 keys are disabled"));
    // Without any key, the last page is the one before. The notice is shown there.
    let fields: Vec<_> = ids[2..].iter().map(|id| ("id", *id)).collect();
    let fields = [vec![("csrf", csrf.as_str()), ("action", "revoke"), ("list", &kept)], fields].concat();
    let done = client.post(path, &fields).await;
    assert_eq!((done.status, done.header("location")), (303, list.as_str()));
    let first = client.get(&list).await;
    assert_eq!((first.status, first.header("location")), (303, "/accounts/operator/keys?q=batch&sort=name"));
    let first = client.get(first.header("location")).await.body;
    assert!(first.contains("3 keys are revoked") && first.contains("25 keys"), "{first}");
    let none = client.get(&format!("{path}?action=disable&{sent}")).await;
    assert_eq!((none.status, none.header("location")), (303, list.as_str()));
    // What is no query leads to no other page.
    let wrong = client.get(&format!("{path}?action=disable&list=%2F..%2F%2Fevil.example%0D%0A")).await;
    assert_eq!((wrong.status, wrong.header("location")), (303, "/accounts/operator/keys"));
}

/// With the key itself, they are more than a page of the store.
fn copy_600_times(connection: &rusqlite::Connection, key: &CredentialId) {
    let copies = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
        INSERT INTO keys SELECT 'key_' || i, account, 'copy ' || i, randomblob(32), hashed_with, hint, kind, mode, scopes, endpoints, \
        networks, metadata, created_at - i, not_before, expires_at, disabled_at, revoked_at, \
        compromised_at, last_used_at, rotated_from, rotated_to, version, last_used_from, user, created_by, \
        revocation_reason, revocation_note, tags FROM n, (SELECT * FROM keys WHERE id = ?1)";
    connection.execute(copies, [key.as_str()]).unwrap();
}

#[tokio::test]
async fn the_file_has_the_requests_of_each_key() {
    let (site, clock) = Site::with_owner_and_clock().await;
    let (used, unused) = (make(&site, "used").await, make(&site, "unused").await);
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    copy_600_times(&connection, &unused);
    let today = clock.now().as_millis() / (24 * 3_600 * 1_000);
    for (back, outcome, times) in [(0, "accepted", 5), (3, "key_expired", 2), (40, "accepted", 100)] {
        add_spans(&connection, today - back, used.as_str(), outcome, times);
    }
    // Each copy has as many as its number says, the oldest ones on another page of the store.
    let copies = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
        INSERT INTO desk_spans SELECT 'operator', days, ?1 - ?1 % days, 'key_' || i, 'accepted', i \
        FROM n, (SELECT 1 AS days UNION ALL SELECT 4 UNION ALL SELECT 16)";
    connection.execute(copies, [today]).unwrap();
    let file = Client::signed_in(&site).await.get("/accounts/operator/keys/export").await.body;
    let copies = (1..=600).map(|number| (format!("key_{number}"), number));
    for (id, count) in [(used.to_string(), 7), (unused.to_string(), 0)].into_iter().chain(copies) {
        let row = file.lines().find(|row| row.starts_with(&format!("\"{id}\""))).unwrap();
        assert!(row.ends_with(&format!(",\"Operator\",\"{count}\"")), "{row}");
    }
}

#[tokio::test]
async fn the_list_is_downloaded_whole_and_as_it_is_filtered() {
    let site = Site::with_owner().await;
    let first = make(&site, "=HYPERLINK(\"https://evil.example\")").await;
    let secret = {
        let owner = site.owner().await;
        let mut draft = KeyDraft::secret(operator(), "a, \"b\"");
        draft.mode = keyward::Mode::Test;
        site.management.create_key(&owner, draft).await.unwrap().key.expose_once().to_string()
    };
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    copy_600_times(&connection, &first);
    let mut client = Client::signed_in(&site).await;
    let answer = client.get("/accounts/operator/keys/export?sort=name&size=25&page=3").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"keys-operator-"));
    let rows: Vec<_> = answer.body.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 603, "a head, two keys and their copies");
    assert!(rows[0].starts_with("\"id\",\"name\",\"hint\",\"mode\",\"kind\",\"status\","));
    assert!(
        rows[1].contains(",\"a, \"\"b\"\"\",") && rows[1].contains(",\"test\",\"secret\",\"active\","),
        "{}",
        rows[1]
    );
    assert!(rows[2].contains("\"'=HYPERLINK("), "{}", rows[2]);
    assert!(!answer.body.contains(&secret));
    assert!(rows[0].contains("\"user\",\"user_name\",\"created_by\",\"created_by_name\","), "{}", rows[0]);
    assert!(rows[0].ends_with("\"account\",\"account_name\",\"requests_in_30_days\""), "{}", rows[0]);
    let ada = site.owner().await.user().unwrap().to_string();
    assert!(rows[1].contains(&format!("\"user {ada}\",\"Ada\"")), "{}", rows[1]);
    assert!(rows[1].ends_with("\"operator\",\"Operator\",\"0\""), "{}", rows[1]);
    let answer = client.get("/accounts/operator/keys/export?mode=test").await;
    assert_eq!(answer.body.split_terminator("\r\n").count(), 2);
}

#[tokio::test]
async fn creators_have_their_names_in_the_list_and_in_the_file() {
    let site = Site::with_owner().await;
    let (owner, management) = (site.owner().await, &site.management);
    let of = |purpose, name: &str| KeyDraft::of(purpose, keyward::NewKey::secret(operator(), name));
    let robot = management.create_key(&owner, of(keyward::manage::Purpose::Management, "robot")).await.unwrap();
    let identity = keyward::Identity::api_key(robot.view.id.clone(), operator());
    let by_key = Actor::of_identity(&identity, Context::new());
    management.create_key(&by_key, of(keyward::manage::Purpose::Api, "by a key")).await.unwrap();
    let terminal = Actor::system("command line", Context::new());
    management.create_key(&terminal, of(keyward::manage::Purpose::Api, "by a program")).await.unwrap();
    let mut client = Client::signed_in(&site).await;
    let list = client.get("/accounts/operator/keys").await.body;
    let file = client.get("/accounts/operator/keys/export").await.body;
    let of_robot = format!("key “robot” ({})", robot.view.id);
    for name in ["Ada", of_robot.as_str(), "the operator's command line"] {
        let shown = name.replace('\'', "&#39;");
        assert!(list.contains(&format!("<bdi>by {shown}</bdi>")), "{name}: {list}");
        assert!(file.contains(&format!(",\"{name}\",")), "{name}: {file}");
    }
}
