use std::time::Duration;

use keyward::manage::{
    Actor, AuditQuery, Context, IdentityProvider, ManagementBuilder, ManagementError, NewUser, Role, SignUpPolicy,
};
use keyward_needs::needs;
use keyward_tests::identity_provider::{CLIENT_ID, CLIENT_SECRET, Provider};

use crate::browser::Browser;
use crate::http::{Answer, Client};
use crate::site::{EMAIL, PASSWORD, Site, keep_log};

const NOT_LET_IN: &str = "You signed in at the identity provider, but";

fn with(provider: &Provider) -> IdentityProvider {
    let provider = IdentityProvider::new(&provider.issuer, CLIENT_ID).unwrap();
    provider.client_secret(CLIENT_SECRET).button("Sign in with Example")
}

/// All but the owner need an invitation.
async fn site(provider: &Provider, change: impl FnOnce(ManagementBuilder) -> ManagementBuilder) -> Site {
    let site =
        Site::build(|management| change(management.identity_provider(with(provider)).sign_up(SignUpPolicy::Closed)))
            .await;
    site.add_owner().await;
    site
}

async fn invite(site: &Site, email: &str) -> Option<String> {
    let owner = site.owner().await;
    let invited =
        site.management.invite(&owner, &site.management.operator().clone(), email, Role::Developer).await.unwrap();
    Some(invited.secret.to_string())
}

fn path_of(url: &str) -> &str {
    let from = url.find("://").map_or(0, |at| at + 3);
    url.get(from..).and_then(|rest| rest.find('/')).map_or("/", |at| &url[from + at..])
}

async fn at_provider(provider: &Provider, request: &str, login: &str) -> String {
    let mut browser = Client::at(provider.issuer.clone());
    let mut answer = browser.get(path_of(request)).await;
    for _ in 0..8 {
        let there = answer.header("location").to_owned();
        if there.contains("/login/oidc/callback") {
            return there;
        }
        answer = if there.is_empty() {
            let action = answer.body.split("action=\"").nth(1).unwrap_or_else(|| panic!("{}", answer.body));
            let action = path_of(action.split('"').next().unwrap()).to_owned();
            browser.post(&action, &[("prompt", "login"), ("login", login), ("password", "any")]).await
        } else {
            browser.get(path_of(&there)).await
        };
    }
    panic!("the provider does not redirect back: {} {}", answer.status, answer.body)
}

async fn begin(client: &mut Client, path: &str) -> String {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").to_owned()
}

async fn sign_in(site: &Site, provider: &Provider, login: &str) -> (Client, Answer) {
    let mut client = Client::new(site);
    let request = begin(&mut client, "/login/oidc").await;
    let back = at_provider(provider, &request, login).await;
    let answer = client.get(path_of(&back)).await;
    (client, answer)
}

async fn audit_log(site: &Site) -> String {
    site.management.maintain().await.unwrap();
    let log = site.management.audit_log(&Actor::system("test", Context::new()), &AuditQuery::default()).await.unwrap();
    serde_json::to_string(&log.items).unwrap()
}

#[needs(browser, oidc_provider)]
#[tokio::test]
async fn an_invited_user_signs_in_with_the_provider_and_is_back_where_they_wanted_to_be() {
    let provider = Provider::start();
    let site = site(&provider, |management| management).await;
    invite(&site, "grace@example.com").await;
    let browser = Browser::open(&site).await;
    for times in 0..2 {
        browser.go("/accounts/operator/members").await;
        browser.see("Sign in with Example").await;
        browser.picture("login-with-provider").await;
        browser.press("Sign in with Example").await;
        if times == 0 {
            browser.find("[name=login]").await.send_keys("grace").await.unwrap();
            browser.find("[name=password]").await.send_keys("any").await.unwrap();
            browser.click("[type=submit]").await;
        }
        // The second time, the provider still has a session.
        if times == 0 {
            // Signing in does not accept an invitation.
            browser.see("This account does not exist").await;
            browser.go("/invitations").await;
            browser.picture("invitations").await;
            browser.click("form[action$='/accept'] button").await;
            browser.see("You are now a member of this account").await;
            browser.go("/members?after=").await;
        }
        browser.see("grace@example.com").await;
        assert_eq!(browser.path().await, "/accounts/operator/members");
        assert!(!browser.text().await.contains("invited"), "the member is still shown as invited");
        browser.go("/settings").await;
        browser.see("Your sessions").await;
        assert!(!browser.text().await.contains("Current password"), "a user without a password is asked for one");
        browser.press_in_user_menu("Sign out").await;
        browser.see("You are signed out").await;
    }
    let log = audit_log(&site).await;
    assert!(log.contains("user.link") && log.contains("session.begin") && log.contains(&provider.issuer), "{log}");
    browser.close().await;
}

