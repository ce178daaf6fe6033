//! The operator's pages: accounts, plans, and finding accounts and users.

use keyward::manage::{Actor, Context, KeyDraft, NewUser, Plan, Role};
use keyward::{AccountId, AccountRecord, Keys};
use keyward_needs::needs;

use crate::browser::Browser;
use crate::http::{Answer, Client};
use crate::site::{PASSWORD, Site};

async fn send(client: &mut Client, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let shown = client.get(page).await;
    assert_eq!(shown.status, 200, "{page}: {}", shown.body);
    let hidden: Vec<(&str, String)> = ["csrf", "version", "form_id"]
        .into_iter()
        .filter(|name| shown.body.contains(&format!("name=\"{name}\"")))
        .map(|name| (name, shown.field(name)))
        .collect();
    let mut all: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(fields);
    client.post(path, &all).await
}

#[needs(browser)]
#[tokio::test]
async fn the_operator_creates_an_account_gives_it_a_plan_and_suspends_it() {
    let site = Site::with_owner().await;
    for script in [true, false] {
        let browser = if script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        let (name, plan) = if script { ("Customer A", "Pro") } else { ("Customer B", "Team") };
        browser.sign_in().await;
        browser.go("/plans").await;
        browser.fill("name", plan).await;
        browser.fill("key_limit", "many").await;
        browser.press("Create plan").await;
        browser.see("does not fit").await;
        browser.fill("key_limit", "7").await;
        browser.press("Create plan").await;
        browser.see("The plan is created").await;
        browser.see("at most 7 in an account").await;
        browser.fill("description", "For teams").await;
        browser.press("Change plan").await;
        browser.see("The plan is changed").await;

        browser.go("/accounts").await;
        browser.press("Create account").await;
        browser.fill("account_name", name).await;
        browser.press("Create account").await;
        browser.see("The account is created").await;
        let account: AccountId = browser.path().await.split('/').nth(2).unwrap().parse().unwrap();
        browser.go(&format!("/accounts/{account}/settings")).await;
        browser.click(&format!("#plan option[value='{plan}']")).await;
        browser.press("Change plan").await;
        browser.see("The plan of the account is changed").await;
        let owner = site.owner().await;
        let issued = site.management.create_key(&owner, KeyDraft::secret(account.clone(), "k")).await.unwrap();
        let key = issued.key.expose_once().to_string();
        assert_eq!(site.call_api(&key).await, 200);
        browser.press("Suspend").await;
        browser.see("All keys of the account are refused").await;
        browser.press("Suspend").await;
        browser.see("The account is suspended").await;
        assert_eq!(site.call_api(&key).await, 403);
        browser.picture("account-suspended").await;
        browser.press("Reinstate").await;
        browser.see("The account is reinstated").await;
        assert_eq!(site.call_api(&key).await, 200);

        browser.go(&format!("/accounts?q={}", &account.as_str()[3..12])).await;
        let row = browser.text_of("tbody tr").await;
        assert!(row.contains(name) && row.contains(plan) && row.contains('1'), "{row}");
        browser.go(&format!("/plans/{plan}")).await;
        browser.press("Remove").await;
        browser.see("keep its name").await;
        browser.click("input[name='force']").await;
        browser.press("Remove").await;
        browser.see("The plan is removed").await;
        browser.close().await;
    }
}

