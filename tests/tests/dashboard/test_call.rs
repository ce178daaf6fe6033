//! "Test this key": the one call that the server makes with a customer's key.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyward::manage::{ApiDescription, KeyDraft, Purpose};
use keyward_needs::needs;
use keyward_tests::program::{Program, closed_port, package_program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::browser::Browser;
use crate::http::{Answer, Client};
use crate::site::Site;

const PATH: &str = "/accounts/operator/keys/test";
const FAILED: &str = "The call failed: no connection is possible.";

fn operator() -> keyward::AccountId {
    "operator".parse().unwrap()
}

/// Sets the URL of the example as an admin of the operator does in the browser.
async fn describe(site: &Site, url: &str) {
    let (management, owner) = (&site.management, site.owner().await);
    let description = ApiDescription { example_url: Some(url.parse().unwrap()), ..ApiDescription::default() };
    let version = management.api_description().await.unwrap().version;
    management.set_api_description(&owner, &description, version).await.unwrap();
}

async fn new_key(site: &Site) -> String {
    let owner = site.owner().await;
    let made = site.management.create_key(&owner, KeyDraft::secret(operator(), "tried")).await.unwrap();
    made.key.expose_once().to_string()
}

async fn test(client: &mut Client, key: &str) -> Answer {
    let token = client.get("/accounts/operator/keys/new").await.field("csrf");
    client.post(PATH, &[("csrf", &token), ("key", key)]).await
}

/// A server that counts connections, and gives each request this answer.
async fn server(answer: String) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, number) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&number);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4_096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, number)
}

#[needs(browser)]
#[tokio::test]
async fn a_new_key_is_tested_with_one_call_of_the_server() {
    let site = Site::calling_its_api(|management| management).await;
    site.add_owner().await;
    let owner = site.owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let (key, id) = browser.create_key("tried").await;
    let first = browser.client.window().await.unwrap();
    browser.press("Test this key").await;
    let answer = async || {
        for window in browser.client.windows().await.unwrap() {
            if window != first {
                browser.client.switch_to_window(window).await.unwrap();
            }
        }
    };
    browser.find("[data-made]").await;
    while browser.client.windows().await.unwrap().len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    answer().await;
    browser.see("The URL answered with success, so the API accepted the key.").await;
    browser.see("200 OK").await;
    browser.picture("key-tested").await;
    assert!(!browser.html().await.contains(&key));
    browser.client.switch_to_window(first.clone()).await.unwrap();
    assert_eq!(browser.text_of("#key").await, key, "the first tab still shows the key");
    browser.close().await;

    let mut client = Client::signed_in(&site).await;
    let token = client.get("/accounts/operator/keys/new").await.field("csrf");
    let foreign = {
        let other = site.management.create_account(&owner, "Other").await.unwrap().id.clone();
        let made = site.management.create_key(&owner, KeyDraft::secret(other, "foreign")).await.unwrap();
        made.key.expose_once().to_string()
    };
    let send =
        async |client: &mut Client, key: &str| client.post(PATH, &[("csrf", token.as_str()), ("key", key)]).await;
    let managing = {
        let new = keyward::NewKey::secret(operator(), "managing");
        let made = site.management.create_key(&owner, KeyDraft::of(Purpose::Management, new)).await.unwrap();
        made.key.expose_once().to_string()
    };
    // The provider's API gets no key of this server.
    for stranger in [foreign.as_str(), managing.as_str(), "kw_live_nonsense", ""] {
        assert_eq!(send(&mut client, stranger).await.status, 404, "{stranger}");
    }
    site.management.revoke_key(&owner, &id.parse().unwrap()).await.unwrap();
    assert!(send(&mut client, &key).await.body.contains("The API refused the key."));
    assert_eq!(client.get(PATH).await.status, 303);
    // Nor does the host of the placeholder, which the provider does not own.
    describe(&site, "https://api.example.com/").await;
    assert_eq!(send(&mut client, &key).await.status, 404);
    // What the browser sets may be what the configuration has.
    describe(&site, &site.api_url()).await;
    assert!(send(&mut client, &key).await.body.contains("The API refused the key."));
    // 60 calls a minute, and the ones that come back during a slow test.
    let mut statuses = Vec::new();
    while !statuses.ends_with(&[429]) {
        assert!(statuses.len() < 2_000, "nothing bounds them: {statuses:?}");
        statuses.push(send(&mut client, "kw_live_nonsense").await.status);
    }
}

