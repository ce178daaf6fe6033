//! The client crate against the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;
mod serving;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keyward_client::{
    AuditFilter, Client, ClientError, CreateKey, Credential, KeyFilter, Purpose, PutPlan, Role, Secret, UpdateAccount,
    UpdateKey,
};
use keyward_core::Mode;
use keyward_core::key::KeyKind;
use keyward_core::store::KeyStatus;

use serving::{EMAIL, Fault, PASSWORD, Proxy, Serving};

fn presenting(server: &Serving, secret: Secret) -> Client {
    server.client().with_credential(Credential::bearer(secret))
}

#[tokio::test]
async fn a_key_lives_from_its_issue_to_its_revocation() {
    let server = Serving::start();
    let client = server.client();
    let new = CreateKey::restricted("analytics", "jobs:read".parse().unwrap());
    let issued = client.create_key(&new).await.unwrap();
    let id = issued.record.id.clone();
    assert_eq!((issued.record.status, issued.record.mode), (KeyStatus::Active, Mode::Live));
    assert!(issued.key.expose().starts_with("kwr_live_"));
    let own = presenting(&server, issued.key).own_key().await.unwrap();
    assert_eq!(own.id, id);

    let known = client.key(&id).await.unwrap();
    let update = UpdateKey { name: Some("reports".into()), expires_at: Some(None), ..UpdateKey::default() };
    let changed = client.update_key(&id, &update, known.version).await.unwrap();
    assert_eq!((changed.record.name.as_str(), changed.record.version), ("reports", known.version + 1));
    assert_eq!(client.disable_key(&id).await.unwrap().record.status, KeyStatus::Disabled);
    assert_eq!(client.enable_key(&id).await.unwrap().record.status, KeyStatus::Active);

    let rotated = client.rotate_key(&id, 0).await.unwrap();
    assert_eq!(rotated.predecessor.rotated_to.as_ref(), Some(&rotated.record.id));
    assert_eq!(client.key(&id).await.unwrap().status, KeyStatus::Expired);
    let successor = presenting(&server, rotated.key);
    assert_eq!(successor.own_key().await.unwrap().id, rotated.record.id);
    assert_eq!(client.revoke_key(&rotated.record.id).await.unwrap().record.status, KeyStatus::Revoked);
    let refused = successor.own_key().await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(401), Some("API_KEY_REVOKED")));

    let leaked = client.create_key(&CreateKey::secret("leaked")).await.unwrap();
    let holder = presenting(&server, leaked.key);
    assert_eq!(holder.revoke_own_key().await.unwrap().record.status, KeyStatus::Revoked);
    assert!(client.key_usage(&id, 7).await.unwrap().days.iter().any(|day| day.outcome == "accepted"));
}

#[tokio::test]
async fn a_refusal_has_its_status_and_code() {
    let server = Serving::start();
    let client = server.client();
    let reading =
        CreateKey { purpose: Purpose::Management, ..CreateKey::restricted("r", "keys:read".parse().unwrap()) };
    let reading = client.create_key(&reading).await.unwrap();
    let id = reading.record.id.clone();
    let reader = presenting(&server, reading.key);
    let stranger = presenting(&server, Secret::new("kwm_live_00000000000000000000000000000000"));
    let none = Client::builder(&server.url).build().unwrap();
    let rename = UpdateKey { name: Some("x".into()), ..UpdateKey::default() };
    let unnamed = CreateKey::secret("");
    let errors = [
        (stranger.keys(&KeyFilter::default()).await.map(drop), Some(401), Some("INVALID_API_KEY")),
        (reader.revoke_key(&id).await.map(drop), Some(403), Some("INSUFFICIENT_SCOPE")),
        (reader.own_user().await.map(drop), Some(403), Some("USER_REQUIRED")),
        (client.key(&"key_none".parse().unwrap()).await.map(drop), Some(404), Some("NOT_FOUND")),
        (client.update_key(&id, &rename, 99).await.map(drop), Some(412), Some("PRECONDITION_FAILED")),
        (client.create_key(&unnamed).await.map(drop), Some(422), Some("INVALID_VALUE")),
        (client.sign_in(EMAIL, &Secret::new("wrong")).await.map(drop), Some(401), Some("INVALID_CREDENTIALS")),
        (none.keys(&KeyFilter::default()).await.map(drop), None, None),
        (client.revoke_key(&"self".parse().unwrap()).await.map(drop), None, None),
        (client.account(&"..".parse().unwrap()).await.map(drop), None, None),
    ];
    for (number, (result, status, code)) in errors.into_iter().enumerate() {
        let error = result.unwrap_err();
        assert_eq!((error.status(), error.code()), (status, code), "{number}: {error:?}");
        assert_eq!(error.request_id().is_some(), status.is_some(), "{number}");
        assert_eq!(error.detail().is_some_and(|detail| !detail.is_empty()), status.is_some(), "{number}");
    }
    assert_eq!(client.own_key().await.unwrap().status, KeyStatus::Active, "the word self was taken for a key");
}

