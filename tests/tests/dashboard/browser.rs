use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use fantoccini::key::Key;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::site::{EMAIL, PASSWORD, Site};

/// How long a browser on a busy machine may take to show a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each one starts several processes.
static PLACES: Semaphore = Semaphore::const_new(2);

static DRIVER: LazyLock<Mutex<String>> = LazyLock::new(|| {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver does not start: `apt-get install chromium-driver`");
    let output = driver.stdout.take().unwrap();
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let port = lines
        .find_map(|line| {
            let rest = line.split("successfully on port ").nth(1)?;
            rest.trim_end_matches('.').parse::<u16>().ok()
        })
        .expect("chromedriver printed no port");
    std::thread::spawn(move || lines.for_each(drop));
    let folder = tempfile::tempdir().unwrap().keep();
    keyward_tests::program::end_with_this_process(driver.id(), &folder);
    std::thread::spawn(move || driver.wait());
    Mutex::new(format!("http://127.0.0.1:{port}"))
});

pub(crate) struct Browser {
    pub(crate) client: Client,
    base: String,
    _profile: tempfile::TempDir,
    _place: Option<SemaphorePermit<'static>>,
}

impl Browser {
    pub(crate) async fn open(site: &Site) -> Self {
        Self::open_at(site.url("")).await
    }

    /// At another address of the site, or at a server that is another program.
    pub(crate) async fn open_at(base: String) -> Self {
        Self::open_with(base, json!({}), Some(PLACES.acquire().await.unwrap())).await
    }

    /// Does not wait for other tests.
    pub(crate) async fn open_beside(site: &Site) -> Self {
        Self::open_with(site.url(""), json!({}), None).await
    }

    pub(crate) async fn open_without_script(site: &Site) -> Self {
        Self::open_without_script_at(site.url("")).await
    }

    pub(crate) async fn open_without_script_at(base: String) -> Self {
        let without = json!({"profile.managed_default_content_settings.javascript": 2});
        Self::open_with(base, without, Some(PLACES.acquire().await.unwrap())).await
    }

