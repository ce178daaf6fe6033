use std::collections::BTreeMap;

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use keyward::TrustedProxies;
use keyward::manage::{
    Actor, Context, DashboardSettings, KeyDraft, Management, NewUser, SqliteManagementStore, dashboard,
};
use keyward::sqlite::SqliteStore;
use keyward::store::KeyQuery;
use keyward_tests::service::Listening;

use crate::site::{EMAIL, PASSWORD, Site, keep_log};

pub(crate) struct Client {
    inner: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
    base: String,
    pub(crate) cookies: BTreeMap<String, String>,
    headers: Vec<(&'static str, String)>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split(&start).nth(1).unwrap_or_else(|| panic!("no {name} in {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Client {
    pub(crate) fn new(site: &Site) -> Self {
        Self::at(site.url(""))
    }

    pub(crate) fn at(base: String) -> Self {
        let inner = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { inner, base, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    pub(crate) fn bearer(self, key: &str) -> Self {
        self.with("authorization", &format!("Bearer {key}"))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) async fn get_bytes(&self, path: &str) -> (HeaderMap, Vec<u8>) {
        let mut request = Request::get(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        for (name, value) in &self.cookies {
            request = request.header("cookie", format!("{name}={value}"));
        }
        let request = request.body(Full::default()).unwrap();
        let (head, body) = self.inner.request(request).await.unwrap().into_parts();
        (head.headers, body.collect().await.unwrap().to_bytes().into())
    }

    async fn send(&mut self, method: &str, path: &str, body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if method == "POST" {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let (head, body) = self.inner.request(request.body(Full::from(body)).unwrap()).await.unwrap().into_parts();
        for cookie in head.headers.get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.send("POST", path, body.join("&")).await
    }

    pub(crate) async fn signed_in(site: &Site) -> Self {
        let mut client = Self::new(site);
        let token = client.get("/login").await.field("csrf");
        let answer = client.post("/login", &[("csrf", &token), ("email", EMAIL), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/keys"));
        client
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

const PAGES: [&str; 13] = [
    "/accounts/operator/keys",
    "/accounts/operator/keys/new",
    "/accounts/operator/usage",
    "/accounts/operator/members",
    "/accounts",
    "/plans",
    "/users",
    "/accounts/operator/webhooks",
    "/accounts/operator/webhooks/new",
    "/accounts/operator/audit",
    "/accounts/operator/settings",
    "/settings",
    "/settings/appearance",
];

#[tokio::test]
async fn every_answer_has_the_headers_that_browsers_need() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    for path in
        PAGES.into_iter().chain(["/accounts/operator/keys/key_nobody", "/login", "/register", "/forgot", "/reset"])
    {
        let answer = client.get(path).await;
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("strict-transport-security", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {path}");
        }
        assert!(answer.header("permissions-policy").contains("camera=()"));
        for inline in [" style=", "<style", " onclick", "javascript:"] {
            assert!(!answer.body.contains(inline), "{inline} on {path}");
        }
        assert!(!answer.body.split("<script").skip(1).any(|script| !script.starts_with(" src=")), "{path}");
    }
    // File names change with the content, so browsers may cache files indefinitely.
    let page = client.get("/accounts/operator/keys").await.body;
    for kind in ["style.", "script."] {
        let name = page.split("/dashboard/").find(|rest| rest.starts_with(kind)).unwrap().split('"').next().unwrap();
        let file = client.get(&format!("/dashboard/{name}")).await;
        assert_eq!((file.status, file.header("cache-control")), (200, "public, max-age=31536000, immutable"));
        assert_eq!(file.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(client.get("/dashboard/style.0000.css").await.status, 404);
}

#[tokio::test]
async fn cookies_are_bound_to_the_host_and_plain_text_stays_on_the_machine() {
    let site = Site::with_owner().await;
    let mut client = Client::new(&site);
    let answer = client.get("/login").await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("keyward_visit="), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"));
    assert!(!cookie.contains("Secure"));

    // Over plain text from another machine, the page has neither a form nor a cookie.
    let mut elsewhere = Client::new(&site).with("host", "keys.example.com");
    let answer = elsewhere.get("/login").await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("Open this page over HTTPS") && !answer.body.contains("<form"));
    assert_eq!(answer.header("set-cookie"), "");
}

/// tower-sessions 0.12.1 kept the session ID at sign-in, so an attacker who had planted it was signed in as well.
#[tokio::test]
async fn who_signs_in_gets_another_session_and_none_that_somebody_has_planted() {
    let site = Site::with_owner().await;
    let ended = site.management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
    let mut sessions = Vec::new();
    for planted in ["kws_planted", ended.as_str()] {
        if planted == ended.as_str() {
            let actor = site.management.session(&ended, Context::new()).await.unwrap();
            site.management.sign_out(&actor).await.unwrap();
        }
        let mut client = Client::new(&site);
        client.cookies.insert("keyward_session".to_owned(), planted.to_owned());
        let (token, visit) = (client.get("/login").await.field("csrf"), client.cookies.get("keyward_visit").cloned());
        let answer = client.post("/login", &[("csrf", &token), ("email", EMAIL), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/keys"));
        let session = client.cookies.get("keyward_session").unwrap().clone();
        assert!(session != planted && Some(&session) != visit.as_ref());
        let page = client.get("/accounts/operator/keys/new").await;
        assert_eq!(page.status, 200);
        assert_ne!(page.field("csrf"), token, "the CSRF token did not change at sign-in");
        assert!(site.management.session(planted, Context::new()).await.is_err(), "a planted session became valid");
        sessions.push(session);
    }
    assert_ne!(sessions[0], sessions[1]);
}

#[tokio::test]
async fn forms_of_others_are_refused() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get("/accounts/operator/keys/new").await;
    let (token, form) = (page.field("csrf"), page.field("form_id"));
    let own = site.url("");
    let fields = |token: &str| {
        [
            ("csrf", token.to_owned()),
            ("form_id", form.clone()),
            ("name", "k".into()),
            ("kind", "secret".into()),
            ("mode", "live".into()),
        ]
    };
    for (headers, token, status) in [
        (vec![("origin", "https://evil.example")], token.as_str(), 403),
        (vec![("origin", "null")], &token, 403),
        (vec![("sec-fetch-site", "cross-site")], &token, 403),
        (vec![("sec-fetch-site", "same-site"), ("origin", &own)], &token, 403),
        (vec![("origin", &own)], "", 403),
        (vec![("origin", &own)], &"0".repeat(64), 403),
        (vec![("origin", &own), ("sec-fetch-site", "same-origin")], &token, 200),
    ] {
        client.headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let fields = fields(token);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = client.post("/accounts/operator/keys/new", &fields).await;
        assert_eq!(answer.status, status, "{headers:?} {token:?}: {}", answer.body);
    }
    client.headers.clear();
    // If only the token was wrong, the page keeps the input.
    let answer =
        client.post("/accounts/operator/keys/new", &[("csrf", "x"), ("name", "a & b"), ("kind", "secret")]).await;
    assert!(answer.body.contains("/accounts/operator/keys/new?name=a+%26+b&#38;kind=secret"), "{}", answer.body);
    for path in ["/logout", "/settings/theme", "/accounts/operator/members", "/accounts/operator/keys/key_1/revoke"] {
        assert_eq!(client.post(path, &[]).await.status, 403, "{path}");
    }
    assert_eq!(client.get("/accounts/operator/keys").await.status, 200, "the forged form ended the session");
    // Signing in needs a token too, and never redirects to another site.
    let mut other = Client::new(&site);
    let answer = other.post("/login", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 403);
    let token = answer.field("csrf");
    let fields = [("csrf", token.as_str()), ("email", EMAIL), ("password", PASSWORD), ("to", "//evil.example/keys")];
    assert_eq!(other.post("/login", &fields).await.header("location"), "/keys");
}

#[tokio::test]
async fn statuses_say_what_happened() {
    let site = Site::with_owner().await;
    let mut stranger = Client::new(&site);
    for path in PAGES {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").starts_with("/login"), "{path}");
    }
    let answer = stranger.post("/accounts/operator/keys/new", &[("name", "kept"), ("password", "never")]).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("name=kept") && !answer.body.contains("never"));
    let token = stranger.get("/login").await.field("csrf");
    let wrong = [("csrf", token.as_str()), ("email", EMAIL), ("password", "wrong wrong wrong")];
    let answer = stranger.post("/login", &wrong).await;
    assert_eq!(answer.status, 401);
    assert!(!answer.body.contains("wrong wrong wrong"));

    let mut client = Client::signed_in(&site).await;
    let token = client.get("/accounts/operator/keys/new").await.field("csrf");
    for (path, fields, status) in [
        ("/accounts/operator/keys/new", vec![("name", ""), ("kind", "secret"), ("mode", "live")], 422),
        ("/accounts/operator/keys/new", vec![("name", "k"), ("kind", "restricted"), ("mode", "live")], 422),
        (
            "/accounts/operator/keys/new",
            vec![("name", "k"), ("kind", "secret"), ("mode", "live"), ("networks", "here")],
            422,
        ),
        (
            "/accounts/operator/keys/new",
            vec![("name", "k"), ("kind", "secret"), ("mode", "live"), ("expires", "on"), ("expires_on", "2020-01-01")],
            422,
        ),
        ("/accounts/operator/keys/key_nobody/revoke", vec![], 404),
        ("/accounts/operator/keys/key_nobody/rotate", vec![("form_id", "f"), ("overlap", "now")], 404),
        ("/accounts/operator/members", vec![("form_id", "f"), ("email", "no address"), ("role", "viewer")], 422),
        ("/accounts/operator/members", vec![("form_id", "g"), ("email", EMAIL), ("role", "viewer")], 409),
        ("/settings/name", vec![("name", "Ada"), ("version", "99")], 412),
        ("/settings/theme", vec![("theme", "pink")], 422),
        ("/accounts/acct_other/settings", vec![("account_name", "x")], 404),
    ] {
        let mut all = vec![("csrf", token.as_str()), ("form_id", "form_1")];
        all.extend(fields.iter().copied());
        let answer = client.post(path, &all).await;
        assert_eq!(answer.status, status, "{path} {fields:?}: {}", answer.body);
    }
    let long = "x".repeat(70_000);
    assert_eq!(client.post("/accounts/operator/keys/new", &[("csrf", &token), ("name", &long)]).await.status, 413);
    assert_eq!(client.get("/accounts/operator/keys?after=nonsense&mode=x&status=y").await.status, 200);
    assert_eq!(client.get("/accounts/operator/audit?after=nonsense").await.status, 422);
}

#[tokio::test]
async fn a_form_makes_one_key_and_shows_it_once() {
    keep_log();
    let (site, clock) = Site::with_owner_and_clock().await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get("/accounts/operator/keys/new").await;
    let (token, form) = (page.field("csrf"), page.field("form_id"));
    let fields = [
        ("csrf", token.as_str()),
        ("form_id", &form),
        ("name", "once"),
        ("kind", "secret"),
        ("mode", "live"),
        ("expires", "30"),
    ];
    let key_of =
        |answer: &Answer| answer.body.split("Bearer ").nth(1).map(|rest| rest.split('&').next().unwrap().to_owned());
    let made = client.post("/accounts/operator/keys/new", &fields).await;
    let key = key_of(&made).unwrap();
    assert_eq!(made.header("cache-control"), "no-store");
    // The second click of a double click gets the key that the first one created.
    let double = client.post("/accounts/operator/keys/new", &fields).await;
    assert_eq!(key_of(&double), Some(key.clone()));
    clock.advance(std::time::Duration::from_millis(2_100));
    // A reload sends the form again. It shows no key and creates none.
    let again = client.post("/accounts/operator/keys/new", &fields).await;
    assert_eq!(again.status, 200);
    assert!(again.body.contains("Already shown") && !again.body.contains(&key), "{}", again.body);
    let list = client.get("/accounts/operator/keys").await.body;
    assert_eq!(list.matches("once</bdi>").count(), 1);
    // A form with the same ID and other values is another request.
    let other = [("csrf", token.as_str()), ("form_id", &form), ("name", "other"), ("kind", "secret"), ("mode", "live")];
    assert_eq!(client.post("/accounts/operator/keys/new", &other).await.status, 422);
    let session = client.cookies.get("keyward_session").unwrap().clone();
    site.assert_kept_nowhere(&[&key, PASSWORD, &session]);
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_said_and_nothing_is_half_done() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get("/accounts/operator/keys/new").await;
    let (token, form) = (page.field("csrf"), page.field("form_id"));
    let fields =
        [("csrf", token.as_str()), ("form_id", &form), ("name", "later"), ("kind", "secret"), ("mode", "live")];
    let other = rusqlite::Connection::open(site.store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = client.post("/accounts/operator/keys/new", &fields).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("The database does not answer"), "{}", refused.body);
    assert!(
        !client.get("/accounts/operator/keys").await.body.contains("later"),
        "the list does not load, or a key was created"
    );
    other.execute_batch("ROLLBACK").unwrap();
    // The same form succeeds when it is sent again.
    assert_eq!(client.post("/accounts/operator/keys/new", &fields).await.status, 200);
    assert_eq!(client.get("/accounts/operator/keys").await.body.matches("later</bdi>").count(), 1);
}

#[tokio::test]
async fn behind_https_and_below_a_path_it_is_at_home_too() {
    let store = SqliteStore::temporary().unwrap();
    let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
        .trusted_proxies(TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]))
        .build()
        .unwrap();
    let system = Actor::system("test", Context::new());
    management.create_owner(&system, NewUser::new(EMAIL, "Ada", PASSWORD)).await.unwrap();
    let settings =
        DashboardSettings::new("Example API").base("/admin/").logo_svg("<svg xmlns='http://www.w3.org/2000/svg'/>");
    let listening = Listening::start(Router::new().nest("/admin", dashboard(management, settings))).await;
    let base = format!("http://{}", listening.address);
    let proxied = || {
        Client::at(base.clone())
            .with("host", "keys.example.com")
            .with("x-forwarded-proto", "https")
            .with("x-forwarded-for", "192.0.2.7")
    };
    let mut client = proxied();
    let answer = client.get("/admin/usage").await;
    assert_eq!(answer.header("location"), "/admin/login?to=%2Fusage");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let page = client.get("/admin/login?to=%2Fusage").await;
    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("__Host-keyward_visit="), "{cookie}");
    assert!(cookie.contains("Secure") && cookie.contains("Path=/") && !cookie.contains("Domain"), "{cookie}");
    assert!(page.body.contains("action=\"/admin/login\""), "{}", page.body);
    let (token, to) = (page.field("csrf"), page.field("to"));
    let fields = [("csrf", token.as_str()), ("to", &to), ("email", EMAIL), ("password", PASSWORD)];
    let answer = client.post("/admin/login", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/admin/usage"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("__Host-keyward_session=kws_")), "{cookies:?}");
    assert!(cookies.iter().any(|cookie| cookie.starts_with("__Host-keyward_device=")), "{cookies:?}");
    let answer = client.get("/admin/usage").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/admin/accounts/operator/usage"));
    let page = client.get("/admin/accounts/operator/keys").await;
    assert!(page.body.contains("href=\"/admin/accounts/operator/keys/new\""), "{}", page.body);
    let page = client.get("/admin/settings").await;
    assert!(page.body.contains("192.0.2.0/24"), "the session does not show the client's network from the proxy");
    let logo = page.body.split("src=\"/admin/dashboard/logo.").nth(1).unwrap().split('"').next().unwrap();
    let logo = client.get(&format!("/admin/dashboard/logo.{logo}")).await;
    assert_eq!((logo.status, logo.header("content-type")), (200, "image/svg+xml"));
    // Another site on the domain could have set a cookie without the prefix, so it is not a session.
    let session = client.cookies.get("__Host-keyward_session").unwrap().clone();
    let mut other = proxied();
    other.cookies.insert("keyward_session".to_owned(), session);
    assert_eq!(other.get("/admin/keys").await.status, 303);
}

#[tokio::test]
async fn a_key_is_given_to_those_alone_who_have_signed_in_recently() {
    let recent = std::time::Duration::from_secs(600);
    let (site, clock) = Site::with_clock(|management| management.recent_sign_in(recent)).await;
    site.add_owner().await;
    let mut client = Client::signed_in(&site).await;
    let id =
        site.management.create_key(&site.owner().await, KeyDraft::secret("operator".parse().unwrap(), "old")).await;
    let rotate = format!("/accounts/operator/keys/{}/rotate", id.unwrap().view.id);
    let token = client.get("/accounts/operator/keys/new").await.field("csrf");
    let rotation = client.get(&rotate).await;
    clock.advance(recent - std::time::Duration::from_millis(1));
    assert_eq!(client.get("/accounts/operator/keys/new").await.status, 200);
    clock.advance(std::time::Duration::from_millis(1));
    // No new key is shown now, and all other pages still work.
    let form_id = "a".repeat(32);
    let fields =
        [("csrf", &*token), ("form_id", &form_id), ("name", "typed <b>"), ("kind", "secret"), ("mode", "live")];
    let asked = client.post("/accounts/operator/keys/new", &fields).await;
    assert_eq!(asked.status, 401);
    assert!(asked.body.contains("You signed in a while ago"), "{}", asked.body);
    let fields = [("csrf", &*rotation.field("csrf")), ("form_id", &*rotation.field("form_id")), ("overlap", "24h")];
    assert_eq!(client.post(&rotate, &fields).await.status, 401);
    assert_eq!(client.get(&rotate).await.status, 401);
    assert_eq!(client.get("/accounts/operator/keys").await.status, 200);
    let keys = site.management.keys(&site.owner().await, &KeyQuery::default()).await.unwrap().items;
    assert_eq!(keys.len(), 1);

    let (token, to) = (asked.field("csrf"), asked.field("to"));
    let fields = [
        ("csrf", &*token),
        ("to", &to.replace("&amp;", "&")),
        ("again", "1"),
        ("email", EMAIL),
        ("password", PASSWORD),
    ];
    let answer = client.post("/login", &fields).await;
    assert_eq!(answer.status, 303);
    let back = client.get(answer.header("location")).await;
    assert_eq!(back.status, 200);
    assert!(back.body.contains("value=\"typed &#60;b&#62;\""), "the form lost its input: {}", back.body);
}

#[tokio::test]
async fn keys_that_end_within_two_weeks_are_told_above_the_list() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let now: keyward::Timestamp = std::time::SystemTime::now().into();
    let mut client = Client::signed_in(&site).await;
    for (name, days, told) in [
        ("later", 15, None),
        ("soon", 13, Some("1 key expires</a> in the next 14 days")),
        ("sooner", 1, Some("2 keys expire</a> in the next 14 days")),
    ] {
        let mut draft = KeyDraft::secret("operator".parse().unwrap(), name);
        draft.expires_at = Some(now.saturating_add(std::time::Duration::from_secs(days * 24 * 3_600)));
        site.management.create_key(&owner, draft).await.unwrap();
        let page = client.get("/accounts/operator/keys").await.body;
        match told {
            Some(told) => assert!(page.contains(told), "{name}: {page}"),
            None => assert!(!page.contains("in the next 14 days"), "{name}: {page}"),
        }
    }
}
