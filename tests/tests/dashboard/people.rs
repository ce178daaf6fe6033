use std::time::Duration;

use keyward_needs::needs;

use crate::browser::Browser;
use crate::site::{EMAIL, PASSWORD, Site};

#[needs(browser)]
#[tokio::test]
async fn a_session_that_ends_under_a_form_loses_nothing() {
    let idle = Duration::from_secs(3_600);
    let (site, clock) = Site::with_clock(|management| management.session_life(idle, 2 * idle)).await;
    site.add_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.go("/keys/new").await;
    browser.fill("name", "typed <b>with</b> care & patience").await;
    browser.choose("kind", "restricted").await;
    browser.choose("scope", "resources:write").await;
    browser.fill("networks", "192.0.2.0/24").await;
    clock.advance(idle + Duration::from_secs(1));
    browser.press("Create key").await;
    browser.see("Your session has ended").await;
    browser.picture("sign-in-again").await;
    browser.fill("email", EMAIL).await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.see("You are signed in again").await;
    let name = browser.find("#name").await.prop("value").await.unwrap().unwrap();
    assert_eq!(name, "typed <b>with</b> care & patience");
    browser.find("[name=kind][value=restricted]:checked").await;
    browser.find("[name=scope][value='resources:write']:checked").await;
    browser.press("Create key").await;
    browser.see("you won't see it again").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn members_are_invited_changed_and_removed() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.press("Members").await;
    browser.fill("email", "grace@example.com").await;
    browser.click("#role option[value=developer]").await;
    browser.press("Invite").await;
    let link = browser.text_of("#link").await;
    assert!(link.starts_with(&site.url("/register?invitation=kwi_")), "{link}");
    browser.picture("invited").await;
    browser.client.refresh().await.unwrap();
    browser.see("Invite a user").await;
    assert!(!browser.html().await.contains("kwi_"));
    browser.picture("members").await;

    // Grace uses another browser.
    let other = Browser::open_beside(&site).await;
    other.client.goto(&link).await.unwrap();
    other.see("as developer. You will sign in as grace@example.com").await;
    other.fill("name", "Grace").await;
    other.fill("password", "short").await;
    other.run("document.querySelector('main form').noValidate = true", vec![]).await;
    other.press("Set password").await;
    other.see("15 to 200 characters").await;
    other.fill("password", "another good password").await;
    other.press("Set password").await;
    other.see("Your password is set").await;
    let email = other.find("#email").await.prop("value").await.unwrap().unwrap();
    assert_eq!(email, "grace@example.com");
    other.fill("email", "grace@example.com").await;
    other.fill("password", "wrong wrong wrong").await;
    other.press("Sign in").await;
    other.see("The e-mail address or the password is wrong").await;
    other.fill("password", "another good password").await;
    other.press("Sign in").await;
    other.see("No keys yet").await;
    let text = other.text().await;
    assert!(!text.contains("Audit log"), "a developer sees the audit log: {text}");
    other.go("/audit").await;
    other.see("You don't have permission to do this").await;
    other.client.goto(&link).await.unwrap();
    other.see("The link was already used").await;

    browser.go("/members").await;
    browser.click("tbody tr:nth-child(2) option:nth-of-type(3)").await;
    browser.click("tbody tr:nth-child(2) button").await;
    browser.see("The role is changed").await;
    other.go("/audit").await;
    other.see("Ada changed the role of Grace to admin").await;
    other.picture("audit").await;
    other.go("/audit?action=key.").await;
    other.see("No entries match the filter").await;

    browser.click("tbody tr:nth-child(2) a").await;
    browser.see("Its keys stay valid").await;
    browser.picture("member-remove").await;
    browser.click("button.danger").await;
    browser.see("The member is removed").await;
    other.go("/keys").await;
    other.see("You don't belong to an account").await;
    browser.click("tbody tr:nth-child(1) a").await;
    browser.click("button.danger").await;
    browser.see("An account needs at least one owner").await;
    other.close().await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn settings_are_kept_and_signing_out_everywhere_is_everywhere() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    let other = Browser::open_beside(&site).await;
    browser.sign_in().await;
    other.sign_in().await;
    browser.press_in_user_menu("Settings").await;
    browser.fill("name", "Ada Lovelace").await;
    browser.press("Rename").await;
    browser.see("The name is changed").await;
    browser.press("Account").await;
    browser.fill("account_name", "Analytical Engines").await;
    browser.press("Rename account").await;
    browser.see("The account's name is changed").await;
    browser.press_in_user_menu("Settings").await;
    browser.fill("current", "not the password").await;
    browser.fill("password", "a new long password").await;
    browser.press("Change password").await;
    browser.see("The current password is wrong").await;
    assert_eq!(browser.focused().await, "current");
    browser.picture("settings").await;
    browser.press("Sign out everywhere").await;
    browser.see("You are signed out everywhere").await;
    other.go("/settings").await;
    assert_eq!(other.path().await, "/login?to=%2Fsettings");
    other.fill("email", EMAIL).await;
    other.fill("password", PASSWORD).await;
    other.press("Sign in").await;
    other.see("Your sessions").await;
    other.fill("current", PASSWORD).await;
    other.fill("password", "a new long password").await;
    other.press("Change password").await;
    other.see("Your password is changed").await;
    browser.close().await;
    other.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn whoever_wants_to_signs_up_where_that_is_open() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.go("/login").await;
    browser.press("Register").await;
    browser.picture("register").await;
    browser.fill("email", "new@example.com").await;
    browser.fill("name", "Newcomer").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Register").await;
    browser.see("Your account is ready").await;
    browser.fill("email", "new@example.com").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.see("No keys yet").await;
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_key_is_made_rotated_and_revoked_with_the_keyboard_alone() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    browser.go("/login").await;
    const ENTER: &str = "\u{e007}";
    // The first field has the focus.
    browser.keys(EMAIL).await;
    browser.tab().await;
    browser.keys(&format!("{PASSWORD}{ENTER}")).await;
    browser.see("No keys yet").await;
    browser.tab().await;
    let skip = browser.client.active_element().await.unwrap();
    assert_eq!(skip.text().await.unwrap(), "Skip to content");
    browser.picture("skip-link").await;
    browser.keys(ENTER).await;
    browser.keys("n").await;
    browser.find("#name").await;
    browser.keys("typed").await;
    browser.keys(ENTER).await;
    browser.see("you won't see it again").await;
    tab_to(&browser, "Copy").await;
    browser.keys(ENTER).await;
    browser.see("Copied.").await;
    tab_to(&browser, "Done, I have stored the key").await;
    browser.keys(ENTER).await;

    browser.see("Rename").await;
    tab_to(&browser, "Rotate").await;
    browser.keys(ENTER).await;
    browser.see("The old key stays valid for").await;
    tab_to_field(&browser, "overlap").await;
    let chosen = browser.run("return document.activeElement.value", vec![]).await;
    browser.keys(&char::from(fantoccini::key::Key::Down).to_string()).await;
    assert_ne!(browser.run("return document.activeElement.value", vec![]).await, chosen, "the arrows choose");
    tab_to(&browser, "Rotate").await;
    browser.keys(ENTER).await;
    browser.see("you won't see it again").await;
    tab_to(&browser, "Copy").await;
    browser.keys(ENTER).await;
    browser.see("Copied.").await;
    tab_to(&browser, "Done, I have stored the key").await;
    browser.keys(ENTER).await;

    browser.see("Rotations").await;
    tab_to(&browser, "Revoke").await;
    browser.keys(ENTER).await;
    browser.see("You can't undo this.").await;
    tab_to_field(&browser, "note").await;
    browser.keys("typed, too").await;
    tab_to(&browser, "Revoke the key").await;
    browser.keys(ENTER).await;
    browser.see("The key is revoked").await;
    browser.see("typed, too").await;
    browser.close().await;
}