#[tokio::test]
async fn lists_are_read_to_the_end_and_filtered() {
    let server = Serving::start();
    let client = server.client();
    for number in 0..7 {
        let kind = if number % 2 == 0 { KeyKind::Secret } else { KeyKind::Publishable };
        client.create_key(&CreateKey { kind, ..CreateKey::secret(format!("walked {number}")) }).await.unwrap();
    }
    let filter = KeyFilter { text: Some("WALKED".into()), limit: Some(3), ..KeyFilter::default() };
    let mut pages = client.walk_keys(&filter);
    let mut sizes = Vec::new();
    let mut ids = BTreeSet::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        sizes.push(page.len());
        ids.extend(page.into_iter().map(|key| key.id));
    }
    assert_eq!((sizes, ids.len()), (vec![3, 3, 1], 7));
    let first = client.keys(&filter).await.unwrap();
    let second = KeyFilter { after: first.next, ..filter.clone() };
    assert_eq!(client.keys(&second).await.unwrap().data.len(), 3);
    let public = KeyFilter { kind: Some(KeyKind::Publishable), status: Some(KeyStatus::Active), ..filter.clone() };
    assert_eq!(client.walk_keys(&public).all().await.unwrap().len(), 3);
    assert_eq!(client.walk_keys(&filter).at_most(4).await.unwrap().len(), 4);
    let unused = KeyFilter { last_used_before: Some("2001-01-01T00:00:00Z".to_owned()), ..filter.clone() };
    assert_eq!(client.walk_keys(&unused).all().await.unwrap().len(), 7, "none was ever used");
}