#[tokio::test]
async fn a_url_from_the_browser_reaches_no_private_network() {
    let site = Site::with_owner().await;
    let (address, visits) = server(String::new()).await;
    let (port, key) = (address.port(), new_key(&site).await);
    let mut client = Client::signed_in(&site).await;
    for url in [
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f.1:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        "https://10.0.0.1/".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://[fd00:ec2::254]/".to_owned(),
        // A key is never sent in plain text to another machine.
        "http://192.0.2.1/".to_owned(),
    ] {
        describe(&site, &url).await;
        let answer = test(&mut client, &key).await;
        assert_eq!(answer.status, 404, "{url}: {}", answer.body);
        let form = client.get("/accounts/operator/keys/new").await;
        let fields = [("csrf", form.field("csrf")), ("form_id", form.field("form_id"))];
        let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
        let fields: Vec<_> = fields.chain([("name", "k"), ("kind", "secret"), ("mode", "live")]).collect();
        let made = client.post("/accounts/operator/keys/new", &fields).await;
        assert!(made.status == 200 && !made.body.contains("Test this key"), "{url}: {}", made.body);
    }
    // The name leads to this machine.
    describe(&site, &format!("https://localhost:{port}/")).await;
    let answer = test(&mut client, &key).await;
    let why = "The call failed: the name in the URL was not found, or has no public address. Only a URL from the server&#39;s configuration may lead to a private one.";
    assert!(answer.status == 200 && answer.body.contains(why), "{}", answer.body);
    assert_eq!(visits.load(Ordering::SeqCst), 0, "the server connected to a private address");
}

#[tokio::test]
async fn a_test_call_follows_no_redirect_and_reads_a_bounded_answer() {
    let (elsewhere, visits) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(300 * 1_024));
    let endless = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40_000);
    let closed = SocketAddr::from(([127, 0, 0, 1], closed_port()));
    let [redirecting, long, endless] = [server(redirect).await.0, server(long).await.0, server(endless).await.0];
    for (address, expected) in [
        (redirecting, "302 Found"),
        (long, "The call failed: the answer is larger than 256 KiB."),
        (endless, FAILED),
        (closed, FAILED),
    ] {
        let site =
            Site::build_with(|management| management, |settings| settings.example_url(format!("http://{address}/")))
                .await;
        site.add_owner().await;
        let answer = test(&mut Client::signed_in(&site).await, &new_key(&site).await).await;
        assert!(answer.status == 200 && answer.body.contains(expected), "{expected}: {}", answer.body);
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0, "a redirect was followed");
}

/// A proxy would see which API customers call, and could reach addresses that this server must not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_from_the_environment_gets_no_test_call() {
    let (proxy, through) = server(String::new()).await;
    for scheme in ["http", "https"] {
        let (api, visits) = server("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere".to_owned()).await;
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(package_program("keyward-cli", "keyward"));
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env(name, format!("http://{proxy}"));
        }
        command.env_remove("KEYWARD_SERVER").env_remove("NO_PROXY").env_remove("no_proxy");
        command.arg("--database").arg(folder.path().join("keys.db"));
        let url = format!("{scheme}://{api}/");
        let (server, line) =
            Program::of(command.args(["serve", "--listen", "127.0.0.1:0", "--demo", "--example-url", &url]));
        let mut client = Client::at(server.url.clone());
        let csrf = client.get("/login").await.field("csrf");
        let [email, password] = ["email", "password"].map(|name| line["credentials"][name].as_str().unwrap());
        client.post("/login", &[("csrf", &csrf), ("email", email), ("password", password)]).await;
        let form = client.get("/accounts/operator/keys/new").await;
        let fields = [("csrf", form.field("csrf")), ("form_id", form.field("form_id"))];
        let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
        let fields: Vec<_> = fields.chain([("name", "k"), ("kind", "secret"), ("mode", "live")]).collect();
        let made = client.post("/accounts/operator/keys/new", &fields).await;
        let answer = test(&mut client, &made.field("key")).await;
        // The certificate of this server would be refused, so it has none.
        let expected = if scheme == "http" { "200 OK" } else { FAILED };
        assert!(answer.body.contains(expected), "{scheme}: {}", answer.body);
        assert_eq!((visits.load(Ordering::SeqCst), through.load(Ordering::SeqCst)), (1, 0), "{scheme}");
        server.stop();
    }
}