async fn tab_to(browser: &Browser, label: &str) {
    tab_until(browser, label, "return e.textContent.trim() === arguments[0]").await;
}

async fn tab_to_field(browser: &Browser, name: &str) {
    tab_until(browser, name, "return e.name === arguments[0]").await;
}

/// Every element with the focus on the way has a visible outline.
async fn tab_until(browser: &Browser, wanted: &str, is_reached: &str) {
    let mut reached = Vec::new();
    for _ in 0..60 {
        browser.tab().await;
        // The choices are radio buttons without a size. Their labels have the outline.
        let seen = "const e = document.activeElement; \
            const shown = e.type === 'radio' ? [e, e.parentElement, e.nextElementSibling] : [e]; \
            const outlined = (one) => { const s = one && getComputedStyle(one); \
                return s && s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; }; \
            return [e.textContent.trim() || e.name, e === document.body || shown.some(outlined)]";
        let stop = browser.run(seen, vec![]).await;
        assert_eq!(stop[1], serde_json::json!(true), "no outline at {}", stop[0]);
        reached.push(stop[0].clone());
        let script = format!("const e = document.activeElement; {is_reached}");
        if browser.run(&script, vec![serde_json::json!(wanted)]).await == serde_json::json!(true) {
            return;
        }
    }
    panic!("{wanted} is not reached: {reached:?}");
}