#[tokio::test]
async fn the_client_manages_all_resources() {
    let server = Serving::start();
    let tokens = server.client().sign_in(EMAIL, &Secret::new(PASSWORD)).await.unwrap();
    let ada = presenting(&server, tokens.access_token);
    let account = ada.create_account("Example Ltd").await.unwrap();
    assert_eq!(ada.create_plan("Pro", &PutPlan { key_limit: Some(3), ..PutPlan::default() }).await.unwrap().version, 1);
    let update = UpdateAccount { plan: Some(Some("Pro".into())), ..UpdateAccount::default() };
    let changed = ada.update_account(&account.id, &update, account.version).await.unwrap();
    assert_eq!(changed.plan.as_deref(), Some("Pro"));
    assert_eq!(ada.update_account(&account.id, &update, account.version).await.unwrap_err().status(), Some(412));
    assert!(ada.walk_accounts(true).all().await.unwrap().len() >= 2);

    let invited = ada.invite(&account.id, "bob@example.com", Role::Viewer).await.unwrap();
    assert_eq!(ada.walk_members(&account.id).all().await.unwrap().len(), 1, "an invitation is no membership");
    assert_eq!(ada.walk_invitations(&account.id).all().await.unwrap(), std::slice::from_ref(&invited.invitation));
    let password = Secret::new("another long password");
    let none = Client::builder(&server.url).build().unwrap();
    none.accept_invitation(invited.secret.as_ref().unwrap(), "Bob", &password).await.unwrap();
    let as_bob = presenting(&server, none.sign_in("bob@example.com", &password).await.unwrap().access_token);
    assert_eq!(as_bob.create_key(&CreateKey::secret("a")).await.unwrap_err().code(), Some("INSUFFICIENT_SCOPE"));
    let bob = as_bob.own_user().await.unwrap().id;
    let member = ada.member(&account.id, &bob).await.unwrap();
    assert!(ada.walk_invitations(&account.id).all().await.unwrap().is_empty());
    // Bob has a user now: the next invitation is accepted while signed in, or withdrawn.
    let second = ada.create_account("Second Ltd").await.unwrap().id;
    let again = ada.invite(&second, "bob@example.com", Role::Viewer).await.unwrap();
    let refused = none.accept_invitation(again.secret.as_ref().unwrap(), "Bob", &password).await.unwrap_err();
    assert_eq!(refused.code(), Some("ADDRESS_IN_USE"));
    assert!(as_bob.own_invitations().await.unwrap().is_empty(), "the address is not verified");
    assert_eq!(as_bob.accept_own_invitation(&again.invitation.id).await.unwrap_err().status(), Some(404));
    assert_eq!(as_bob.decline_invitation(&again.invitation.id).await.unwrap_err().status(), Some(404));
    assert_eq!(as_bob.accept_invitation_link(again.secret.as_ref().unwrap()).await.unwrap(), second);
    let third = ada.invite(&second, "carol@example.com", Role::Viewer).await.unwrap();
    ada.withdraw_invitation(&second, &third.invitation.id).await.unwrap();
    assert_eq!(
        none.accept_invitation(third.secret.as_ref().unwrap(), "Carol", &password).await.unwrap_err().code(),
        Some("LINK_ENDED")
    );
    let promoted = ada.update_member(&account.id, &bob, Role::Developer, member.version).await.unwrap();
    as_bob.create_key(&CreateKey::secret("a")).await.unwrap();
    assert_eq!(ada.remove_member(&account.id, &bob, member.version).await.unwrap_err().status(), Some(412));
    ada.remove_member(&account.id, &bob, promoted.version).await.unwrap();
    assert_eq!(ada.walk_members(&account.id).all().await.unwrap().len(), 1);

    none.sign_up("eve@example.com", "Eve", &password).await.unwrap();
    let eve = presenting(&server, none.sign_in("eve@example.com", &password).await.unwrap().access_token);
    let user = eve.own_user().await.unwrap();
    assert_eq!(eve.rename_own_user("Evelyn", user.version).await.unwrap().name, "Evelyn");
    eve.change_password(&password, &Secret::new("yet another password")).await.unwrap();
    assert_eq!(eve.own_user().await.unwrap_err().status(), Some(401));
    assert!(ada.walk_sessions().all().await.unwrap().is_empty());

    let plan = ada.plans().await.unwrap().pop().unwrap();
    let scopes = Some("a:read b:*".parse().unwrap());
    let put = PutPlan { description: "for all".into(), scopes: scopes.clone(), ..PutPlan::default() };
    let plan = ada.update_plan(&plan.name, &put, plan.version).await.unwrap();
    assert_eq!(ada.plans().await.unwrap().pop().unwrap().scopes, scopes);
    assert_eq!(ada.remove_plan(&plan.name, plan.version).await.unwrap_err().code(), Some("PLAN_IN_USE"));
    ada.remove_used_plan(&plan.name, plan.version).await.unwrap();
    let filter = AuditFilter { account: Some(account.id.clone()), limit: Some(2), ..AuditFilter::default() };
    let entries = ada.walk_audit_log(&filter).all().await.unwrap();
    assert!(entries.iter().any(|entry| entry.action == "member.remove" && entry.target.id == bob.as_str()));
    assert_eq!(ada.audit_log(&filter).await.unwrap().data.len(), 2);
    assert!(ada.verify_audit_log(None).await.unwrap().intact);
    assert_eq!(ada.account_usage(&account.id, 30).await.unwrap().days, []);
}