#[needs(oidc_provider)]
#[tokio::test]
async fn only_a_verified_address_that_is_known_lets_anybody_in_and_all_others_are_told_the_same() {
    for provider in [Provider::start(), Provider::start_full()] {
        let site = site(&provider, |management| management).await;
        let link = invite(&site, "grace@example.com").await.unwrap();
        for login in ["unverified.grace", "without-email.grace", "nobody"] {
            let (mut client, answer) = sign_in(&site, &provider, login).await;
            assert_eq!(answer.status, 403, "{login}: {}", answer.body);
            assert!(answer.body.contains(NOT_LET_IN), "{login}: {}", answer.body);
            assert!(!client.cookies.contains_key("keyward_session"), "{login}");
            assert_eq!(client.get("/accounts/operator/keys").await.status, 303, "{login}");
        }
        let (mut client, answer) = sign_in(&site, &provider, "grace").await;
        assert_eq!((answer.status, answer.header("location")), (303, "/keys"));
        assert!(answer.headers.get_all("set-cookie").iter().any(|cookie| {
            let cookie = cookie.to_str().unwrap();
            cookie.starts_with("keyward_session=kws_") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax")
        }));
        assert_eq!(client.get("/accounts/operator/keys").await.status, 404, "an open invitation gives access");
        assert_eq!(client.get("/keys").await.header("location"), "/invitations");
        assert!(client.get("/invitations").await.body.contains("/accept\""));
        // The address now has a user, so no link lets its holder choose a password.
        for link in [link, invite_again(&site).await.unwrap()] {
            let chosen =
                site.management.accept_invitation(&Context::new(), &link, "Mallory", "another good password").await;
            assert!(matches!(chosen, Err(ManagementError::AddressInUse)));
        }
        // A disabled user gets the same answer.
        let owner = site.owner().await;
        let user = site.management.user_with_email(&owner, "grace@example.com").await.unwrap().value.id;
        site.management.set_user_disabled(&owner, &user, true).await.unwrap();
        assert_eq!(client.get("/accounts/operator/keys").await.status, 303);
        let (_, answer) = sign_in(&site, &provider, "grace").await;
        assert!(answer.status == 403 && answer.body.contains(NOT_LET_IN), "{}", answer.body);
        site.management.set_user_disabled(&owner, &user, false).await.unwrap();
        // Another person at the provider who later gets the same address is not this user.
        let (_, answer) = sign_in(&site, &provider, "same.grace").await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(NOT_LET_IN));
    }
}

async fn invite_again(site: &Site) -> Option<String> {
    let owner = site.owner().await;
    let account = site.management.create_account(&owner, "Another").await.unwrap().value.id;
    let invited = site.management.invite(&owner, &account, "grace@example.com", Role::Viewer).await.unwrap();
    Some(invited.secret.to_string())
}

#[needs(oidc_provider)]
#[tokio::test]
async fn where_sign_up_is_open_strangers_get_an_account_and_nobody_has_chosen_a_password_for_them() {
    let provider = Provider::start();
    let site = site(&provider, |management| management.sign_up(SignUpPolicy::Open)).await;
    let (mut client, answer) = sign_in(&site, &provider, "newcomer").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(
        client.get("/settings").await.body.contains("The newcomer"),
        "the user does not have the name from the provider"
    );
    let (_, answer) = sign_in(&site, &provider, "unverified.other").await;
    assert_eq!(answer.status, 403, "{}", answer.body);

    // An attacker has signed up with a victim's address. The victim then signs in with the provider, which has
    // verified it.
    let context = Context::new();
    site.management.sign_up(&context, NewUser::new("victim@example.com", "Mallory", PASSWORD)).await.unwrap();
    let before = site.management.sign_in(&context, "victim@example.com", PASSWORD).await.unwrap().session;
    let (_, answer) = sign_in(&site, &provider, "victim").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(matches!(site.management.session(&before, context.clone()).await, Err(ManagementError::SignedOut)));
    let again = site.management.sign_in(&context, "victim@example.com", PASSWORD).await;
    assert!(matches!(again, Err(ManagementError::WrongCredentials)));
    // A user who was added by others keeps the password.
    let (_, answer) = sign_in(&site, &provider, "ada").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    site.owner().await;
}