#[needs(browser)]
#[tokio::test]
async fn who_has_forgotten_their_password_chooses_another_with_a_link_from_an_owner() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let operator = site.management.operator().clone();
    let invited =
        site.management.invite(&owner, &operator, "grace@example.com", keyward::manage::Role::Developer).await.unwrap();
    let context = keyward::manage::Context::new();
    let invitation = invited.secret;
    site.management.accept_invitation(&context, &invitation, "Grace", PASSWORD).await.unwrap();
    let session = site.management.sign_in(&context, "grace@example.com", PASSWORD).await.unwrap().session;

    let other = Browser::open(&site).await;
    other.go("/login").await;
    other.press("Forgot your password?").await;
    other.see("Ask an owner or admin of your account").await;
    other.picture("forgot").await;

    let browser = Browser::open_beside(&site).await;
    browser.sign_in().await;
    browser.press("Members").await;
    browser.press("Reset password of Grace").await;
    browser.see("It works once, for an hour").await;
    browser.picture("member-reset").await;
    browser.press("Create link").await;
    let link = browser.text_of("#link").await;
    assert!(link.starts_with(&site.url("/reset?reset=kwp_")), "{link}");
    browser.picture("reset-made").await;
    browser.client.refresh().await.unwrap();
    browser.see("Invite a user").await;
    assert!(!browser.html().await.contains("kwp_"));

    other.client.goto(&link).await.unwrap();
    other.see("Choose a new password").await;
    other.picture("reset").await;
    other.fill("password", "another good password").await;
    other.press("Set password").await;
    other.see("you are signed out everywhere").await;
    assert!(site.management.session(&session, context).await.is_err());
    other.fill("email", "grace@example.com").await;
    other.fill("password", "another good password").await;
    other.press("Sign in").await;
    other.see("No keys yet").await;
    other.client.goto(&link).await.unwrap();
    other.fill("password", "yet another password").await;
    other.press("Set password").await;
    other.see("The link was already used").await;
    let secret = link.rsplit('=').next().unwrap();
    site.assert_kept_nowhere(&[secret]);
    browser.close().await;
    other.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn the_operator_finds_disables_and_deletes_users() {
    let site = Site::with_owner().await;
    let context = keyward::manage::Context::new();
    let new = keyward::manage::NewUser::new("new@example.com", "Newcomer", PASSWORD);
    site.management.sign_up(&context, new).await.unwrap();
    let session = site.management.sign_in(&context, "new@example.com", PASSWORD).await.unwrap().session;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.press_summary("Operator").await;
    browser.press("Users").await;
    browser.see("new@example.com").await;
    browser.fill("q", "nobody").await;
    browser.press("Find").await;
    browser.see("No user matches").await;
    browser.fill("q", "NEWcomer").await;
    browser.press("Find").await;
    browser.press("Newcomer").await;
    browser.see("owner of").await;
    browser.press("Disable").await;
    browser.see("An account needs at least one owner").await;
    browser.press("Back to the form").await;
    browser.see("owner of").await;
    // Add another owner, so that this one is no longer the last.
    let owner = site.owner().await;
    let newcomer = site.management.session(&session, context.clone()).await.unwrap();
    let account = site.management.own_accounts(&newcomer).await.unwrap().remove(0).0.value.id;
    let other =
        site.management.invite(&owner, &account, "other@example.com", keyward::manage::Role::Owner).await.unwrap();
    site.management.accept_invitation(&context, &other.secret, "Other", PASSWORD).await.unwrap();
    let id = newcomer.user().unwrap().clone();
    browser.go(&format!("/users/{id}")).await;
    browser.press("Disable").await;
    browser.see("The user is disabled").await;
    browser.picture("user-disabled").await;
    assert!(site.management.session(&session, context.clone()).await.is_err());
    assert!(site.management.sign_in(&context, "new@example.com", PASSWORD).await.is_err());
    browser.press("Enable").await;
    browser.see("can sign in again").await;
    browser.press("Delete").await;
    browser.see("You can't undo this").await;
    browser.picture("user-delete").await;
    browser.click("button.danger").await;
    browser.see("The user is deleted").await;

    // Grace is only a viewer of the operator's account.
    let operator = site.management.operator().clone();
    let invited =
        site.management.invite(&owner, &operator, "grace@example.com", keyward::manage::Role::Viewer).await.unwrap();
    site.management.accept_invitation(&context, &invited.secret, "Grace", PASSWORD).await.unwrap();
    browser.go("/users").await;
    browser.press("Grace").await;
    browser.press("Delete").await;
    browser.click("button.danger").await;
    browser.see("The user is deleted").await;
    assert!(!browser.text().await.contains("grace@example.com"));
    browser.close().await;
}

