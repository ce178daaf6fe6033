//! No secret is in a log, an export, the audit log, a mail that waits or the database.

use keyward::manage::{
    Context, EventKind, KeyDraft, Kind, List, Mailer, ManagementStore as _, Role, SignInLinkDraft,
    SqliteManagementStore,
};
use keyward_tests::mail::closed_port;

use crate::http::Client;
use crate::site::{EMAIL, PASSWORD, Site, keep_log};

const OTHER: &str = "another horse battery staple";

#[tokio::test]
async fn no_secret_is_in_a_log_an_export_a_waiting_mail_or_the_database() {
    keep_log();
    let url = format!("smtp://127.0.0.1:{}", closed_port());
    let mailer = Mailer::new(&url, "keys@example.com", "https://keys.example.com".parse().unwrap()).unwrap();
    let site = Site::build(|management| management.mailer(mailer)).await;
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
