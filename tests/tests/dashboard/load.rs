use keyward::TrustedProxies;
use keyward::manage::{Actor, Context, DashboardSettings, Management, NewUser, SqliteManagementStore, dashboard};
use keyward::sqlite::SqliteStore;
use keyward_tests::service::Listening;

use crate::http::{Answer, Client};
use crate::site::{EMAIL, PASSWORD};

#[tokio::test]
async fn a_flood_is_throttled_and_a_known_browser_is_not() {
    let store = SqliteStore::temporary().unwrap();
    let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
        .trusted_proxies(TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]))
        .password_params(argon2::Params::new(8, 1, 1, None).unwrap())
        .sign_in_attempts(20.try_into().unwrap(), 3.try_into().unwrap())
        .build()
        .unwrap();
    let system = Actor::system("test", Context::new());
    management.create_owner(&system, NewUser::new(EMAIL, "Ada", PASSWORD)).await.unwrap();
    let listening = Listening::start(dashboard(management, DashboardSettings::new("Example API"))).await;
    let proxied = |address: &str| {
        Client::at(format!("http://{}", listening.address))
            .with("host", "keys.example.com")
            .with("x-forwarded-proto", "https")
            .with("x-forwarded-for", address)
    };
    async fn sign_in(client: &mut Client, email: &str, password: &str) -> Answer {
        let token = client.get("/login").await.field("csrf");
        client.post("/login", &[("csrf", token.as_str()), ("email", email), ("password", password)]).await
    }
    let mut ada = proxied("192.0.2.1");
    let answer = sign_in(&mut ada, EMAIL, PASSWORD).await;
    assert_eq!(answer.status, 303);
    let cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let cookie = cookies.into_iter().find(|cookie| cookie.starts_with("__Host-keyward_device=")).unwrap().to_owned();
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Max-Age=34560000"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let device = ada.cookies.get("__Host-keyward_device").unwrap().clone();
    // A client that hides its address is also limited, whichever user it tries.
    let mut hidden = proxied("192.0.2.2").with("forwarded", "for=unknown");
    let mut statuses = Vec::new();
    for n in 0..100 {
        statuses.push(sign_in(&mut hidden, &format!("user{n}@example.com"), "a wrong one").await.status);
        if statuses.ends_with(&[429]) {
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let mut stranger = proxied("192.0.2.3");
    let mut status = 0;
    for _ in 0..50 {
        status = sign_in(&mut stranger, EMAIL, "a wrong one").await.status;
        if status == 429 {
            break;
        }
    }
    assert_eq!(status, 429);
    // The device cookie alone gives no access, but lets a user sign in from another address.
    let mut known = proxied("192.0.2.4");
    known.cookies.insert("__Host-keyward_device".to_owned(), device);
    assert_eq!(known.get("/keys").await.status, 303);
    assert_eq!(sign_in(&mut known, EMAIL, "a wrong one").await.status, 401);
    assert_eq!(sign_in(&mut known, EMAIL, PASSWORD).await.status, 303);
}
