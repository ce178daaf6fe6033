//! README's own order: the quickstart, a key from the command line, and the dashboard on the same database.

use std::path::Path;
use std::process::{Command, Stdio};

use keyward::manage::PageRequest;
use keyward::{AccountRecord, Keys, NewKey};
use keyward_needs::needs;
use keyward_tests::program::{Program, package_program, up_to};
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{EMAIL, PASSWORD, Site};

fn keyward(database: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(package_program("keyward-cli", "keyward"));
    command.env_remove("KEYWARD_SERVER").arg("--database").arg(database).args(arguments).stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Ends the server on drop.
struct Serving(std::process::Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_dashboard_shows_accounts_and_keys_of_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let quickstart = Program::start("quickstart", &[("DATABASE", database.to_str().unwrap()), ("SEED_DEMO", "")]);
    output(keyward(&database, &["keys", "create", "--name", "my first key", "--scope", "resources:read"]));
    let listed = output(keyward(&database, &["accounts", "list"]));
    let ids: Vec<&str> = listed.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(ids, ["acct_demo", "default"]);
    let listed = output(keyward(&database, &["keys", "list"]));
    assert!(listed.contains(" ACCOUNT ") && listed.contains("acct_demo"), "{listed}");

    let mut serve = keyward(&database, &["serve", "--listen", "127.0.0.1:0", "--owner", EMAIL]);
    let mut serving = Serving(serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let said = up_to(serving.0.stderr.take().unwrap(), "invitation=");
    let link = said.lines().last().unwrap().trim();
    let (url, invitation) = link.split_once("/register?invitation=").unwrap();
    let mut client = Client::at(url.to_owned());
    let csrf = client.get(&format!("/register?invitation={invitation}")).await.field("csrf");
    let fields = [("csrf", csrf.as_str()), ("invitation", invitation), ("name", "Ada"), ("password", PASSWORD)];
    let answer = client.post("/register", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let csrf = client.get("/login").await.field("csrf");
    let answer = client.post("/login", &[("csrf", &csrf), ("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);

    // The owner lands on the operator's account, which has no keys and leads to the others.
    let landed = client.get("/accounts/operator/keys").await;
    assert!(landed.body.contains("No keys yet") && landed.body.contains("keys of other accounts"), "{}", landed.body);
    let accounts = client.get("/accounts").await.body;
    for (account, name) in [("acct_demo", "first"), ("default", "my first key")] {
        let path = format!("/accounts/{account}/keys");
        assert!(accounts.contains(&path), "{account} is not in the list: {accounts}");
        let keys = client.get(&path).await;
        assert!(keys.status == 200 && keys.body.contains(&format!("<bdi>{name}</bdi>")), "{}", keys.body);
    }
    quickstart.stop();
}

#[tokio::test]
async fn accounts_of_the_key_store_are_listed_in_pages_and_found() {
    let site = Site::with_owner().await;
    let keys = Keys::new(site.store.clone());
    for number in 0..5 {
        let id = format!("acct_{number}").parse().unwrap();
        keys.put_account(&AccountRecord::new(id, format!("Name {number}"))).await.unwrap();
    }
    let owner = site.owner().await;
    let (mut found, mut page) = (Vec::new(), PageRequest { after: None, limit: 2 });
    loop {
        let listed = site.management.accounts(&owner, &page).await.unwrap();
        found.extend(listed.items.into_iter().map(|account| account.value.id.to_string()));
        page.after = listed.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(found, ["acct_0", "acct_1", "acct_2", "acct_3", "acct_4", "operator"]);
    let matching = site.management.find_accounts(&owner, "name 3").await.unwrap();
    assert_eq!(matching.len(), 1);
    // The version that the list shows is the one that an update expects.
    let update = keyward::manage::AccountUpdate { name: Some("Renamed".to_owned()), ..Default::default() };
    let account = &matching[0];
    site.management.update_account(&owner, &account.id, &update, account.version).await.unwrap();
}

#[tokio::test]
async fn pages_say_that_use_is_not_reported() {
    let site = Site::with_owner().await;
    let keys = Keys::new(site.store.clone());
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    keys.put_account(&account).await.unwrap();
    let issued = keys.issue(NewKey::secret(account.id.clone(), "a key")).await.unwrap();
    let mut client = Client::signed_in(&site).await;
    let list = client.get("/accounts/acct_1/keys").await.body;
    assert!(list.contains("not reported") && list.contains("none reported"), "{list}");
    let usage = client.get("/accounts/acct_1/usage").await.body;
    assert!(usage.contains("are reported for the last 30 days") && !usage.contains("were used"), "{usage}");

    // A service that records last use, and reports no usage.
    use keyward::clock::{Clock, SystemClock};
    use keyward::store::{KeyStore, KeyUse};
    let used = KeyUse { id: issued.record.id.clone(), at: SystemClock.now(), from: None };
    site.store.record_use(&[used]).await.unwrap();
    let usage = client.get("/accounts/acct_1/usage").await.body;
    assert!(usage.contains("Its keys were used in this time, so the service does not report usage"), "{usage}");
    let other = keys.issue(NewKey::secret(account.id, "unused")).await.unwrap();
    let list = client.get("/accounts/acct_1/keys").await.body;
    assert!(list.contains(other.record.id.as_str()) && list.contains(">never</span>"), "{list}");
    assert!(!list.contains("not reported"), "{list}");
}

#[tokio::test]
async fn the_demo_opens_on_a_customer_whose_key_causes_errors() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = keyward(&folder.path().join("keys.db"), &["serve", "--listen", "127.0.0.1:0", "--demo"]);
    let (server, line) = Program::of(&mut serve);
    let mut client = Client::at(server.url.clone());
    let csrf = client.get("/login").await.field("csrf");
    let [email, password] = ["email", "password"].map(|name| line["credentials"][name].as_str().unwrap());
    let answer = client.post("/login", &[("csrf", &csrf), ("email", email), ("password", password)]).await;
    let mut path = answer.header("location").to_owned();
    assert_eq!((answer.status, path.as_str()), (303, "/keys"));
    path = client.get(&path).await.header("location").to_owned();
    let opened = client.get(&path).await;
    assert!(path.starts_with("/accounts/acct_") && path.ends_with("/keys"), "{path}");
    assert_eq!(opened.status, 200, "{}", opened.body);
    let account = opened.body.split("Account:</span> <bdi>").nth(1).unwrap().split('<').next().unwrap();
    assert!(!["Operator", ""].contains(&account), "{account}");
    // What to look at first is on the page, and leads to the key.
    assert!(opened.body.contains("<bdi>Metrics exporter</bdi>"), "{}", opened.body);
    assert!(opened.body.contains("often refused"), "{}", opened.body);
    server.stop();
}

/// From the address that `--demo` prints to a key in place of the one that causes errors. Each step is on the page before it.
#[needs(browser)]
#[tokio::test]
async fn a_newcomer_to_the_demo_finds_the_key_that_causes_errors_and_replaces_it() {
    for width in [1280, 375] {
        let folder = tempfile::tempdir().unwrap();
        let mut serve = keyward(&folder.path().join("keys.db"), &["serve", "--listen", "127.0.0.1:0", "--demo"]);
        let (server, line) = Program::of(&mut serve);
        let [email, password] = ["email", "password"].map(|name| line["credentials"][name].as_str().unwrap());
        let browser = Browser::open_at(server.url.clone()).await;
        let screen = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500});
        browser.emulate(screen).await;
        browser.go("").await;
        browser.fill("email", email).await;
        browser.fill("password", password).await;
        browser.press("Sign in").await;

        browser.see("This key is often refused: Metrics exporter").await;
        let is_seen = "return document.querySelector('.note.bad a').getBoundingClientRect().bottom < 800";
        assert_eq!(browser.run(is_seen, vec![]).await, true, "{width}: one has to scroll to the key");
        browser.picture("demo-list").await;
        browser.click(".note.bad a").await;
        browser.see("The most frequent reason: The key lacked a scope. Missing: resources:write.").await;
        browser.picture("demo-key").await;
        browser.click("p.note a[href*='/edit?scope=']").await;
        browser.press("Review the change").await;
        browser.see("added").await;
        browser.press("Change access").await;
        browser.see("The access is changed").await;
        let text = browser.text().await;
        assert!(!text.contains("were refused"), "{width}: {text}");

        browser.press("Rotate").await;
        browser.see("You get a new key with the same rights").await;
        assert!(!browser.text().await.contains("is refused too"), "{width}");
        // The chosen text of a field that is too narrow for it ends in the middle of a word.
        let fits = "const field = document.querySelector('#expires'); const pen = document.createElement('canvas').getContext('2d'); \
            pen.font = getComputedStyle(field).font; \
            return pen.measureText(field.selectedOptions[0].text).width < field.clientWidth - 40";
        assert_eq!(browser.run(fits, vec![]).await, true, "{width}: the expiry is cut off");
        browser.picture("demo-rotate").await;
        browser.press("Rotate").await;
        browser.see("Copy your key").await;
        browser.see("resources:read, resources:write").await;
        browser.press("Done, I have stored the key").await;
        browser.go("/keys").await;
        browser.see("replaces an old key").await;
        let text = browser.text().await;
        assert!(!text.contains("often refused"), "{width}: {text}");
        browser.close().await;
        server.stop();
    }
}