#[needs(oidc_provider)]
#[tokio::test]
async fn tokens_that_are_not_what_was_asked_for_do_not_count() {
    keep_log();
    let provider = Provider::start();
    let site = site(&provider, |management| management.sign_up(SignUpPolicy::Open)).await;
    for (change, why) in [
        ("audience", "Invalid audiences"),
        ("audiences", "Invalid audiences"),
        ("issuer", "Invalid issuer"),
        ("expired", "Expired"),
        ("nonce", "Invalid nonce"),
        ("no-nonce", "Invalid nonce"),
        ("access-token", "another access token"),
        ("unknown-key", "Signature verification failed"),
        ("unsigned", "No signature found"),
        ("hmac", "Disallowed signature algorithm"),
        ("no-token", "no ID token"),
        ("other-party", "its claim `azp` is `another`: expected the client id `keyward`"),
        ("no-subject", "its claim `sub` has 0 characters: expected 1 to 255"),
        ("long-subject", "its claim `sub` has 100000 characters: expected 1 to 255"),
        ("foreign-subject", "its claim `sub` has 3 characters: expected 1 to 255"),
        ("long-audience", "Invalid audiences"),
    ] {
        let (client, answer) = sign_in(&site, &provider, &format!("{change}.ada")).await;
        assert_eq!(answer.status, 403, "{change}: {}", answer.body);
        assert!(answer.body.contains("could not use"), "{change}: {}", answer.body);
        assert!(!client.cookies.contains_key("keyward_session"), "{change}");
        let log = audit_log(&site).await;
        let last = log.split("\"number\"").nth(1).unwrap();
        assert!(last.contains(why) && last.contains("refused"), "{change}: {last}");
        assert!(last.len() < 2_000, "{change}: the entry has {} bytes", last.len());
    }
    // The same token, signed again without a change, is accepted. So the changes caused the refusals.
    for login in ["same.ada", "own-party.dora"] {
        let (_, answer) = sign_in(&site, &provider, login).await;
        assert_eq!(answer.status, 303, "{login}: {}", answer.body);
    }
    // A token is also accepted with a key that the provider added later.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (client, answer) = sign_in(&site, &provider, "rotated.bob").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    site.assert_kept_nowhere(&[CLIENT_SECRET, client.cookies.get("keyward_session").unwrap()]);
}

#[needs(oidc_provider)]
#[tokio::test]
async fn a_long_address_is_no_address_and_a_long_name_no_name() {
    let provider = Provider::start_full();
    let site = site(&provider, |management| management.sign_up(SignUpPolicy::Open)).await;
    let (_, answer) = sign_in(&site, &provider, "long-email.eve").await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.contains(NOT_LET_IN), "{}", answer.body);
    let (mut client, answer) = sign_in(&site, &provider, "long-name.nell").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let page = client.get("/settings").await.body;
    assert!(page.contains("nell@example.com") && !page.contains("nnnnnnnn"), "{page}");
}

