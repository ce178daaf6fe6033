use keyward::TrustedProxies;
use keyward::manage::{
    Actor, Context, DashboardSettings, IdentityProvider, Management, NewUser, PageRequest, SqliteManagementStore,
    dashboard,
};
use keyward::sqlite::SqliteStore;
use keyward_tests::service::Listening;

use crate::http::Client;
use crate::site::{EMAIL, PASSWORD};

/// The identity provider does not answer.
async fn proxied(public_url: Option<&str>) -> (impl Fn(&str) -> Client, Management, Listening) {
    let store = SqliteStore::temporary().unwrap();
    let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
        .trusted_proxies(TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]))
        .identity_provider(IdentityProvider::new("http://127.0.0.1:1", "keyward").unwrap())
        .build()
        .unwrap();
    let system = Actor::system("test", Context::new());
    management.create_owner(&system, NewUser::new(EMAIL, "Ada", PASSWORD)).await.unwrap();
    let settings = DashboardSettings::new("Example API");
    let settings = match public_url {
        Some(url) => settings.public_url(url.parse().unwrap()),
        None => settings,
    };
    let listening = Listening::start(dashboard(management.clone(), settings)).await;
    let base = format!("http://{}", listening.address);
    let client = move |host: &str| {
        let client = Client::at(base.clone()).with("host", host).with("x-forwarded-for", "192.0.2.7");
        client.with("x-forwarded-proto", "https")
    };
    (client, management, listening)
}

#[tokio::test]
async fn no_link_is_built_under_a_host_that_is_not_the_servers_own() {
    const PUBLIC: &str = "https://keys.example.com";
    // 503: keyward asks the provider, which does not answer. 421: keyward does not ask, because it has no address for
    // the redirect.
    let (asked, refused) = (503, 421);
    for (public_url, host, expected) in [
        (Some(PUBLIC), "keys.example.com", asked),
        (Some(PUBLIC), "Keys.Example.com:443", asked),
        (Some(PUBLIC), "localhost:8080", asked),
        (Some(PUBLIC), "evil.example", refused),
        (Some(PUBLIC), "keys.example.com.evil.example", refused),
        (Some(PUBLIC), "keys.example.com@evil.example", refused),
        (Some(PUBLIC), "", refused),
        (None, "localhost:8080", asked),
        (None, "127.0.0.1", asked),
        (None, "[::1]:8080", asked),
        (None, "keys.example.com", refused),
        (None, "localhost.evil.example", refused),
        (None, "127.0.0.1@evil.example", refused),
    ] {
        let (client, _, _listening) = proxied(public_url).await;
        for path in ["/login/oidc", "/login/oidc/callback?state=a&code=b"] {
            let expected = if expected == asked && path.contains("callback") { 403 } else { expected };
            let answer = client(host).get(path).await;
            assert_eq!(answer.status, expected, "{public_url:?}, {host}, {path}: {}", answer.body);
            assert!(answer.header("location").is_empty() && !answer.body.contains("evil.example"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn an_invitation_leads_to_the_public_url_and_is_made_under_no_other_host() {
    let (client, management, _listening) = proxied(Some("https://keys.example.com")).await;
    for (host, expected) in [("keys.example.com", 200), ("127.0.0.1:8080", 200), ("evil.example", 421)] {
        let mut client = client(host);
        let token = client.get("/login").await.field("csrf");
        client.post("/login", &[("csrf", &token), ("email", EMAIL), ("password", PASSWORD)]).await;
        let page = client.get("/accounts/operator/members").await;
        let email = format!("{expected}.{}@example.com", host.len());
        let fields = [
            ("csrf", &*page.field("csrf")),
            ("form_id", &*page.field("form_id")),
            ("email", &*email),
            ("role", "viewer"),
        ];
        let answer = client.post("/accounts/operator/members", &fields).await;
        assert_eq!(answer.status, expected, "{host}: {}", answer.body);
        let has_link = answer.body.contains(">https://keys.example.com/register?invitation=kwi_");
        assert_eq!(has_link, expected == 200, "{host}: {}", answer.body);
    }
    let operator = management.operator().clone();
    let open = management
        .invitations(&Actor::system("test", Context::new()), &operator, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(open.items.len(), 2, "an invitation was created under another host");
}
