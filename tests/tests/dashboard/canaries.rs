//! No secret is in a log, an export, the audit log, a mail that waits or the database.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use keyward::clock::{Clock as _, ManualClock};
use keyward::manage::{
    Actor, Context, EventKind, KeyDraft, Kind, LeakPolicy, List, Mailer, ManagementStore as _, Role, SignInLinkDraft,
    SqliteManagementStore,
};
use keyward::{CredentialId, PeerAddress};
use keyward_needs::needs;
use keyward_tests::mail::Mailbox;
use keyward_tests::program::closed_port;
use keyward_tests::service::Listening;
use tower::ServiceExt as _;

use crate::http::Client;
use crate::requests;
use crate::site::{EMAIL, PASSWORD, Site, keep_log};

const OTHER: &str = "another horse battery staple";

/// Returns what the recent requests show of calls with the key in the path, the query and other headers.
async fn call_with_the_key_everywhere(site: &Site, id: &CredentialId, key: &str) -> Vec<(String, String)> {
    let service = requests::service(site);
    let calls = [
        format!("/v1/videos/{key}?token={key}&api_key={key}"),
        format!("/{key}?{key}"),
        format!("//{key}/%2e%2e/{key}"),
    ];
    for path in &calls {
        for method in [Method::GET, Method::from_bytes(key.as_bytes()).unwrap()] {
            let mut request =
                Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
            for name in ["x-api-key", "cookie", "referer", "user-agent", "x-forwarded-for", "x-request-id"] {
                request = request.header(name, key);
            }
            let request = request.extension(PeerAddress(([203, 0, 113, 77], 9).into())).body(Body::empty());
            service.clone().oneshot(request.unwrap()).await.unwrap();
        }
    }
    let owner = site.owner().await;
    let page = Default::default();
    let rows = site.management.key_requests(&owner, id, &page).await.unwrap().items;
    assert!(rows.len() >= 4, "{rows:?}");
    let mut client = Client::signed_in(site).await;
    let shown = client.get(&format!("/accounts/operator/keys/{id}/requests")).await.body;
    assert!(shown.contains("/v1/videos/{id}"), "{shown}");
    let token = site.management.issue_tokens(&Context::new(), EMAIL, PASSWORD).await.unwrap().access;
    let token = token.expose_once().to_string();
    let api = Listening::start(keyward::manage::api(site.management.clone())).await;
    let client = Client::at(format!("http://{}", api.address)).bearer(&token);
    let (_, listed) = client.get_bytes(&format!("/v1/keys/{id}/requests")).await;
    let listed = String::from_utf8(listed).unwrap();
    assert!(listed.contains("/v1/videos/{id}"), "{listed}");
    let connection = rusqlite::Connection::open(site.store.path()).unwrap();
    let table: i64 = connection
        .query_row("SELECT count(*) FROM desk_requests WHERE key = ?1", [id.as_str()], |row| row.get(0))
        .unwrap();
    assert!(table >= 4, "the table has {table} rows");
    vec![
        ("the requests".to_owned(), format!("{rows:?}")),
        ("the page of requests".to_owned(), shown),
        ("the API".to_owned(), listed),
    ]
}

/// Mails have links for their recipients, and no key, password or session.
#[needs(mail_server)]
#[tokio::test]
async fn no_key_is_in_a_delivered_mail() {
    let mailbox = Mailbox::default();
    let server = mailbox.serve(0, &[]);
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let mailer = Mailer::new(&url, "keys@example.com", "https://keys.example.com".parse().unwrap()).unwrap();
    let clock = Arc::new(ManualClock::at(std::time::SystemTime::now().into()));
    let shared = Arc::<ManualClock>::clone(&clock);
    let site = Site::build(|management| management.mailer(mailer).clock(shared)).await;
    site.add_owner().await;
    let management = &site.management;
    // From here on, events lead to mails.
    management.deliver_events().await.unwrap();
    let owner = site.owner().await;
    let home = management.operator().clone();
    let mut secrets = vec![PASSWORD.to_owned(), OTHER.to_owned()];
    let mut create = async |days: u64| {
        let mut draft = KeyDraft::secret(home.clone(), "server");
        draft.expires_at = Some(clock.now().saturating_add(Duration::from_secs(days * 24 * 3_600)));
        let issued = management.create_key(&owner, draft).await.unwrap();
        secrets.push(issued.key.expose_once().to_string());
        (issued.view.id, secrets.last().unwrap().clone())
    };
    create(10).await;
    let (_, leaked) = create(300).await;
    management
        .report_leak(
            &Actor::system("github", Context::new()),
            leaked.as_bytes(),
            "https://example.com/notes.txt",
            LeakPolicy::Revoke,
        )
        .await
        .unwrap();
    let away = Context::new().address([203, 0, 113, 9]).user_agent(&leaked);
    let signed_in = management.sign_in(&away, EMAIL, PASSWORD).await.unwrap();
    let ada = management.session(&signed_in.session, away.clone()).await.unwrap();
    management.change_password(&ada, PASSWORD, OTHER).await.unwrap();
    management.invite_by_mail(&owner, &home, "carol@example.com", Role::Viewer).await.unwrap();
    management.forgot_password(&away, EMAIL).await.unwrap();
    // Links end before the key does.
    management.deliver_events().await.unwrap();
    clock.advance(Duration::from_secs(5 * 24 * 3_600));
    management.maintain().await.unwrap();
    management.deliver_events().await.unwrap();
    secrets.push(signed_in.session.to_string());
    let mails = mailbox.mails();
    let subjects: Vec<_> = mails.iter().map(|mail| mail["headers"]["subject"].as_str().unwrap()).collect();
    assert!(mails.len() >= 6, "{subjects:?}");
    for mail in &mails {
        let text = mail.to_string();
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret is in {text}");
        }
        assert!(!text.contains("kwl_") && !text.contains("kws_"), "{text}");
    }
}

