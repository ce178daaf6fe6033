//! Sign-in links, and the dashboard in a frame of another site.

use axum::Router;
use axum::extract::Query;
use axum::response::Html;
use axum::routing::get;
use fantoccini::Locator;
use keyward::id::UserId;
use keyward::key::KeyKind;
use keyward::manage::{Actor, AuditQuery, Context, KeyDraft, NewUser, Role, SignInLinkDraft};
use keyward::{AccountId, CredentialId, Identity};
use keyward_needs::needs;
use keyward_tests::service::Listening;
use keyward_tests::watched::within;

use crate::browser::Browser;
use crate::http::{Answer, Client};
use crate::security::App;
use crate::site::{EMAIL, PASSWORD, Site, keep_log};

const GRACE: &str = "grace@example.com";

/// An application that shows the URL `to` in a frame, and leads to it.
pub(crate) struct Host(Listening);

#[derive(serde::Deserialize)]
struct To {
    to: String,
}

impl Host {
    pub(crate) async fn start() -> Self {
        let page = async |Query(To { to }): Query<To>| {
            Html(format!(
                "<!doctype html><title>Host</title><h1>Host</h1><a id=\"over\" href=\"{to}\">Keys</a>\
                 <iframe src=\"{to}\" width=\"900\" height=\"700\" allow=\"clipboard-write\"></iframe>"
            ))
        };
        Self(Listening::start(Router::new().route("/", get(page))).await)
    }

    /// `localhost` and `127.0.0.1` are different sites. Two ports of one host are one site, but different origins.
    pub(crate) fn origin(&self, host: &str) -> String {
        format!("http://{host}:{}", self.0.address.port())
    }

    pub(crate) async fn frame(&self, browser: &Browser, host: &str, url: &str) {
        browser.client.goto(&format!("{}/?to={url}", self.origin(host))).await.unwrap();
        browser.find("iframe").await.enter_frame().await.unwrap();
    }
}

pub(crate) async fn site(origins: &[String]) -> Site {
    let site = Site::build_with(
        |management| management,
        |settings| origins.iter().fold(settings, |settings, origin| settings.embed_origin(origin.parse().unwrap())),
    )
    .await;
    site.add_owner().await;
    site
}

/// The secret of a link for a developer of the operator's account, who is created at the first one.
pub(crate) async fn link(site: &Site, path: &str) -> String {
    let system = Actor::system("test", Context::new());
    let draft = SignInLinkDraft::new(GRACE).account(site.management.operator().clone()).path(path);
    let draft = draft.create("Grace", Role::Developer);
    site.management.create_sign_in_link(&system, &draft).await.unwrap().secret.to_string()
}

