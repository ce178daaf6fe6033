use keyward::TrustedProxies;
use keyward::manage::{
    Actor, Context, DashboardSettings, KeyDraft, Management, NewUser, SqliteManagementStore, dashboard,
};
use keyward::sqlite::SqliteStore;
use keyward_tests::service::Listening;

use crate::http::{Answer, Client};
use crate::site::{EMAIL, PASSWORD, Site};

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

#[tokio::test]
async fn pages_of_an_account_with_ten_thousand_keys_are_quick() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let draft = KeyDraft::secret("operator".parse().unwrap(), "key");
    let id = site.management.create_key(&owner, draft).await.unwrap().view.id;
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    // Copies of one key, a quarter of them revoked and all used every day.
    let copies = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
        INSERT INTO keys SELECT 'key_' || i, account, 'key ' || i, randomblob(32), hashed_with, hint, kind, mode, scopes, endpoints, \
        networks, metadata, created_at - i, not_before, expires_at, disabled_at, CASE WHEN i % 4 = 0 THEN created_at END, \
        compromised_at, last_used_at, rotated_from, rotated_to, version, last_used_from, user, created_by, \
        revocation_reason, revocation_note, tags FROM n, keys";
    connection.execute(copies, []).unwrap();
    let today = "SELECT CAST(strftime('%s', 'now') AS INTEGER) / 86400";
    let uses = format!(
        "WITH RECURSIVE d (back) AS (SELECT 0 UNION ALL SELECT back + 1 FROM d WHERE back < 29) \
         INSERT INTO desk_counts SELECT 'operator', id, ({today}) - back, 'accepted', 7 FROM keys, d"
    );
    connection.execute(&uses, []).unwrap();
    let totals = "INSERT INTO desk_totals SELECT account, day, outcome, sum(times) FROM desk_counts GROUP BY account, day, outcome";
    connection.execute(totals, []).unwrap();
    let mut client = Client::signed_in(&site).await;
    for path in [
        "/accounts/operator/keys",
        "/accounts/operator/keys?inactive=1",
        "/accounts/operator/keys?q=9999",
        "/accounts/operator/keys?status=revoked",
        "/accounts/operator/keys?inactive=1&sort=name&page=300",
        "/accounts/operator/keys?sort=-used&size=100",
        "/accounts/operator/keys/new",
        &format!("/accounts/operator/keys/{id}"),
        &format!("/accounts/operator/keys/{id}/revoke"),
        "/accounts/operator/usage",
        "/accounts/operator/audit",
    ] {
        let (mut took, mut without_keys) = (Vec::new(), Vec::new());
        for _ in 0..11 {
            took.push(time(&mut client, path).await);
            without_keys.push(time(&mut client, "/accounts/operator/keys/new").await);
        }
        // The fastest of eleven, because the others may wait for the browsers of other tests.
        let (took, without_keys) = (took.iter().min().unwrap(), without_keys.iter().min().unwrap());
        println!("{path}: {took:?}, a page without keys: {without_keys:?}");
        // A busy machine slows both.
        assert!(took.as_millis() < 100 || *took < *without_keys * 10, "{path} takes {took:?}");
    }
}

async fn time(client: &mut Client, path: &str) -> std::time::Duration {
    let begun = std::time::Instant::now();
    assert_eq!(client.get(path).await.status, 200);
    begun.elapsed()
}
