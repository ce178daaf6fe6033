//! The second factor.

use std::sync::Arc;
use std::time::Duration;

use keyward::clock::{Clock as _, ManualClock};
use keyward::id::UserId;
use keyward::manage::Actor;
use keyward_needs::needs;
use totp_rs::{Builder, Secret, Totp};

use crate::browser::Browser;
use crate::http::Client;
use crate::site::{EMAIL, PASSWORD, Site};

const STEP: Duration = Duration::from_secs(30);

/// An authenticator app, and the clock of the server.
pub(crate) struct App {
    clock: Arc<ManualClock>,
    totp: Option<Totp>,
}

impl App {
    pub(crate) async fn with_site() -> (Self, Site) {
        let (site, clock) = Site::with_owner_and_clock().await;
        (Self { clock, totp: None }, site)
    }

    /// The same on each database.
    pub(crate) async fn with_sites() -> Vec<(Self, Site)> {
        let sites = crate::passkey_answers::sites().await;
        sites.into_iter().map(|(site, clock)| (Self { clock, totp: None }, site)).collect()
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn enter(&mut self, secret: &str) {
        let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
        self.totp = Some(Builder::new().with_secret(secret).build().unwrap());
    }

    /// A developer of the operator's account who has a second factor.
    pub(crate) async fn set_up_member(&self, site: &Site, email: &str) -> UserId {
        let (management, context) = (&site.management, keyward::manage::Context::new());
        let owner = site.owner().await;
        let role = keyward::manage::Role::Developer;
        let invited = management.invite(&owner, management.operator(), email, role).await.unwrap();
        management.accept_invitation(&context, &invited.secret, "Grace", PASSWORD).await.unwrap();
        let session = management.sign_in(&context, email, PASSWORD).await.unwrap().session;
        let actor = management.session(&session, context).await.unwrap();
        Self { clock: Arc::clone(&self.clock), totp: None }.set_up_for(site, &actor).await;
        actor.user().unwrap().clone()
    }

    /// Sets the second factor up without a browser. The session of the user stays.
    pub(crate) async fn set_up_for(&mut self, site: &Site, user: &Actor) {
        site.management.begin_second_factor(user, PASSWORD).await.unwrap();
        let shown = site.management.second_factor_set_up(user, "Example").await.unwrap().unwrap();
        self.enter(&shown.secret);
        site.management.confirm_second_factor(user, &self.code()).await.unwrap();
    }

    /// Waits for the next code, because each counts once.
    pub(crate) fn code(&self) -> String {
        self.clock.advance(STEP);
        let seconds = u64::try_from(self.clock.now().as_millis()).unwrap() / 1_000;
        self.totp.as_ref().unwrap().generate(seconds).to_string()
    }

    pub(crate) async fn set_up(&mut self, browser: &Browser) -> Vec<String> {
        browser.go("/settings").await;
        browser.press("Set up second factor").await;
        browser.fill("password", PASSWORD).await;
        browser.press("Set up").await;
        browser.see("Scan the picture").await;
        let secret = browser.text_of("#secret").await;
        self.enter(&secret);
        browser.picture("second-factor").await;
        browser.fill("code", &self.code()).await;
        browser.press("Turn on").await;
        browser.see("Keep your recovery codes").await;
        browser.picture("recovery-codes").await;
        let codes = browser.text_of("#codes").await;
        codes.lines().map(str::to_owned).collect()
    }
}

pub(crate) async fn type_password(browser: &Browser) {
    browser.fill("email", EMAIL).await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.see("Enter the code").await;
}

pub(crate) async fn type_code(browser: &Browser, code: &str) {
    browser.fill("code", code).await;
    browser.press("Sign in").await;
}

#[needs(browser)]
#[tokio::test]
async fn a_second_factor_is_set_up_asked_for_and_turned_off() {
    let (mut app, site) = App::with_site().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let codes = app.set_up(&browser).await;
    assert_eq!(codes.len(), 10);
    let download = browser.find("a[download]").await.attr("href").await.unwrap().unwrap();
    assert!(download.starts_with("data:text/plain;base64,"), "{download}");
    browser.click("a[download]").await;
    browser.press("Done, I have stored the codes").await;
    browser.see("You have 10 recovery codes left").await;
    assert!(!browser.html().await.contains("data:image/svg+xml;base64"), "the secret is shown after the set-up");

    browser.press_in_user_menu("Sign out").await;
    browser.go("/audit?action=key.").await;
    type_password(&browser).await;
    browser.picture("code").await;
    // The password alone is no session.
    browser.go("/keys").await;
    assert!(browser.path().await.starts_with("/login"), "{}", browser.path().await);
    browser.go("/audit?action=key.").await;
    type_password(&browser).await;
    type_code(&browser, "000000").await;
    browser.see("The code is wrong or was used before").await;
    assert_eq!(browser.focused().await, "code");
    let code = app.code();
    type_code(&browser, &code).await;
    browser.see("No entries match the filter").await;

    browser.press_in_user_menu("Sign out").await;
    type_password(&browser).await;
    type_code(&browser, &code).await;
    browser.see("The code is wrong or was used before").await;
    type_code(&browser, &codes[3]).await;
    browser.find("nav[aria-label=Main]").await;
    browser.go("/settings/second-factor").await;
    browser.see("You have 9 recovery codes left").await;
    browser.picture("second-factor-on").await;
    browser.find("#codes-code").await.send_keys(&app.code()).await.unwrap();
    browser.press("Create new codes").await;
    browser.see("Keep your recovery codes").await;
    browser.click("a[download]").await;
    browser.press("Done, I have stored the codes").await;
    browser.see("You have 10 recovery codes left").await;
    let mut secrets: Vec<&str> = codes.iter().map(String::as_str).collect();
    let secret = app.totp.as_ref().unwrap().secret().to_base32();
    secrets.push(&secret);
    site.assert_kept_nowhere(&secrets);
    browser.find("#remove-code").await.send_keys(&app.code()).await.unwrap();
    browser.click("button.danger").await;
    browser.see("Your second factor is removed").await;
    browser.press_in_user_menu("Sign out").await;
    browser.sign_in().await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_second_factor_works_without_a_script_and_steps_up() {
    let (mut app, site) = App::with_site().await;
    let browser = Browser::open_without_script(&site).await;
    browser.sign_in().await;
    app.set_up(&browser).await;
    // A sign-in of 13 hours ago grants nothing new. The session must be used in between.
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(6 * 3_600 + 1_800));
        browser.go("/settings").await;
    }
    browser.go("/accounts/operator/keys/new?name=typed").await;
    browser.see("sign in again").await;
    browser.fill("email", EMAIL).await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    type_code(&browser, &app.code()).await;
    browser.see("You are signed in again").await;
    assert_eq!(browser.find("#name").await.prop("value").await.unwrap().unwrap(), "typed");
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn an_account_that_requires_a_second_factor_leads_to_the_set_up() {
    let (mut app, site) = App::with_site().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let owner = site.owner().await;
    let account = site.management.operator().clone();
    let role = keyward::manage::Role::Developer;
    let invited = site.management.invite(&owner, &account, "grace@example.com", role).await.unwrap();
    let context = keyward::manage::Context::new();
    site.management.accept_invitation(&context, &invited.secret, "Grace", PASSWORD).await.unwrap();
    let other = Browser::open_beside(&site).await;
    other.go("/login").await;
    other.fill("email", "grace@example.com").await;
    other.fill("password", PASSWORD).await;
    other.press("Sign in").await;
    other.see("No keys yet").await;

    browser.go("/accounts/operator/settings").await;
    browser.press("Require a second factor").await;
    browser.see("Set up your own second factor first").await;
    app.set_up(&browser).await;
    browser.click("a[download]").await;
    browser.press("Done, I have stored the codes").await;
    browser.go("/accounts/operator/settings").await;
    browser.press("Require a second factor").await;
    browser.see("1 of 2 members has no second factor.").await;
    browser.picture("second-factor-asked").await;
    browser.press("Require it").await;
    browser.see("All members now need a second factor").await;
    browser.picture("second-factor-required").await;

    // The session of the member was open.
    for path in [
        "/keys",
        "/accounts/operator/keys",
        "/accounts/operator/members",
        "/users",
        "/plans",
        "/accounts",
        "/settings/api",
    ] {
        other.go(path).await;
        other.see("Operator requires a second factor of its members").await;
        assert_eq!(other.path().await, "/settings/second-factor", "{path}");
    }
    let mut grace = App { clock: Arc::clone(&app.clock), totp: None };
    other.fill("password", PASSWORD).await;
    other.press("Set up").await;
    let secret = other.text_of("#secret").await;
    grace.enter(&secret);
    other.fill("code", &grace.code()).await;
    other.press("Turn on").await;
    other.click("a[download]").await;
    other.press("Done, I have stored the codes").await;
    other.go("/keys").await;
    other.see("No keys yet").await;

    // She loses her phone.
    browser.go("/users").await;
    browser.press("Grace").await;
    browser.press("Remove second factor").await;
    browser.see("Confirm with your second factor").await;
    browser.fill("code", &app.code()).await;
    browser.press("Confirm").await;
    browser.see("The second factor is removed").await;
    other.go("/keys").await;
    assert!(other.path().await.starts_with("/login"), "{}", other.path().await);
    other.close().await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn an_owner_removes_the_lost_factor_of_a_member() {
    let (app, site) = App::with_site().await;
    let user = app.set_up_member(&site, "grace@example.com").await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go("/accounts/operator/members").await;
    browser.press("Second factor of Grace").await;
    browser.see("Remove the second factor of Grace?").await;
    browser.press("Remove second factor").await;
    browser.see("The second factor is removed").await;
    assert_eq!(browser.path().await, "/accounts/operator/members");
    assert!(!browser.html().await.contains("/second-factor\""), "the link is still there");
    browser.go(&format!("/accounts/operator/members/{user}/second-factor")).await;
    browser.see("Not found").await;
    let context = keyward::manage::Context::new();
    site.management.sign_in(&context, "grace@example.com", PASSWORD).await.unwrap();
    browser.close().await;
}

#[tokio::test]
async fn a_half_sign_in_opens_nothing_elsewhere_or_later() {
    let (app, site) = App::with_site().await;
    app.set_up_member(&site, "grace@example.com").await;
    let begin = async || {
        let mut client = Client::new(&site);
        let token = client.get("/login").await.field("csrf");
        let fields = [("csrf", token.as_str()), ("email", "grace@example.com"), ("password", PASSWORD)];
        let answer = client.post("/login", &fields).await;
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with("/login/code"), "{}", answer.header("location"));
        assert!(!client.cookies.contains_key("keyward_session"));
        client
    };
    let enter = async |client: &mut Client| {
        let token = client.get("/login/code").await.field("csrf");
        let answer = client.post("/login/code", &[("csrf", &token), ("code", "000000")]).await;
        (answer.status, answer.header("location").to_owned())
    };
    let over = (303, "/login".to_owned());
    let (mut own, mut other) = (begin().await, begin().await);
    assert_eq!(enter(&mut own).await.0, 401);
    // The note of one browser in another one, which has its own visit.
    let half = own.cookies.get("keyward_half").unwrap().clone();
    other.cookies.insert("keyward_half".to_owned(), half);
    assert_eq!(enter(&mut other).await, over);
    // A new password or signing out everywhere ends it.
    let mut late = begin().await;
    let owner = site.owner().await;
    let grace = site.management.user_with_email(&owner, "grace@example.com").await.unwrap().value.id;
    let link = site.management.create_password_reset(&owner, &grace).await.unwrap();
    let context = keyward::manage::Context::new();
    site.management.reset_password(&context, &link.secret, PASSWORD).await.unwrap();
    assert_eq!(enter(&mut late).await, over);
    let mut late = begin().await;
    app.clock.advance(Duration::from_secs(301));
    assert_eq!(enter(&mut late).await, over);
}