async fn open(client: &mut Client, link: &str) -> Answer {
    let page = client.get(&format!("/login/link?link={link}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(page.header("referrer-policy"), "strict-origin");
    client.post("/login/link", &[("csrf", &page.field("csrf")), ("link", link)]).await
}

#[tokio::test]
async fn a_link_is_used_by_the_form_and_leads_to_its_page() {
    keep_log();
    let site = site(&[]).await;
    for (path, location) in [
        ("/keys", "/accounts/operator/keys"),
        ("/usage", "/accounts/operator/usage"),
        // Not the path of a page.
        ("/nothing/here", "/keys"),
    ] {
        let link = link(&site, path).await;
        // A program that looks at the link does not use it up.
        for _ in 0..2 {
            Client::new(&site).get(&format!("/login/link?link={link}")).await;
        }
        let mut client = Client::new(&site);
        let answer = open(&mut client, &link).await;
        assert_eq!((answer.status, answer.header("location")), (303, location));
        assert!(client.get("/accounts/operator/keys").await.body.contains("Grace"));
        let again = open(&mut Client::new(&site), &link).await;
        assert_eq!(again.status, 401);
        assert!(again.body.contains("open it again from there"), "{}", again.body);
        site.assert_kept_nowhere(&[&link]);
    }
    // The form needs the token of this browser, and the script does not send it without a click then.
    let link = link(&site, "/keys").await;
    let refused = Client::new(&site).post("/login/link", &[("csrf", ""), ("link", &link)]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("expired") && !refused.body.contains("data-now"), "{}", refused.body);
    // A window with a session asks first.
    let mut signed_in = Client::signed_in(&site).await;
    let page = signed_in.get(&format!("/login/link?link={link}")).await;
    assert!(page.body.contains("You are signed in as") && !page.body.contains("data-now"), "{}", page.body);
}

#[tokio::test]
async fn embedding_changes_nothing_unless_origins_are_named() {
    let off = site(&[]).await;
    let on = site(&["https://app.example.com".to_owned()]).await;
    for (site, is_on, dest) in
        [(&off, false, "document"), (&off, false, "iframe"), (&on, true, "document"), (&on, true, "iframe")]
    {
        let answer = Client::new(site).with("sec-fetch-dest", dest).get("/login").await;
        let cookie = answer.header("set-cookie");
        let (policy, frame_options) = (answer.header("content-security-policy"), answer.header("x-frame-options"));
        if is_on {
            assert!(policy.contains("frame-ancestors 'self' https://app.example.com; base-uri"), "{policy}");
            assert_eq!(frame_options, "");
        } else {
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(frame_options, "DENY");
        }
        if is_on && dest == "iframe" {
            assert!(cookie.starts_with("keyward_framed_visit="), "{cookie}");
            for attribute in ["SameSite=None", "Secure", "Partitioned", "HttpOnly", "Path=/"] {
                assert!(cookie.contains(attribute), "{cookie}");
            }
        } else {
            assert!(cookie.starts_with("keyward_visit=") && cookie.contains("SameSite=Lax"), "{cookie}");
            assert!(!cookie.contains("Partitioned") && !cookie.contains("Secure"), "{cookie}");
        }
    }
}

/// A page that may frame the dashboard can use any element for it.
#[tokio::test]
async fn no_element_of_another_page_has_the_session_of_the_window() {
    let site = site(&["https://app.example.com".to_owned()]).await;
    let mut window = Client::signed_in(&site).await;
    assert_eq!(window.get("/accounts/operator/keys").await.status, 200);
    for (dest, status) in [
        ("document", 200),
        ("empty", 200),
        ("iframe", 303),
        ("frame", 303),
        ("object", 303),
        ("embed", 303),
        ("fencedframe", 303),
        ("image", 303),
    ] {
        let mut element = Client::new(&site).with("sec-fetch-dest", dest);
        element.cookies = window.cookies.clone();
        assert_eq!(element.get("/accounts/operator/keys").await.status, status, "{dest}");
    }
}

/// The cookies of a frame have `SameSite=None`, so a browser could send them with forms of other sites.
#[tokio::test]
async fn forms_of_other_sites_are_refused_in_frames_too() {
    let site = site(&["https://app.example.com".to_owned()]).await;
    let link = link(&site, "/keys").await;
    let mut framed = Client::new(&site).with("sec-fetch-dest", "iframe");
    assert_eq!(open(&mut framed, &link).await.status, 303);
    let page = framed.get("/accounts/operator/keys/new").await;
    assert_eq!(page.status, 200);
    let own = format!("http://{}", site.address());
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://app.example.com"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let mut other = Client::new(&site).with("sec-fetch-dest", "iframe").with(name, value);
        other.cookies = framed.cookies.clone();
        let answer = other.post("/logout", &[("csrf", &page.field("csrf"))]).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    let mut same = Client::new(&site).with("sec-fetch-dest", "iframe").with("origin", &own);
    same.cookies = framed.cookies.clone();
    assert_eq!(same.post("/logout", &[("csrf", "")]).await.status, 403, "a form without a token");
    // The session of a frame is none for a window.
    let mut window = Client::new(&site);
    window.cookies = framed.cookies.clone();
    assert_eq!(window.get("/keys").await.status, 303);
    assert_eq!(same.post("/logout", &[("csrf", &page.field("csrf"))]).await.status, 303);
}

#[needs(browser)]
#[tokio::test]
async fn a_page_of_another_site_signs_a_user_in_and_shows_the_keys() {
    keep_log();
    let host = Host::start().await;
    let site = site(&[host.origin("localhost")]).await;
    let browser = Browser::open(&site).await;
    // A window has a session of another user, which stays.
    browser.sign_in().await;
    let link = link(&site, "/keys").await;
    host.frame(&browser, "localhost", &site.url(&format!("/login/link?link={link}"))).await;
    browser.see("Create your first key").await;
    let text = browser.text().await;
    assert!(text.contains("Grace") && !text.contains("Ada"), "{text}");
    browser.click("a[href$='/keys/new']").await;
    browser.fill("name", "from the frame").await;
    browser.press("Create key").await;
    let key = browser.text_of("#key").await;
    assert_eq!(site.call_api(&key).await, 200);
    let cookies = browser.client.get_all_cookies().await.unwrap();
    assert!(cookies.iter().any(|cookie| cookie.name() == "keyward_framed_session"), "{cookies:?}");
    browser.client.clone().enter_parent_frame().await.unwrap();
    browser.go("/accounts/operator/keys").await;
    browser.see("from the frame").await;
    assert!(browser.text().await.contains("Ada"), "the window has the session of the frame");
    site.assert_kept_nowhere(&[&link]);
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_browser_shows_no_frame_to_an_origin_that_is_not_named() {
    let host = Host::start().await;
    let site = site(&[host.origin("localhost")]).await;
    let browser = Browser::open(&site).await;
    // Another site, and another origin of the same site.
    for (origin, is_shown) in [("localhost", true), ("127.0.0.1", false)] {
        host.frame(&browser, origin, &site.url("/login")).await;
        if is_shown {
            browser.see("E-mail address").await;
        } else {
            // The frame has an error page of the browser.
            let refused = async || browser.html().await.contains("refused to connect");
            within("the browser says that the frame is refused", refused).await;
            assert!(browser.client.find(Locator::Css("#email")).await.is_err());
        }
        browser.client.clone().enter_parent_frame().await.unwrap();
    }
    browser.close().await;
}

#[needs(browser)]
#[tokio::test]
async fn a_link_works_in_a_window_with_and_without_a_script() {
    let host = Host::start().await;
    let site = site(&[]).await;
    for has_script in [true, false] {
        let browser = if has_script { Browser::open(&site).await } else { Browser::open_without_script(&site).await };
        let link = link(&site, "/usage").await;
        let to = site.url(&format!("/login/link?link={link}"));
        browser.client.goto(&format!("{}/?to={to}", host.origin("localhost"))).await.unwrap();
        browser.click("#over").await;
        if !has_script {
            browser.picture("sign-in-link").await;
            browser.press("Continue").await;
        }
        browser.see("Grace").await;
        assert_eq!(browser.path().await, "/accounts/operator/usage");
        browser.close().await;
    }
}

#[needs(browser)]
#[tokio::test]
async fn a_user_with_a_second_factor_enters_its_code_after_a_link() {
    let (mut app, site) = App::with_site().await;
    let system = Actor::system("test", Context::new());
    site.management.create_owner(&system, NewUser::new(GRACE, "Grace", PASSWORD)).await.unwrap();
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    app.set_up(&browser).await;
    browser.click("a[download]").await;
    browser.press("Done, I have stored the codes").await;
    browser.press_in_user_menu("Sign out").await;
    browser.see("You are signed out").await;
    let made =
        site.management.create_sign_in_link(&system, &SignInLinkDraft::new(EMAIL).path("/settings")).await.unwrap();
    browser.go(&made.url).await;
    browser.see("Enter the code").await;
    browser.fill("code", &app.code()).await;
    browser.press("Sign in").await;
    browser.see("Your sessions").await;

    assert_eq!(open(&mut Client::new(&site), &made.secret).await.status, 401);
    browser.close().await;
}

/// A viewer with a second factor, whose link was opened. The code is next.
struct Halfway {
    site: Site,
    account: AccountId,
    user: UserId,
    /// The key that made the link.
    key: CredentialId,
    link: String,
    client: Client,
    codes: Vec<String>,
}

impl Halfway {
    async fn begin() -> Self {
        let (mut app, site) = App::with_site().await;
        let (management, context) = (&site.management, Context::new());
        let system = Actor::system("test", context.clone());
        let account = management.create_account(&system, "Acme").await.unwrap().value.id;
        let invited = management.invite(&system, &account, GRACE, Role::Viewer).await.unwrap();
        management.accept_invitation(&context, &invited.secret, "Grace", PASSWORD).await.unwrap();
        let session = management.sign_in(&context, GRACE, PASSWORD).await.unwrap().session;
        let grace = management.session(&session, context.clone()).await.unwrap();
        management.begin_second_factor(&grace, PASSWORD).await.unwrap();
        app.enter(&management.second_factor_set_up(&grace, "Example").await.unwrap().unwrap().secret);
        let codes = management.confirm_second_factor(&grace, &app.code()).await.unwrap();

        let scopes = "users:sign_in accounts:read members:* keys:read usage:read plans:read";
        let mut draft = KeyDraft::management(management.operator().clone(), "host", scopes.parse().unwrap());
        draft.kind = KeyKind::Secret;
        let key = management.create_key(&system, draft).await.unwrap().view.id;
        let host = Actor::of_identity(&Identity::api_key(key.clone(), management.operator().clone()), context);
        let draft = SignInLinkDraft::new(GRACE).account(account.clone());
        let link = management.create_sign_in_link(&host, &draft).await.unwrap().secret.to_string();
        let mut client = Client::new(&site);
        let answer = open(&mut client, &link).await;
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with("/login/code"), "{}", answer.header("location"));
        let (user, codes) = (grace.user().unwrap().clone(), codes.iter().map(|code| code.to_string()).collect());
        Self { site, account, user, key, link, client, codes }
    }

    fn beside(&self) -> Client {
        let mut other = Client::new(&self.site);
        other.cookies = self.client.cookies.clone();
        other
    }
}

async fn enter(mut client: Client, code: String) -> (Answer, Client) {
    let page = client.get("/login/code").await;
    let answer = client.post("/login/code", &[("csrf", &page.field("csrf")), ("code", &code), ("to", "")]).await;
    (answer, client)
}

#[tokio::test]
async fn a_link_is_judged_again_at_the_code_of_the_second_factor() {
    for what in ["nothing", "key revoked", "removed", "promoted", "signed out"] {
        let halfway = Halfway::begin().await;
        let Halfway { site, account, user, key, .. } = &halfway;
        let (management, system) = (&site.management, Actor::system("test", Context::new()));
        match what {
            "key revoked" => drop(management.revoke_key(&system, key).await.unwrap()),
            "removed" => management.remove_member(&system, account, user, 1).await.unwrap(),
            "promoted" => drop(management.update_member(&system, account, user, Role::Owner, 1).await.unwrap()),
            "signed out" => {
                management.set_user_disabled(&system, user, true).await.unwrap();
                management.set_user_disabled(&system, user, false).await.unwrap();
            }
            _ => {}
        }
        let (answer, mut client) = enter(halfway.beside(), halfway.codes[0].clone()).await;
        let is_in = client.get(&format!("/accounts/{account}/keys")).await.status == 200;
        match what {
            "nothing" => assert!(answer.status == 303 && is_in, "{}", answer.body),
            "signed out" => assert!(answer.header("location").starts_with("/login") && !is_in, "{}", answer.body),
            _ => assert!(answer.status == 401 && !is_in && answer.body.contains("open it again"), "{what}"),
        }
        let query = AuditQuery { account: Some(account.clone()), ..AuditQuery::default() };
        let log = management.audit_log(&system, &query).await.unwrap().items;
        // The account also sees how its members signed in before.
        let begun = log.iter().filter(|entry| entry.action == "session.begin").filter_map(|entry| entry.after.clone());
        let begun = begun.into_iter().find(|after| after["sign_in_link_of"].is_object());
        assert_eq!(begun.is_some(), what == "nothing", "{what}: {log:?}");
        assert!(
            begun.is_none_or(|after| after["sign_in_link_of"]["id"] == key.as_str() && after["second_factor"] == true)
        );
    }
}

#[tokio::test]
async fn a_link_gives_one_session_to_a_user_with_a_second_factor() {
    let halfway = Halfway::begin().await;
    let stranger = open(&mut Client::new(&halfway.site), &halfway.link).await;
    assert_eq!(stranger.status, 401, "another browser uses the link while the code is entered");
    let (wrong, _) = enter(halfway.beside(), "no code".to_owned()).await;
    assert!(wrong.status != 303, "{}", wrong.body);
    let attempts: Vec<_> =
        halfway.codes[..3].iter().map(|code| tokio::spawn(enter(halfway.beside(), code.clone()))).collect();
    let mut statuses = Vec::new();
    for attempt in attempts {
        statuses.push(attempt.await.unwrap().0.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 401, 401]);
    let (late, _) = enter(halfway.beside(), halfway.codes[3].clone()).await;
    assert_eq!(late.status, 401);
}

#[needs(browser)]
#[tokio::test]
async fn the_secret_of_a_link_leaves_the_address_before_the_page_asks() {
    let site = site(&[]).await;
    let browser = Browser::open(&site).await;
    browser.sign_in().await;
    let link = link(&site, "/usage").await;
    browser.go(&format!("/login/link?link={link}")).await;
    browser.see("You are signed in as").await;
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), site.url("/login/link"));
    browser.press("Continue").await;
    browser.see("Grace").await;
    browser.client.back().await.unwrap();
    browser.see("Grace").await;
    assert!(!browser.client.current_url().await.unwrap().as_str().contains("kwl_"));
    browser.close().await;
}
