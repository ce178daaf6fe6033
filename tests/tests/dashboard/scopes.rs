//! The scopes and the example that the provider describes, and the access of a key.

use std::process::{Command, Stdio};

use keyward::key::KeyKind;
use keyward::manage::{ApiDescription, DashboardSettings, KeyDraft};
use keyward::{AccountId, CredentialId};
use keyward_needs::needs;
use keyward_tests::program::{package_program, up_to};
use serde_json::json;

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{EMAIL, PASSWORD, Site};

const SCOPES: &str = "# Videos\nvideos:read List and download videos\nvideos:write Upload videos\n\
                      # Billing\ninvoices:read List invoices\n= Player: videos:read\n";

fn operator() -> AccountId {
    "operator".parse().unwrap()
}

async fn restricted(site: &Site, scopes: &str) -> CredentialId {
    let mut draft = KeyDraft::secret(operator(), "worker");
    (draft.kind, draft.scopes) = (KeyKind::Restricted, scopes.parse().unwrap());
    site.management.create_key(&site.owner().await, draft).await.unwrap().view.id
}

async fn ticked(browser: &Browser) -> serde_json::Value {
    let boxes =
        "return [...document.querySelectorAll('.scopes-api [name=scope]')].map((box) => [box.value, box.checked])";
    browser.run(boxes, vec![]).await
}

#[needs(browser)]
#[tokio::test]
async fn the_operator_describes_scopes_and_people_pick_them_in_groups() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.press_summary("Operator").await;
    browser.press("Your API").await;
    let configured = browser.find("#scopes").await.prop("value").await.unwrap().unwrap();
    assert!(configured.contains("resources:read List and retrieve resources"), "{configured}");
    browser.fill("scopes", "# Videos\nvideos").await;
    browser.press("Save").await;
    browser.see("Scopes: line 2: invalid scope `videos`").await;
    assert_eq!(browser.focused().await, "scopes");
    browser.fill("scopes", SCOPES).await;
    browser.fill("example_url", "https://api.example.com/v1/videos?limit=1&page=2").await;
    browser.press("Save").await;
    browser.see("The description of your API is changed").await;
    browser.picture("scopes-described").await;

    browser.go("/accounts/operator/keys/new").await;
    browser.fill("name", "player").await;
    browser.choose("kind", "restricted").await;
    browser.see("List and download videos").await;
    let legends = "return [...document.querySelectorAll('.group legend')].map((one) => one.textContent)";
    assert_eq!(browser.run(legends, vec![]).await, json!(["Videos", "Billing"]));
    browser.press("Player").await;
    let only_read = json!([["videos:read", true], ["videos:write", false], ["invoices:read", false]]);
    assert_eq!(ticked(&browser).await, only_read);
    browser.picture("scopes-picked").await;
    browser.press("None").await;
    browser.press("Create key").await;
    browser.see("a restricted key needs at least one scope").await;
    browser.press("Player").await;
    browser.press("Create key").await;
    browser.see("you won't see it again").await;
    let curl = browser.text_of("#curl").await;
    assert!(curl.ends_with("\"https://api.example.com/v1/videos?limit=1&page=2\""), "{curl}");
    let owner = site.owner().await;
    let query = keyward::store::KeyQuery { account: Some(operator()), ..Default::default() };
    let made = &site.management.keys(&owner, &query).await.unwrap().items[0];
    assert_eq!(made.scopes.to_string(), "videos:read");

    // Scopes that are no longer described stay in a key.
    browser.go("/settings/api").await;
    browser.fill("scopes", "jobs:* All about jobs").await;
    browser.press("Save").await;
    browser.see("The description of your API is changed").await;
    browser.go(&format!("/accounts/operator/keys/{}/edit", made.id)).await;
    assert_eq!(browser.find("#other_scopes").await.prop("value").await.unwrap().unwrap(), "videos:read");
    browser.close().await;
}

