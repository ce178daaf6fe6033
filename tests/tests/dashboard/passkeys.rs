//! Passkeys as a second factor, in a browser with a virtual authenticator.

use std::time::Duration;

use keyward::manage::{Actor, Context, PageRequest, Role};
use keyward_needs::needs;

use crate::browser::Browser;
use crate::http::Client;
use crate::passkey_answers::{client, register};
use crate::security::{App, type_code, type_password};
use crate::security_key::SecurityKey;
use crate::site::{EMAIL, PASSWORD, Site};

const PAGE: &str = "/settings/second-factor";

async fn add_passkey(browser: &Browser, name: &str) {
    browser.go(PAGE).await;
    browser.find("#passkey-name").await.send_keys(name).await.unwrap();
    browser.find("#passkey-password").await.send_keys(PASSWORD).await.unwrap();
    browser.press("Add a passkey").await;
    browser.press(&format!("Create the passkey “{name}”")).await;
}

async fn store_codes(browser: &Browser) -> Vec<String> {
    browser.see("Keep your recovery codes").await;
    let codes = browser.text_of("#codes").await;
    browser.click("a[download]").await;
    browser.press("Done, I have stored the codes").await;
    codes.lines().map(str::to_owned).collect()
}

#[needs(browser)]
#[tokio::test]
async fn a_passkey_is_added_signs_in_steps_up_and_is_removed() {
    for (app, site) in App::with_sites().await {
        let browser = Browser::open_at(site.local_url()).await;
        let authenticator = browser.add_authenticator().await;
        browser.sign_in().await;
        browser.go("/settings").await;
        browser.press("Set up second factor").await;
        add_passkey(&browser, "Laptop").await;
        let codes = store_codes(&browser).await;
        assert_eq!(codes.len(), 10);
        browser.see("never used, for localhost").await;
        browser.picture("passkeys").await;

        browser.press_in_user_menu("Sign out").await;
        browser.go("/audit?action=key.").await;
        browser.fill("email", EMAIL).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Sign in").await;
        browser.see("Confirm your sign-in").await;
        browser.picture("passkey-at-sign-in").await;
        // The password alone is no session, and the app has no code yet.
        type_code(&browser, "123456").await;
        browser.see("The code is wrong or was used before").await;
        browser.press("Use a passkey").await;
        browser.see("No entries match the filter").await;
        browser.go(PAGE).await;
        browser.see("last used just now").await;

        // A sign-in of 13 hours ago grants nothing new. The session must be used in between.
        for _ in 0..2 {
            app.advance(Duration::from_secs(6 * 3_600 + 1_800));
            browser.go("/settings").await;
        }
        browser.go("/accounts/operator/keys/new?name=typed").await;
        browser.see("sign in again").await;
        browser.fill("email", EMAIL).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Sign in").await;
        browser.press("Use a passkey").await;
        browser.see("You are signed in again").await;
        assert_eq!(browser.find("#name").await.prop("value").await.unwrap().unwrap(), "typed");

        // The browser knows which authenticator has one.
        browser.go(PAGE).await;
        browser.find("#passkey-name").await.send_keys("Twice").await.unwrap();
        browser.find("#passkey-password").await.send_keys(PASSWORD).await.unwrap();
        browser.press("Add a passkey").await;
        browser.press("Create the passkey “Twice”").await;
        browser.see("already has a passkey of yours").await;

        browser.go(PAGE).await;
        browser.press("Create new codes with a passkey").await;
        assert_ne!(store_codes(&browser).await, codes);
        browser.press("Change Laptop").await;
        browser.fill("name", "Old laptop").await;
        browser.press("Rename").await;
        browser.see("Old laptop").await;
        browser.press("Change Old laptop").await;
        browser.see("It is your last second factor").await;
        browser.picture("passkey").await;
        browser.press("Remove it with a passkey").await;
        browser.see("Your second factor is removed").await;
        browser.press_in_user_menu("Sign out").await;
        browser.sign_in().await;
        browser.remove_authenticator(&authenticator).await;
        browser.close().await;
    }
}