#[tokio::test]
async fn no_secret_is_in_a_log_an_export_a_waiting_mail_or_the_database() {
    keep_log();
    let url = format!("smtp://127.0.0.1:{}", closed_port());
    let mailer = Mailer::new(&url, "keys@example.com", "https://keys.example.com".parse().unwrap()).unwrap();
    let site = Site::build(|management| management.mailer(mailer).recent_requests()).await;
    site.add_owner().await;
    let (management, context) = (&site.management, Context::new());
    let owner = site.owner().await;
    let home = management.operator().clone();
    let mut secrets = Vec::new();

    let key = management.create_key(&owner, KeyDraft::secret(home.clone(), "server")).await.unwrap();
    let rotated = management.rotate_key(&owner, &key.view.id, std::time::Duration::from_secs(60)).await.unwrap();
    secrets.push(key.key.expose_once().to_string());
    secrets.push(rotated.key.expose_once().to_string());
    for key in &secrets {
        site.call_api(key).await;
        site.call_api(&format!("{key}0")).await;
    }
    let recorded = call_with_the_key_everywhere(&site, &key.view.id, &secrets[0]).await;
    let kinds = [EventKind::KeyRevoked];
    let webhook = management.create_webhook(&owner, &home, "https://localhost:1/", "", &kinds).await.unwrap();
    management.test_webhook(&owner, &home, &webhook.webhook.id).await.unwrap();
    let invited = management.invite(&owner, &home, "bob@example.com", Role::Viewer).await.unwrap();
    management.accept_invitation(&context, &invited.secret, "Bob", PASSWORD).await.unwrap();
    let bob = management.user_with_email(&owner, "bob@example.com").await.unwrap().value.id;
    let used = management.create_password_reset(&owner, &bob).await.unwrap().secret.to_string();
    management.reset_password(&context, &used, OTHER).await.unwrap();
    let waiting = management.create_password_reset(&owner, &bob).await.unwrap().secret.to_string();
    let tokens = management.issue_tokens(&context, EMAIL, PASSWORD).await.unwrap();
    secrets.extend([invited.secret.to_string(), used, waiting, tokens.refresh.to_string()]);
    secrets.push(tokens.access.expose_once().to_string());
    let link = || SignInLinkDraft::new("bob@example.com").path("/usage");
    for is_used in [true, false] {
        let link = management.create_sign_in_link(&owner, &link()).await.unwrap().secret.to_string();
        let mut client = Client::new(&site);
        let page = client.get(&format!("/login/link?link={link}")).await;
        if is_used {
            let begun = client.post("/login/link", &[("csrf", &page.field("csrf")), ("link", &link)]).await;
            assert_eq!(begun.status, 303);
            secrets.push(client.cookies["keyward_session"].clone());
            assert!(client.get("/settings").await.body.contains("signed in by a link from Ada"));
        }
        // Refused: it was used, or is mistyped.
        let wrong = if is_used { link.clone() } else { format!("{link}0") };
        assert!(management.sign_in_with_link(&context, &wrong).await.is_err());
        secrets.push(link);
    }

    // Mails that wait, because there is no mail server. An attempt fails, too.
    management.invite_by_mail(&owner, &home, "carol@example.com", Role::Viewer).await.unwrap();
    management.mail_password_reset(&owner, &bob).await.unwrap();
    management.forgot_password(&context, EMAIL).await.unwrap();
    management.deliver_events().await.unwrap();
    management.maintain().await.unwrap();
    let records = SqliteManagementStore::open(&site.store).unwrap();
    let mails = records.list(&List::of(Kind::Mail, 100)).await.unwrap();
    assert!(mails.len() >= 3, "{mails:?}");

    let mut client = Client::signed_in(&site).await;
    let mut texts = vec![("the queue of mails".to_owned(), format!("{mails:?}"))];
    for path in [
        "/keys/export",
        "/keys",
        "/audit/export",
        "/audit/export?format=jsonl",
        "/usage/export",
        "/usage/export?of=keys",
        "/members",
        "/webhooks",
    ] {
        let answer = client.get(&format!("/accounts/operator{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        texts.push((path.to_owned(), answer.body));
    }
    texts.extend(recorded);
    let deliveries = management.deliveries(&owner, &home, &webhook.webhook.id, &Default::default()).await.unwrap();
    texts.push(("the deliveries".to_owned(), format!("{deliveries:?}")));
    let log = management.audit_log(&owner, &Default::default()).await.unwrap().items;
    texts.push(("the audit log".to_owned(), serde_json::to_string(&log).unwrap()));
    // The database has the secrets of webhooks, because the server signs with them.
    for secret in secrets.iter().chain([&webhook.secret.to_string()]) {
        for (place, text) in &texts {
            assert!(!text.is_empty() && !text.contains(secret), "{place} has a secret, or is empty: {text}");
        }
    }
    for (place, text) in &texts {
        for prefix in ["kwl_", "kwp_", "kwi_", "kws_"] {
            assert!(!text.contains(prefix), "{place} has a secret that begins with {prefix}: {text}");
        }
    }
    site.assert_kept_nowhere(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
}