    async fn open_with(base: String, prefs: Value, place: Option<SemaphorePermit<'static>>) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let driver = DRIVER.lock().unwrap().clone();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=en-GB",
            "--window-size=1280,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let options = json!({
            "goog:chromeOptions": {"args": arguments, "prefs": prefs},
            "unhandledPromptBehavior": "accept",
        });
        let Value::Object(options) = options else { unreachable!() };
        let capabilities: Capabilities = options;
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver)
            .await
            .unwrap();
        // A browser without a window may have no focus, and then `:focus` matches nothing.
        let focus = DevTools("Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
        client.issue_cmd(focus).await.unwrap();
        Self { client, base, _profile: profile, _place: place }
    }

    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
    }

    /// The driver may answer before the new page is complete, if the one before it still loads.
    pub(crate) async fn go(&self, path: &str) {
        self.run("document.documentElement.dataset.left = ''", vec![]).await;
        self.client.goto(&format!("{}{path}", self.base)).await.unwrap();
        let complete = "return document.readyState === 'complete' && !('left' in document.documentElement.dataset)";
        let loading = async {
            while self.run(complete, vec![]).await != true {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, loading).await.is_err() {
            panic!("{path} was not loaded; the browser shows {}:\n{}", self.path().await, self.text().await);
        }
    }

    pub(crate) async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", url.path())
    }

    pub(crate) async fn text(&self) -> String {
        let begun = Instant::now();
        loop {
            // Another page may come in the meantime.
            match async { self.client.find(Locator::Css("body")).await?.text().await }.await {
                Err(_) if begun.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
                text => return text.unwrap(),
            }
        }
    }

    pub(crate) async fn html(&self) -> String {
        self.client.source().await.unwrap()
    }

    pub(crate) async fn see(&self, text: &str) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.text().await.contains(text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{text:?} is not visible on {}:\n{}", self.path().await, self.text().await);
    }

    pub(crate) async fn find(&self, css: &str) -> fantoccini::elements::Element {
        self.find_at(Locator::Css(css)).await
    }

    /// The page before it may still be there.
    async fn find_at(&self, place: Locator<'_>) -> fantoccini::elements::Element {
        let wait = self.client.wait().at_most(PATIENCE);
        match wait.for_element(place).await {
            Ok(element) => element,
            Err(error) => panic!("{place:?}: {error} on {}:\n{}", self.path().await, self.text().await),
        }
    }

    pub(crate) async fn text_of(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    pub(crate) async fn click_at(&self, place: Locator<'_>) {
        self.find_at(place).await.click().await.unwrap();
    }

    pub(crate) async fn press(&self, label: &str) {
        self.click_at(Locator::XPath(&format!("//*[self::a or self::button][normalize-space()={}]", quoted(label))))
            .await;
    }

    pub(crate) async fn press_summary(&self, label: &str) {
        self.click_at(Locator::XPath(&format!("//summary[normalize-space()={}]", quoted(label)))).await;
    }

    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("main [name=\"{name}\"]")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(crate) async fn choose(&self, name: &str, value: &str) {
        self.click(&format!("main [name=\"{name}\"][value=\"{value}\"]")).await;
    }

    pub(crate) async fn keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    pub(crate) async fn tab(&self) {
        self.keys(&char::from(Key::Tab).to_string()).await;
    }

    /// The id of the element with the focus.
    pub(crate) async fn focused(&self) -> String {
        self.run("return document.activeElement.id", vec![]).await.as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    pub(crate) async fn sign_in(&self) {
        self.go("/login").await;
        self.fill("email", EMAIL).await;
        self.fill("password", PASSWORD).await;
        self.click("main form button").await;
        self.find("nav[aria-label=Main]").await;
    }

    pub(crate) async fn press_in_user_menu(&self, label: &str) {
        self.click("#user-menu > summary").await;
        self.press(label).await;
    }

    /// The page that shows the key stays open.
    pub(crate) async fn create_key(&self, name: &str) -> (String, String) {
        self.go("/keys/new").await;
        self.fill("name", name).await;
        self.press("Create key").await;
        let key = self.text_of("#key").await;
        let id = self.path().await.rsplit('/').next().unwrap().to_owned();
        (key, id)
    }

    pub(crate) async fn picture(&self, name: &str) {
        let folder = pictures();
        std::fs::create_dir_all(&folder).unwrap();
        let image = self.client.screenshot().await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), image).unwrap();
    }

    /// An authenticator of this machine with a user who agrees to everything (WebAuthn, section 11).
    pub(crate) async fn add_authenticator(&self) -> String {
        let body = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "isUserConsenting": true,
        });
        let added = self.client.issue_cmd(Authenticators(http::Method::POST, String::new(), Some(body))).await.unwrap();
        added.as_str().unwrap().to_owned()
    }

    pub(crate) async fn remove_authenticator(&self, id: &str) {
        self.client.issue_cmd(Authenticators(http::Method::DELETE, format!("/{id}"), None)).await.unwrap();
    }

    pub(crate) async fn emulate(&self, metrics: Value) {
        self.client.issue_cmd(DevTools("Emulation.setDeviceMetricsOverride", metrics)).await.unwrap();
    }

    /// The screen can be touched from here on.
    pub(crate) async fn touch(&self) {
        let touch = json!({"enabled": true, "maxTouchPoints": 1});
        self.client.issue_cmd(DevTools("Emulation.setTouchEmulationEnabled", touch)).await.unwrap();
    }

    /// Touches the middle of an element.
    pub(crate) async fn tap(&self, css: &str) {
        let place = "const one = document.querySelector(arguments[0]); one.scrollIntoView({block: 'center'}); \
            const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]";
        let place = self.run(place, vec![json!(css)]).await;
        let point = json!({"x": place[0], "y": place[1]});
        for (kind, points) in [("touchStart", vec![point]), ("touchEnd", vec![])] {
            let touch = json!({"type": kind, "touchPoints": points});
            self.client.issue_cmd(DevTools("Input.dispatchTouchEvent", touch)).await.unwrap();
        }
    }

    pub(crate) async fn print_media(&self) {
        self.client.issue_cmd(DevTools("Emulation.setEmulatedMedia", json!({"media": "print"}))).await.unwrap();
    }

    pub(crate) async fn zone(&self, name: &str) {
        let zone = json!({"timezoneId": name});
        self.client.issue_cmd(DevTools("Emulation.setTimezoneOverride", zone)).await.unwrap();
    }

    pub(crate) async fn cookie(&self, name: &str) -> String {
        self.client.get_named_cookie(name).await.unwrap().value().to_owned()
    }
}

fn quoted(text: &str) -> String {
    assert!(!text.contains('"'));
    format!("\"{text}\"")
}

fn pictures() -> PathBuf {
    // The test binary lies in the target folder.
    let this = std::env::current_exe().unwrap();
    let target = this.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.unwrap_or(Path::new("target")).join("screenshots")
}

#[derive(Debug)]
struct DevTools(&'static str, Value);

impl fantoccini::wd::WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({"cmd": self.0, "params": self.1}).to_string()))
    }
}

#[derive(Debug)]
struct Authenticators(http::Method, String, Option<Value>);

impl fantoccini::wd::WebDriverCompatibleCommand for Authenticators {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/webauthn/authenticator{}", session.unwrap_or_default(), self.1))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (self.0.clone(), self.2.as_ref().map(Value::to_string))
    }
}