#[needs(browser)]
#[tokio::test]
async fn each_of_two_passkeys_and_the_app_signs_in() {
    for (mut app, site) in App::with_sites().await {
        let browser = Browser::open_at(site.local_url()).await;
        browser.sign_in().await;
        app.set_up(&browser).await;
        browser.click("a[download]").await;
        browser.press("Done, I have stored the codes").await;
        let mut last: Option<String> = None;
        for name in ["Phone", "Security key"] {
            if let Some(last) = &last {
                browser.remove_authenticator(last).await;
            }
            last = Some(browser.add_authenticator().await);
            add_passkey(&browser, name).await;
            browser.see("Added. It confirms your next sign-in").await;
            browser.see(name).await;
        }
        browser.press_in_user_menu("Sign out").await;
        type_password_at(&browser).await;
        browser.press("Use a passkey").await;
        browser.find("nav[aria-label=Main]").await;
        browser.press_in_user_menu("Sign out").await;
        type_password_at(&browser).await;
        type_code(&browser, &app.code()).await;
        browser.find("nav[aria-label=Main]").await;
        browser.go(PAGE).await;
        browser.see("never used, for localhost").await;
        browser.see("last used just now, for localhost").await;
        browser.press("Remove the app with a passkey").await;
        browser.see("The rest of your second factor still confirms").await;
        browser.press_in_user_menu("Sign out").await;
        type_password_at(&browser).await;
        browser.see("Recovery code").await;
        browser.press("Use a passkey").await;
        browser.find("nav[aria-label=Main]").await;
        // Another authenticator is asked, which has none.
        browser.remove_authenticator(&last.unwrap()).await;
        browser.add_authenticator().await;
        browser.press_in_user_menu("Sign out").await;
        type_password_at(&browser).await;
        browser.press("Use a passkey").await;
        browser.see("No passkey was used").await;
        browser.close().await;
    }
}

/// What outlives a stolen session: a new owner, and a key that makes owners.
#[needs(browser)]
#[tokio::test]
async fn a_new_owner_is_confirmed_with_the_second_factor_although_the_sign_in_is_recent() {
    for (mut app, site) in App::with_sites().await {
        let browser = Browser::open_at(site.local_url()).await;
        browser.add_authenticator().await;
        browser.sign_in().await;
        app.set_up(&browser).await;
        browser.click("a[download]").await;
        browser.press("Done, I have stored the codes").await;
        add_passkey(&browser, "Laptop").await;
        browser.see("Added. It confirms your next sign-in").await;
        let members = "/accounts/operator/members";
        let invite = async |email: &str, role: &str| {
            browser.go(members).await;
            browser.fill("email", email).await;
            browser.click(&format!("#role option[value={role}]")).await;
            browser.press("Invite").await;
        };
        invite("dev@example.com", "admin").await;
        browser.see("Invited").await;
        invite("boss@example.com", "owner").await;
        browser.see("Confirm with your second factor").await;
        browser.see("before you invite a member").await;
        browser.picture("confirm").await;
        browser.press("Use a passkey").await;
        browser.see("Invited").await;
        invite("boss-2@example.com", "owner").await;
        browser.see("Confirm with your second factor").await;
        browser.fill("code", "000000").await;
        browser.press("Confirm").await;
        browser.see("The code is wrong or was used before").await;
        let (system, operator) = (Actor::system("test", Context::new()), "operator".parse().unwrap());
        let open = site.management.invitations(&system, &operator, &PageRequest::default()).await;
        let owners = open.unwrap().items.into_iter().filter(|view| view.role == Role::Owner).count();
        assert_eq!(owners, 1, "the second one waits for its proof");
        browser.fill("code", &app.code()).await;
        browser.press("Confirm").await;
        browser.see("boss-2@example.com").await;
        browser.see("Invited").await;
        // The fields of a long form come along.
        let form = "name=terraform&purpose=management&mode=live&kind=restricted&scope=members%3Awrite";
        browser.go(&format!("/accounts/operator/keys/new?{form}")).await;
        browser.press("Create key").await;
        browser.see("before you create a key").await;
        browser.press("Use a passkey").await;
        browser.see("terraform").await;
        browser.find("#key").await;
        browser.close().await;
    }
}