#[needs(browser)]
#[tokio::test]
async fn an_owner_of_the_operator_types_the_id_and_deletes_the_account() {
    let site = Site::with_owner().await;
    let (owner, context) = (site.owner().await, Context::new());
    for (script, email) in [(true, "grace@example.com"), (false, "dora@example.com")] {
        let account = site.management.create_account(&owner, "Customer").await.unwrap().value.id;
        let invited = site.management.invite(&owner, &account, email, Role::Developer).await.unwrap();
        site.management.accept_invitation(&context, &invited.secret, "Grace", PASSWORD).await.unwrap();
        let member = async |client: &mut Client| {
            let session = site.management.sign_in(&context, email, PASSWORD).await.unwrap().session;
            client.cookies.insert("keyward_session".to_owned(), session.to_string());
        };
        let mut grace = Client::new(&site);
        member(&mut grace).await;
        assert_eq!(grace.get(&format!("/accounts/{account}/keys")).await.status, 200);
        let issued = site.management.create_key(&owner, KeyDraft::secret(account.clone(), "k")).await.unwrap();
        let key = issued.key.expose_once().to_string();
        assert_eq!(site.call_api(&key).await, 200);

        let browser = if script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        browser.go(&format!("/accounts/{account}/settings")).await;
        browser.press("Delete account").await;
        browser.see("The account has 1 key, 2 members and no webhooks").await;
        browser.fill("account_id", "Customer").await;
        browser.press("Delete account").await;
        browser.see(&format!("Type the id of the account, {account}, to delete it")).await;
        assert_eq!(site.call_api(&key).await, 200);
        browser.picture("account-delete").await;
        browser.fill("account_id", account.as_str()).await;
        browser.press("Delete account").await;
        browser.see("The account is deleted").await;
        assert_eq!(site.call_api(&key).await, 401);
        assert!(!browser.text_of("main").await.contains(account.as_str()));
        browser.go("/accounts/operator/audit?of=all").await;
        browser.see("deleted the account “Customer”").await;
        browser.close().await;

        // The member's open session had the account selected.
        assert_eq!(grace.get(&format!("/accounts/{account}/keys")).await.status, 404);
        let mut again = Client::new(&site);
        member(&mut again).await;
        let home = again.get("/keys").await;
        assert_eq!((home.status, home.header("location")), (303, "/invitations"));
        let open = again.get("/invitations").await;
        assert!(open.body.contains("You don&#39;t belong to an account yet"), "{}", open.body);
    }
}

#[tokio::test]
async fn others_than_the_operator_change_no_account_and_no_plan() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let customer = site.management.create_account(&owner, "Customer").await.unwrap().value.id;
    let context = Context::new();
    let invited = site.management.invite(&owner, &customer, "grace@example.com", Role::Owner).await.unwrap();
    site.management.accept_invitation(&context, &invited.secret, "Grace", PASSWORD).await.unwrap();
    let session = site.management.sign_in(&context, "grace@example.com", PASSWORD).await.unwrap().session;
    let mut grace = Client::new(&site);
    grace.cookies.insert("keyward_session".to_owned(), session.to_string());
    let settings = format!("/accounts/{customer}/settings");
    let page = grace.get(&settings).await;
    assert!(
        page.status == 200 && !page.body.contains("Suspend") && !page.body.contains("Change plan"),
        "{}",
        page.body
    );
    let token = page.field("csrf");
    assert!(!page.body.contains("Delete account"));
    let (suspend, delete) = (format!("/accounts/{customer}/suspend"), format!("/accounts/{customer}/delete"));
    for path in ["/accounts/new", "/plans", &suspend, &delete] {
        assert_eq!(grace.get(path).await.status, 404, "{path}");
    }
    let fields = [
        ("csrf", token.as_str()),
        ("version", "1"),
        ("form_id", "0123456789abcdef"),
        ("name", "Pro"),
        ("account_name", "Mine"),
        ("plan", ""),
        ("account_id", customer.as_str()),
    ];
    for path in ["/accounts/new", "/plans", "/plans/Pro", "/plans/Pro/remove"] {
        assert_eq!(grace.post(path, &fields).await.status, 404, "{path}");
    }
    for rest in ["suspend", "reinstate", "plan", "delete"] {
        let path = format!("/accounts/{customer}/{rest}");
        assert_eq!(grace.post(&path, &fields).await.status, 404, "{path}");
    }
    assert!(site.management.account(&owner, &customer).await.unwrap().suspended_at.is_none());
    assert!(site.management.plans(&owner).await.unwrap().is_empty());
}