#[tokio::test]
async fn only_the_operator_describes_scopes() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let other = site.management.create_account(&owner, "Other").await.unwrap().id.clone();
    let invited =
        site.management.invite(&owner, &other, "lin@example.com", keyward::manage::Role::Owner).await.unwrap();
    let context = keyward::manage::Context::new();
    site.management.accept_invitation(&context, &invited.secret, "Lin", PASSWORD).await.unwrap();
    let session = site.management.sign_in(&context, "lin@example.com", PASSWORD).await.unwrap().session;
    let lin = site.management.session(&session, context).await.unwrap();
    assert!(site.management.set_api_description(&lin, &ApiDescription::default(), 0).await.is_err());
    let mut client = Client::new(&site);
    let token = client.get("/login").await.field("csrf");
    client.post("/login", &[("csrf", &token), ("email", "lin@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(client.get("/settings/api").await.status, 404);

    let mut ada = Client::signed_in(&site).await;
    let page = ada.get("/settings/api").await;
    let (token, version) = (page.field("csrf"), page.field("version"));
    let send = |scopes: &'static str, url: &'static str| {
        [("csrf", token.clone()), ("version", version.clone()), ("scopes", scopes.into()), ("example_url", url.into())]
    };
    for (scopes, url, status) in [
        ("a:read\na:read", "", 422),
        ("a:read", "api.example.com", 422),
        ("a:read", "https://api.example.com/$(id)", 422),
        ("a:read", "", 303),
        ("a:write", "", 412),
    ] {
        let fields = send(scopes, url);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = ada.post("/settings/api", &fields).await;
        assert_eq!(answer.status, status, "{scopes} {url}: {}", answer.body);
    }
}

#[needs(browser)]
#[tokio::test]
async fn access_of_a_key_is_changed_after_a_summary_with_a_script_and_without() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    for with_script in [true, false] {
        let id = restricted(&site, "resources:read jobs:*").await;
        let browser = if with_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        browser.sign_in().await;
        browser.go(&format!("/accounts/operator/keys/{id}")).await;
        browser.press("Change access").await;
        browser.see("List and retrieve resources").await;
        browser.press("Review the change").await;
        browser.see("Nothing changed.").await;
        browser.press("Change access").await;
        browser.choose("scope", "resources:write").await;
        browser.fill("other_scopes", "").await;
        browser.fill("endpoints", "GET /v1/videos/*\nvideos").await;
        browser.press("Review the change").await;
        browser.see("invalid endpoint \"videos\"").await;
        browser.fill("endpoints", "get /v1/videos/*").await;
        browser.press("Review the change").await;
        browser.see("methods are case-sensitive, write GET").await;
        browser.fill("endpoints", "GET /v1/videos/*").await;
        browser.fill("networks", "192.0.2.0/24 2001:db8::/32").await;
        browser.press("Review the change").await;
        for text in ["removed jobs:*", "added resources:write", "added GET /v1/videos/*", "added 2001:db8::/32"] {
            browser.see(text).await;
        }
        browser.picture("access-summary").await;
        let before = site.management.key(&owner, &id).await.unwrap();
        assert_eq!(before.scopes.to_string(), "jobs:* resources:read", "nothing is changed before it is confirmed");
        browser.press("Change access").await;
        browser.see("The access is changed. Effective").await;
        browser.see("resources:read, resources:write, on 1 endpoint, from 2 networks").await;
        let key = site.management.key(&owner, &id).await.unwrap();
        assert_eq!(key.scopes.to_string(), "resources:read resources:write");
        assert_eq!(key.endpoints[0].as_str(), "GET /v1/videos/*");
        assert_eq!(key.networks.len(), 2);

        // Somebody else changes the key between the summary and the button.
        browser.press("Change access").await;
        browser.fill("networks", "").await;
        browser.press("Review the change").await;
        browser.see("No limit is left.").await;
        site.management.set_key_disabled(&owner, &id, true).await.unwrap();
        browser.press("Change access").await;
        browser.see("Another user changed this").await;
        assert_eq!(site.management.key(&owner, &id).await.unwrap().networks.len(), 2);
        browser.close().await;
    }
}

#[tokio::test]
async fn the_server_reads_name_scopes_and_example_from_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scopes.txt");
    std::fs::write(&file, SCOPES).unwrap();
    let serve = || {
        let mut command = Command::new(package_program("keyward-cli", "keyward"));
        command.env_remove("KEYWARD_SERVER").stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::null());
        command.arg("--database").arg(folder.path().join("keys.db"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--owner", EMAIL, "--provider-name", "Vidéo & Co"]);
        command.arg("--scopes-file").arg(&file).args(["--example-url", "https://api.example.com/v1/videos"]);
        command
    };
    let mut serving = serve().spawn().unwrap();
    let said = up_to(serving.stderr.take().unwrap(), "invitation=");
    let (url, invitation) = said.lines().last().unwrap().trim().split_once("/register?invitation=").unwrap();
    let mut client = Client::at(url.to_owned());
    let page = client.get(&format!("/register?invitation={invitation}")).await;
    assert!(page.body.contains("Vidéo &#38; Co"), "{}", page.body);
    let docs = client.get("/docs").await.body;
    assert!(
        docs.contains("<title>API reference · Vidéo &#38; Co</title>") && docs.contains("href=\"/keys\""),
        "{docs}"
    );
    let csrf = page.field("csrf");
    let fields = [("csrf", csrf.as_str()), ("invitation", invitation), ("name", "Ada"), ("password", PASSWORD)];
    client.post("/register", &fields).await;
    let csrf = client.get("/login").await.field("csrf");
    client.post("/login", &[("csrf", &csrf), ("email", EMAIL), ("password", PASSWORD)]).await;
    let page = client.get("/accounts/operator/keys/new").await.body;
    for text in
        ["<legend><bdi>Videos</bdi></legend>", "value=\"invoices:read\"", "data-preset=\"videos:read\"><bdi>Player"]
    {
        assert!(page.contains(text), "no {text} in {page}");
    }
    serving.kill().unwrap();
    serving.wait().unwrap();

    std::fs::write(&file, "videos:read\nvideos\n").unwrap();
    let output = serve().output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("scopes.txt: line 2: invalid scope `videos`"), "{error}");
}