#[needs(browser)]
#[tokio::test]
async fn a_new_owner_is_confirmed_with_a_code_without_a_script() {
    let (mut app, site) = App::with_site().await;
    let scripted = Browser::open(&site).await;
    scripted.sign_in().await;
    app.set_up(&scripted).await;
    scripted.close().await;
    let browser = Browser::open_without_script(&site).await;
    browser.go("/login").await;
    type_password(&browser).await;
    type_code(&browser, &app.code()).await;
    app.advance(Duration::from_secs(30));
    browser.go("/accounts/operator/members").await;
    browser.fill("email", "boss@example.com").await;
    browser.click("#role option[value=owner]").await;
    browser.press("Invite").await;
    browser.see("Confirm with your second factor").await;
    browser.fill("code", &app.code()).await;
    browser.press("Confirm").await;
    browser.see("Invited").await;
    browser.close().await;
}

async fn type_password_at(browser: &Browser) {
    browser.fill("email", EMAIL).await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.see("Confirm your sign-in").await;
}

#[needs(browser)]
#[tokio::test]
async fn without_a_script_the_pages_say_that_codes_work() {
    let (app, site) = App::with_site().await;
    let mut key = SecurityKey::new(1);
    let mut client = client(&site).await;
    let codes = register(&mut client, &site, &mut key, "Key").await;
    let browser = Browser::open_without_script_at(site.local_url()).await;
    browser.go("/login").await;
    type_password_at(&browser).await;
    browser.see("Passkeys need JavaScript").await;
    type_code(&browser, &codes[0]).await;
    browser.find("nav[aria-label=Main]").await;
    browser.go(PAGE).await;
    browser.see("Passkeys need JavaScript").await;
    browser.close().await;
    drop(app);
}

#[needs(browser)]
#[tokio::test]
async fn a_page_without_passkeys_says_why() {
    let (mut app, site) = App::with_site().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go(PAGE).await;
    browser.see(&format!("Open this page under {}", site.local_url())).await;
    app.set_up(&browser).await;
    browser.click("a[download]").await;
    browser.press("Done, I have stored the codes").await;
    browser.press_in_user_menu("Sign out").await;
    type_password(&browser).await;
    browser.close().await;
}

#[tokio::test]
async fn passkeys_are_offered_under_the_public_url_only() {
    for (public_url, host, scheme, text) in [
        (Some("https://keys.example.com"), "keys.example.com", "https", "Add a passkey"),
        (Some("https://keys.example.com:8443"), "keys.example.com:8443", "https", "Add a passkey"),
        (Some("https://keys.example.com"), "localhost", "https", "work under https://keys.example.com only"),
        (Some("https://keys.example.com"), "evil.example", "https", "work under https://keys.example.com only"),
        (Some("https://192.0.2.7"), "192.0.2.7", "https", "this server has only an IP address"),
        (Some("http://127.0.0.1:8080"), "127.0.0.1:8080", "http", "Open this page under http://localhost:8080"),
        (Some("http://localhost:8080"), "localhost:8080", "http", "Add a passkey"),
        (None, "localhost:8080", "http", "Add a passkey"),
        (None, "127.0.0.1:8080", "http", "Open this page under http://localhost:8080"),
        (None, "keys.example.com", "https", "Ask the operator to set public_url"),
    ] {
        let site = Site::build_with(
            |management| management.trusted_proxies(keyward::TrustedProxies::new(["127.0.0.0/8".parse().unwrap()])),
            |settings| match public_url {
                Some(url) => settings.public_url(url.parse().unwrap()),
                None => settings,
            },
        )
        .await;
        site.add_owner().await;
        let session = site.management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
        let mut client = Client::new(&site).with("host", host).with("x-forwarded-proto", scheme);
        let client_address = if scheme == "https" { "192.0.2.9" } else { "127.0.0.1" };
        client = client.with("x-forwarded-for", client_address);
        for name in ["keyward_session", "__Host-keyward_session"] {
            client.cookies.insert(name.to_owned(), session.to_string());
        }
        let page = client.get(PAGE).await;
        assert_eq!(page.status, 200, "{public_url:?} {host}: {}", page.body);
        assert!(page.body.contains(text), "{public_url:?} {host}: {}", page.body);
        assert_eq!(page.body.contains("passkey-name"), text == "Add a passkey", "{public_url:?} {host}");
    }
}