#[tokio::test]
async fn wrong_values_and_old_versions_are_told() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let customer = site.management.create_account(&owner, "Customer").await.unwrap().value.id;
    let mut client = Client::signed_in(&site).await;
    let made = send(&mut client, "/plans", "/plans", &[("name", "Pro"), ("description", "")]).await;
    assert_eq!((made.status, made.header("location")), (303, "/plans/Pro"));
    for (name, limit, status, text) in [
        ("Pro", "", 409, "already exists"),
        ("", "", 422, "Name"),
        ("New", "10001", 422, "10001"),
        ("New", "-1", 422, "does not fit"),
    ] {
        let answer = send(&mut client, "/plans", "/plans", &[("name", name), ("key_limit", limit)]).await;
        assert!(
            answer.status == status && answer.body.contains(text),
            "{name:?} {limit:?}: {} {}",
            answer.status,
            answer.body
        );
        // The form keeps its texts.
        assert!(answer.body.contains(&format!("value=\"{limit}\"")), "{}", answer.body);
    }
    let settings = format!("/accounts/{customer}/settings");
    let answer = send(&mut client, &settings, &format!("/accounts/{customer}/plan"), &[("plan", "Nothing")]).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    let token = client.get(&settings).await.field("csrf");
    let old = [("csrf", token.as_str()), ("version", "99"), ("plan", "Pro")];
    for path in [
        format!("/accounts/{customer}/plan"),
        format!("/accounts/{customer}/suspend"),
        "/plans/Pro".to_owned(),
        "/plans/Pro/remove".to_owned(),
    ] {
        assert_eq!(client.post(&path, &old).await.status, 412, "{path}");
    }
    // A form that is sent twice makes one account.
    let form = client.get("/accounts/new").await;
    let (token, id) = (form.field("csrf"), form.field("form_id"));
    let fields = [("csrf", token.as_str()), ("form_id", id.as_str()), ("account_name", "Once")];
    let first = client.post("/accounts/new", &fields).await.header("location").to_owned();
    assert_eq!(client.post("/accounts/new", &fields).await.header("location"), first);
    assert_eq!(site.management.find_accounts(&owner, "once").await.unwrap().len(), 1);
    let empty = send(&mut client, "/accounts/new", "/accounts/new", &[("account_name", " ")]).await;
    assert_eq!(empty.status, 422);
}