const PNG: &str = "89504e470d0a1a0a0000000d49484452000000010000000108020000009077\
                   53de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082";

#[needs(browser)]
#[tokio::test]
async fn the_operator_changes_what_everybody_sees_without_a_restart() {
    let site = Site::with_owner().await;
    let browser = Browser::open(&site).await;
    let other = Browser::open_beside(&site).await;
    browser.sign_in().await;
    browser.press_summary("Operator").await;
    browser.press("Appearance").await;
    browser.see("All users see this").await;
    browser.fill("name", "Analytical Engines").await;
    browser.fill("accent", "#ffe066").await;
    browser.press("Save").await;
    browser.see("with 4.5 or more").await;
    browser.fill("accent", "#9d174d").await;
    browser.choose("theme", "dark").await;
    let folder = tempfile::tempdir().unwrap();
    let (page, image) = (folder.path().join("page.png"), folder.path().join("image.png"));
    std::fs::write(&page, "<script>alert(1)</script>").unwrap();
    let bytes: Vec<u8> =
        (0..PNG.len() / 2).map(|at| u8::from_str_radix(&PNG[2 * at..2 * at + 2], 16).unwrap()).collect();
    std::fs::write(&image, &bytes).unwrap();
    let logo = browser.find("#logo").await;
    logo.send_keys(page.to_str().unwrap()).await.unwrap();
    browser.press("Save").await;
    browser.see("a PNG, JPEG or WebP image").await;
    let logo = browser.find("#logo").await;
    logo.send_keys(image.to_str().unwrap()).await.unwrap();
    browser.press("Save").await;
    browser.see("The appearance is changed").await;
    browser.picture("appearance").await;
    browser.create_key("under the new name").await;
    browser.see("ANALYTICAL_ENGINES_API_KEY=").await;

    // A visitor who is not signed in and has chosen no theme.
    other.go("/login").await;
    other.see("Analytical Engines").await;
    other.find("html[data-theme=dark]").await;
    let accent = "return getComputedStyle(document.documentElement).getPropertyValue('--accent')";
    let dark = other.run(accent, vec![]).await;
    let width = "const image = document.querySelector('.brand img'); return image.complete && image.naturalWidth";
    assert_eq!(other.run(width, vec![]).await, serde_json::json!(1));
    other.picture("login-dressed").await;
    browser.go("/settings").await;
    browser.choose("theme", "light").await;
    browser.press("Save theme").await;
    browser.find("html[data-theme=light]").await;
    assert_eq!(browser.run(accent, vec![]).await, serde_json::json!("#9d174d"));
    assert_ne!(dark, serde_json::json!("#9d174d"), "the dark theme uses the light theme's accent");

    let mut client = crate::http::Client::new(&site);
    let page = client.get("/login").await.body;
    let name = page.split("/dashboard/logo.").nth(1).unwrap().split('"').next().unwrap();
    let logo = client.get_bytes(&format!("/dashboard/logo.{name}")).await;
    assert_eq!(logo.1, bytes);
    for (header, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        ("cache-control", "public, max-age=31536000, immutable"),
    ] {
        assert_eq!(logo.0[header], value);
    }
    assert_eq!(client.get("/dashboard/logo.0000000000000000").await.status, 404);
    // Go back to the configured appearance.
    browser.go("/settings/appearance").await;
    browser.fill("name", "").await;
    browser.fill("accent", "").await;
    browser.choose("no_logo", "1").await;
    browser.press("Save").await;
    browser.see("Example API").await;
    assert_eq!(client.get_bytes(&format!("/dashboard/logo.{name}")).await.1, b"");
    browser.close().await;
    other.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn the_operator_looks_at_any_account_and_nobody_else_does() {
    let site = Site::with_owner().await;
    let context = keyward::manage::Context::new();
    for (email, name) in [("nora@example.com", "Northwind"), ("bela@example.com", "Blue Harbor")] {
        site.management.sign_up(&context, keyward::manage::NewUser::new(email, name, PASSWORD)).await.unwrap();
    }
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    browser.press_summary("Operator").await;
    browser.press("Accounts").await;
    browser.see("Blue Harbor").await;
    browser.fill("q", "NORTH").await;
    browser.press("Find").await;
    browser.see("All accounts").await;
    assert!(!browser.text().await.contains("Blue Harbor"));
    browser.click("tbody th a").await;
    browser.see("No keys yet").await;
    browser.go("/members").await;
    browser.see("nora@example.com").await;
    browser.picture("account-of-others").await;
    let (_, key) = browser.create_key("made by the operator").await;
    // Go home with the account switch.
    browser.go("/members").await;
    browser.click("#account-menu > summary").await;
    browser.press("Operator").await;
    browser.see("No keys yet").await;

    let other = Browser::open_beside(&site).await;
    other.go("/login").await;
    other.fill("email", "bela@example.com").await;
    other.fill("password", PASSWORD).await;
    other.press("Sign in").await;
    other.see("No keys yet").await;
    assert!(!other.text().await.contains("Accounts"));
    other.go("/accounts").await;
    other.see("This page does not exist").await;
    // The cookie selects an account but gives no access to it.
    let northwind = site.management.key(&site.owner().await, &key.parse().unwrap()).await.unwrap().account.to_string();
    let session = site.management.sign_in(&context, "bela@example.com", PASSWORD).await.unwrap().session;
    let mut client = crate::http::Client::new(&site);
    client.cookies.insert("keyward_session".to_owned(), session.to_string());
    client.cookies.insert("keyward_account".to_owned(), northwind);
    let page = client.get("/members").await;
    let page = client.get(page.header("location")).await.body;
    assert!(page.contains("bela@example.com") && !page.contains("nora@example.com"), "{page}");
    browser.close().await;
    other.close().await;
}