#[tokio::test]
async fn tokens_are_refreshed_once_and_end_with_the_sign_in() {
    let server = Serving::start();
    let none = Client::builder(&server.url).build().unwrap();
    let first = none.sign_in(EMAIL, &Secret::new(PASSWORD)).await.unwrap();
    let second = none.refresh_tokens(&first.refresh_token).await.unwrap();
    assert_eq!(second.token_type, "Bearer");
    let signed_in = presenting(&server, second.access_token);
    assert_eq!(signed_in.own_user().await.unwrap().email, EMAIL);
    signed_in.sign_out(false).await.unwrap();
    assert_eq!(signed_in.own_user().await.unwrap_err().status(), Some(401));
    let third = none.sign_in(EMAIL, &Secret::new(PASSWORD)).await.unwrap();
    none.refresh_tokens(&third.refresh_token).await.unwrap();
    assert_eq!(none.refresh_tokens(&third.refresh_token).await.unwrap_err().code(), Some("SIGNED_OUT"));
}

#[tokio::test]
async fn two_lost_answers_create_one_key() {
    let server = Serving::start();
    let proxy = Proxy::before(server.address(), 2, Fault::Swallow);
    let issued = server.client_at(&proxy.url).create_key(&CreateKey::secret("only once")).await.unwrap();
    assert_eq!(proxy.connections(), 3);
    let filter = KeyFilter { text: Some("only once".into()), ..KeyFilter::default() };
    let made = server.client().walk_keys(&filter).all().await.unwrap();
    assert_eq!(made.iter().map(|key| &key.id).collect::<Vec<_>>(), [&issued.record.id]);
    let own = presenting(&server, issued.key).own_key().await.unwrap();
    assert_eq!(own.id, issued.record.id, "the key in the repeated answer is the one that was issued");
}

#[tokio::test]
async fn a_lost_answer_changes_once() {
    let server = Serving::start();
    let issued = server.client().create_key(&CreateKey::secret("a")).await.unwrap().record;
    let proxy = Proxy::before(server.address(), 1, Fault::Swallow);
    let update = UpdateKey { name: Some("b".into()), ..UpdateKey::default() };
    let changed = server.client_at(&proxy.url).update_key(&issued.id, &update, issued.version).await.unwrap();
    assert_eq!((changed.record.name.as_str(), changed.record.version), ("b", issued.version + 1));
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn requests_that_are_not_idempotent_are_sent_once() {
    let server = Serving::start();
    let first = server.client().sign_in(EMAIL, &Secret::new(PASSWORD)).await.unwrap();
    let proxy = Proxy::before(server.address(), 1, Fault::Swallow);
    let through = Client::builder(&proxy.url).build().unwrap();
    let lost = through.refresh_tokens(&first.refresh_token).await.unwrap_err();
    assert!(matches!(lost, ClientError::Unreachable(_)), "{lost:?}");
    assert_eq!(proxy.connections(), 1);
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let proxy = Proxy::before(server.address(), 1, Fault::Answer(busy.to_owned()));
    let through = Client::builder(&proxy.url).build().unwrap();
    assert_eq!(through.sign_in(EMAIL, &Secret::new(PASSWORD)).await.unwrap_err().status(), Some(503));
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn retry_after_is_respected() {
    let server = Serving::start();
    let problem = r#"{"status":429,"title":null,"detail":"Wait.","code":"RATE_LIMIT_EXCEEDED","request_id":"req_1"}"#;
    let busy = |status: &str, wait: u32| {
        let length = problem.len();
        format!(
            "HTTP/1.1 {status}\r\nretry-after: {wait}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{problem}"
        )
    };
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let proxy = Proxy::before(server.address(), 1, Fault::Answer(busy(status, 1)));
        let begun = Instant::now();
        server.client_at(&proxy.url).keys(&KeyFilter::default()).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(1), "{status}");
        assert_eq!(proxy.connections(), 2, "{status}");
    }
    let proxy = Proxy::before(server.address(), 9, Fault::Answer(busy("429 Too Many Requests", 0)));
    let error = server.client_at(&proxy.url).create_key(&CreateKey::secret("a")).await.unwrap_err();
    assert_eq!((error.status(), proxy.connections()), (Some(429), 3), "it is not tried without end");
    let proxy = Proxy::before(server.address(), 9, Fault::Answer(busy("429 Too Many Requests", 3_600)));
    let error = server.client_at(&proxy.url).keys(&KeyFilter::default()).await.unwrap_err();
    assert_eq!((error.retry_after(), proxy.connections()), (Some(Duration::from_secs(3_600)), 1));
}