#[tokio::test]
async fn a_plan_in_use_needs_a_second_confirmation() {
    let site = Site::with_owner().await;
    let (mut client, keys) = (Client::signed_in(&site).await, Keys::new(site.store.clone()));
    let (page, form) = ("/plans/Pro/remove", "Remove it although");
    for (accounts, question) in [
        (0, None),
        (1, Some("Remove it although 1 account has it")),
        (2, Some("Remove it although 2 accounts have it")),
        (1_002, Some("Remove it although more than 1,000 accounts have it")),
    ] {
        let owner = site.owner().await;
        site.management.put_plan(&owner, Plan::new("Pro"), None).await.unwrap();
        for number in 0..accounts {
            let id = format!("acct_{number:04}").parse().unwrap();
            keys.put_account(&AccountRecord::new(id, "Customer").with_plan("Pro")).await.unwrap();
        }
        let shown = client.get(page).await;
        assert_eq!(shown.body.contains(form), question.is_some(), "{}", shown.body);
        if let Some(question) = question {
            let refused = send(&mut client, page, page, &[]).await;
            assert_eq!(refused.status, 409);
            assert!(refused.body.contains(question), "{}", refused.body);
        }
        let force: &[(&str, &str)] = if question.is_some() { &[("force", "1")] } else { &[] };
        let removed = send(&mut client, page, page, force).await;
        assert_eq!((removed.status, removed.header("location")), (303, "/plans"));
        assert!(site.management.plans(&owner).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn lists_say_how_many_there_are_and_suspended_accounts_are_found() {
    let site = Site::with_owner().await;
    let (owner, mut client) = (site.owner().await, Client::signed_in(&site).await);
    let accounts = client.get("/accounts").await.body;
    assert!(accounts.contains("<span class=\"dim\">1 account</span>"), "{accounts}");
    let open = site.management.create_account(&owner, "Open").await.unwrap();
    let closed = site.management.create_account(&owner, "Closed").await.unwrap();
    let update = keyward::manage::AccountUpdate { suspended: Some(true), ..Default::default() };
    site.management.update_account(&owner, &closed.id, &update, closed.version).await.unwrap();
    let accounts = client.get("/accounts").await.body;
    assert!(accounts.contains("<span class=\"dim\">3 accounts</span>"), "{accounts}");
    let suspended = client.get("/accounts?suspended=1").await.body;
    for (account, is_listed) in [(&open, false), (&closed, true)] {
        assert_eq!(suspended.contains(&format!("<code>{}</code></td>", account.id)), is_listed, "{suspended}");
    }
    assert!(suspended.contains("<option value=\"1\" selected>Only suspended</option>"), "{suspended}");
    assert!(!suspended.contains("3 accounts"), "a part has no total: {suspended}");
    let both = client.get("/accounts?q=open&suspended=1").await.body;
    assert!(both.contains("No account matches"), "{both}");
    let users = client.get("/users").await.body;
    assert!(users.contains("<span class=\"dim\">1 user</span>"), "{users}");
}

#[tokio::test]
async fn many_deleted_accounts_make_no_list_long() {
    let site = Site::with_owner().await;
    let first = AccountRecord::new("a_first".parse().unwrap(), "First");
    Keys::new(site.store.clone()).put_account(&first).await.unwrap();
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    // More than a list reads, between the two others.
    for insert in [
        "accounts SELECT 'acct_' || i, 'deleted account', NULL, '[]', 1 FROM n",
        "desk_records SELECT 'deleted_account', 'acct_' || i, '', '', NULL, 1, NULL, 1, '{}' FROM n",
    ] {
        let many = "WITH RECURSIVE n (i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < 20999)";
        assert_eq!(connection.execute(&format!("{many} INSERT INTO {insert}"), []).unwrap(), 11_000);
    }
    let mut client = Client::signed_in(&site).await;
    let page = client.get("/accounts").await.body;
    assert!(page.contains("<code>a_first</code></td>") && !page.contains("<code>operator</code></td>"), "{page}");
    assert!(page.contains("<span class=\"dim\">at least 1 account</span>"), "{page}");
    let next = page.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let page = client.get(next).await.body;
    assert!(page.contains("<code>operator</code></td>") && !page.contains("rel=\"next\""), "{page}");
    let suspended = client.get("/accounts?suspended=1").await.body;
    assert!(suspended.contains("No account matches") && suspended.contains("rel=\"next\""), "{suspended}");
}

#[tokio::test]
async fn exactly_a_page_of_accounts_has_no_next_one() {
    let site = Site::with_owner().await;
    let keys = Keys::new(site.store.clone());
    let mut client = Client::signed_in(&site).await;
    // With the operator's own account, these are 50 and 51.
    for (added, has_next) in [(0..49, false), (49..50, true)] {
        for number in added {
            let id = format!("acct_{number:02}").parse().unwrap();
            keys.put_account(&AccountRecord::new(id, "Customer")).await.unwrap();
        }
        let page = client.get("/accounts").await.body;
        assert_eq!(page.contains("rel=\"next\""), has_next, "{page}");
    }
    assert!(client.get("/accounts?after=acct_49").await.body.contains("<code>operator</code></td>"));
}

#[tokio::test]
async fn a_thousand_accounts_and_users_are_counted_and_found() {
    let site = Site::with_owner().await;
    let keys = Keys::new(site.store.clone());
    for number in 0..1_000 {
        let id = format!("acct_{number:04}").parse().unwrap();
        keys.put_account(&AccountRecord::new(id, format!("Customer {number:04}"))).await.unwrap();
    }
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    let owner = site.owner().await;
    site.management.create_key(&owner, KeyDraft::secret("acct_0500".parse().unwrap(), "k")).await.unwrap();
    let (system, context) = (Actor::system("test", Context::new()), Context::new());
    let new = NewUser::new("user0@example.com", "User 0", PASSWORD);
    site.management.sign_up(&context, new).await.unwrap();
    let copies = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
        INSERT INTO desk_records SELECT kind, 'user_' || i, owner, subject, 'key' || i, sort, expires_at, version, \
        replace(replace(replace(body, id, 'user_' || i), 'user0@', 'user' || i || '@'), 'User 0', 'User ' || i) FROM n, desk_records \
        WHERE kind = 'user' AND body LIKE '%user0@%'";
    connection.execute(copies, []).unwrap();
    assert!(site.management.users(&system, &Default::default()).await.unwrap().next.is_some());
    let mut client = Client::signed_in(&site).await;
    for (path, text) in [
        ("/accounts", "Customer 0000"),
        ("/accounts", "<span class=\"dim\">1,002 accounts</span>"),
        ("/accounts?suspended=1", "No account matches"),
        ("/accounts?q=customer+0999", "Customer 0999"),
        ("/accounts?q=ACCT_0500", "<td data-label=\"Active keys\">1</td>"),
        ("/accounts?q=nobody", "No account matches"),
        ("/users", "user10@example.com"),
        ("/users", "<span class=\"dim\">1,002 users</span>"),
        ("/users?q=user999%40", "user999@example.com"),
        ("/users?q=USER+998", "user998@example.com"),
        ("/users?q=nobody", "No user matches"),
        ("/plans", "No plans yet"),
        ("/accounts/acct_0500/settings", "Change plan"),
        ("/accounts/new", "Create account"),
    ] {
        let page = client.get(path).await;
        assert!(page.status == 200 && page.body.contains(text), "{path}: {} {}", page.status, page.body);
    }
}