/// The menu separates the provider's API from that of keyward, and the page of a key links to the one that the key calls.
#[tokio::test]
async fn the_documentation_of_each_api_is_named() {
    let set = |settings: DashboardSettings| {
        settings.docs_url("/docs").api_docs_url("https://docs.example.com/".parse().unwrap())
    };
    let site = Site::build_with(|management| management, set).await;
    site.add_owner().await;
    let mut client = Client::signed_in(&site).await;
    let link = |url: &str, label: &str| format!("<a href=\"{url}\">{label}</a>");
    let page = client.get("/settings").await.body;
    let (configured, management) =
        (link("https://docs.example.com/", "API documentation"), link("/docs", "Management API (for keys)"));
    assert!(page.contains(&configured) && page.contains(&management), "{page}");
    let mut created = async |purpose: &str| {
        let form = client.get("/accounts/operator/keys/new").await;
        let (csrf, id) = (form.field("csrf"), form.field("form_id"));
        let fields = [
            ("csrf", csrf.as_str()),
            ("form_id", &id),
            ("name", "a"),
            ("kind", "secret"),
            ("mode", "live"),
            ("purpose", purpose),
        ];
        let page = client.post("/accounts/operator/keys/new", &fields).await.body;
        page.split("<main").nth(1).unwrap().to_owned()
    };
    let (own, managing) = (created("api").await, created("management").await);
    assert!(own.contains("href=\"https://docs.example.com/\" target") && !own.contains("\"/docs\""), "{own}");
    assert!(managing.contains("href=\"/docs\" target") && !managing.contains("docs.example.com"), "{managing}");

    // The operator's page replaces the configuration, and refuses what is no address of the web.
    for (url, status) in
        [("javascript:alert(1)", 422), ("docs.example.com", 422), ("https://api.example.com/reference", 303)]
    {
        let form = client.get("/settings/api").await;
        let fields = [("csrf", form.field("csrf")), ("version", form.field("version")), ("docs_url", url.to_owned())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = client.post("/settings/api", &fields).await;
        assert_eq!(answer.status, status, "{url}: {}", answer.body);
        assert!(
            status == 303 || answer.body.contains("id=\"docs_url\" name=\"docs_url\" type=\"url\" value=\""),
            "{}",
            answer.body
        );
    }
    let page = client.get("/settings").await.body;
    assert!(page.contains(&link("https://api.example.com/reference", "API documentation")), "{page}");
    assert!(!page.contains(&configured), "{page}");
}