#[tokio::test]
async fn credentials_follow_no_redirect_and_need_tls() {
    let server = Serving::start();
    let elsewhere = Proxy::before(server.address(), 0, Fault::Swallow);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let answer = format!("HTTP/1.1 {status}\r\nlocation: {}/v1/keys\r\ncontent-length: 0\r\n\r\n", elsewhere.url);
        let proxy = Proxy::before(server.address(), 9, Fault::Answer(answer));
        let error = server.client_at(&proxy.url).keys(&KeyFilter::default()).await.unwrap_err();
        assert!(matches!(error, ClientError::Unexpected { .. }) && error.to_string().contains("URL"), "{error}");
    }
    assert_eq!(elsewhere.connections(), 0);
    assert!(matches!(Client::builder("http://192.0.2.1").build(), Err(ClientError::PlainHttp)));
}

#[tokio::test]
async fn a_large_answer_is_refused() {
    let server = Serving::start();
    let long = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let declared = format!("{long}content-length: 99999999999\r\n\r\n{{");
    let endless = format!("{long}connection: close\r\n\r\n{}", " ".repeat(100_000));
    for answer in [declared, endless] {
        let proxy = Proxy::before(server.address(), 9, Fault::Answer(answer));
        let credential = Credential::bearer(Secret::new("kwm_live_a"));
        let client = Client::builder(&proxy.url).credential(credential).max_answer(50_000).build().unwrap();
        let error = client.keys(&KeyFilter::default()).await.unwrap_err();
        assert!(matches!(error, ClientError::TooLarge(50_000)), "{error:?}");
        assert_eq!(proxy.connections(), 1);
    }
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let credential = Credential::bearer(Secret::new("kwm_live_a"));
    let client = Client::builder(url).credential(credential).timeout(Duration::from_millis(200)).build().unwrap();
    let begun = Instant::now();
    let error = client.keys(&KeyFilter::default()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Unreachable(cause) if cause.is_timeout()), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "three tries of 200 ms, and the pauses between them");
}

#[tokio::test]
async fn debug_output_has_no_secrets() {
    let server = Serving::start();
    let client = server.client();
    let tokens = client.sign_in(EMAIL, &Secret::new(PASSWORD)).await.unwrap();
    let issued = client.create_key(&CreateKey::secret("a")).await.unwrap();
    let rotated = client.rotate_key(&issued.record.id, 0).await.unwrap();
    let invited = client.invite(&tokens.account, "bob@example.com", Role::Viewer).await.unwrap();
    let builder = Client::builder(&server.url).credential(Credential::bearer(Secret::new(server.token.clone())));
    let shown = format!("{client:?} {builder:?} {tokens:?} {issued:?} {rotated:?} {invited:?}");
    let invitation = invited.secret.as_ref().unwrap();
    for secret in [
        server.token.as_str(),
        tokens.access_token.expose(),
        tokens.refresh_token.expose(),
        issued.key.expose(),
        rotated.key.expose(),
        invitation.expose(),
    ] {
        assert!(secret.len() > 20 && !shown.contains(&secret[9..]), "{shown}");
    }
}