#[needs(oidc_provider)]
#[tokio::test]
async fn what_one_browser_began_is_worth_nothing_in_another_nor_twice() {
    let provider = Provider::start();
    let site = site(&provider, |management| management).await;
    let refused = |answer: &Answer, what: &str| {
        assert_eq!(answer.status, 403, "{what}: {}", answer.body);
        assert!(answer.body.contains("Start again"), "{what}: {}", answer.body);
    };
    let mut own = Client::new(&site);
    let request = begin(&mut own, "/login/oidc?to=/audit").await;
    assert!(request.contains("code_challenge_method=S256") && request.contains("nonce=") && request.contains("state="));
    let back = at_provider(&provider, &request, "ada").await;
    let under_way = own.cookies.get("keyward_oidc").unwrap().clone();

    // In a browser without a sign-in, and in one with another.
    refused(&Client::new(&site).get(path_of(&back)).await, "no cookie");
    let mut other = Client::new(&site);
    begin(&mut other, "/login/oidc").await;
    refused(&other.get(path_of(&back)).await, "another's cookie");
    // With another state, or for another purpose.
    for (cookie, path, what) in [
        (under_way.clone(), path_of(&back).replace("state=", "state=0"), "state"),
        (under_way.clone(), "/login/oidc/callback?code=x".to_owned(), "no state"),
        (under_way.replace('.', ".1"), path_of(&back).to_owned(), "purpose"),
    ] {
        let mut client = Client::new(&site);
        client.cookies.insert("keyward_oidc".to_owned(), cookie);
        refused(&client.get(&path).await, what);
    }
    // In the browser where it began, once.
    let planted = "kws_0000000000000000000000000000000000000000000000000000000000000000".to_owned();
    own.cookies.insert("keyward_session".to_owned(), planted.clone());
    let answer = own.get(path_of(&back)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/audit"));
    assert_ne!(own.cookies.get("keyward_session"), Some(&planted), "the planted session was kept");
    let mut again = Client::new(&site);
    refused(&again.get(path_of(&back)).await, "used up");
    again.cookies.insert("keyward_oidc".to_owned(), under_way);
    refused(&again.get(path_of(&back)).await, "the code is used up at the provider");

    // Change the nonce or the challenge on the way to the provider. Both belong to this browser's sign-in.
    for (part, what) in [("nonce=", "nonce"), ("code_challenge=", "challenge")] {
        let mut client = Client::new(&site);
        let request = begin(&mut client, "/login/oidc").await;
        let (before, after) = request.split_once(part).unwrap();
        let value = after.split('&').next().unwrap();
        let changed: String = value.chars().rev().collect();
        let request = format!("{before}{part}{}", after.replacen(value, &changed, 1));
        let back = at_provider(&provider, &request, "ada").await;
        refused(&client.get(path_of(&back)).await, what);
    }
    // A sign-in never redirects to another site.
    let mut client = Client::new(&site);
    let request = begin(&mut client, "/login/oidc?to=https://evil.example/keys").await;
    let back = at_provider(&provider, &request, "ada").await;
    assert_eq!(client.get(path_of(&back)).await.header("location"), "/keys");
    // A user who declines at the provider sees what to do.
    let mut client = Client::new(&site);
    let request = begin(&mut client, "/login/oidc").await;
    let state = request.split("state=").nth(1).unwrap().split('&').next().unwrap();
    refused(&client.get(&format!("/login/oidc/callback?error=access_denied&state={state}")).await, "said no");
}

#[needs(oidc_provider)]
#[tokio::test]
async fn a_provider_that_is_down_is_said_to_be_and_passwords_go_on() {
    let mut provider = Provider::start();
    let site = site(&provider, |management| management).await;
    let mut client = Client::new(&site);
    let request = begin(&mut client, "/login/oidc").await;
    let back = at_provider(&provider, &request, "ada").await;
    provider.stop();
    let answer = client.get(path_of(&back)).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("does not answer") && !answer.header("retry-after").is_empty(), "{}", answer.body);
    // A provider that was never reached.
    let other = self::site(&provider, |management| management).await;
    let answer = Client::new(&other).get("/login/oidc").await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(with(&provider).check().await.unwrap_err().is_outage());
    let mut client = Client::signed_in(&other).await;
    assert_eq!(client.get("/accounts/operator/keys").await.status, 200);
    // A server that is not a provider is a configuration mistake, not an outage.
    let no_provider = IdentityProvider::new(&site.url(""), CLIENT_ID).unwrap();
    assert!(!no_provider.check().await.unwrap_err().is_outage());
    assert_eq!(Client::new(&Site::with_owner().await).get("/login/oidc").await.status, 404);
}

#[needs(oidc_provider)]
#[tokio::test]
async fn where_the_provider_is_the_only_way_in_passwords_open_nothing() {
    let provider = Provider::start();
    let site = site(&provider, |management| management.identity_provider(with(&provider).only_way())).await;
    let mut client = Client::new(&site);
    let page = client.get("/login").await.body;
    assert!(page.contains("Sign in with Example") && !page.contains("type=\"password\""), "{page}");
    let context = Context::new();
    assert!(matches!(site.management.sign_in(&context, EMAIL, PASSWORD).await, Err(ManagementError::PasswordsOff)));
    assert!(matches!(
        site.management.issue_tokens(&context, EMAIL, PASSWORD).await,
        Err(ManagementError::PasswordsOff)
    ));
    let (mut client, answer) = sign_in(&site, &provider, "ada").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(!client.get("/settings").await.body.contains("type=\"password\""));
    let page = client.get("/accounts/operator/members").await;
    let fields = [
        ("csrf", page.field("csrf")),
        ("form_id", page.field("form_id")),
        ("email", "grace@example.com".to_owned()),
        ("role", "viewer".to_owned()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let invited = client.post("/accounts/operator/members", &fields).await;
    assert_eq!(invited.status, 200, "{}", invited.body);
    assert!(invited.body.contains("/register?invitation=kwi_"), "{}", invited.body);
    let (_, answer) = sign_in(&site, &provider, "grace").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}
