//! How users signed in, on their page and in the log of their account.

use keyward::manage::{Actor, AuditQuery, Context, KeyDraft, NewUser, SignInLinkDraft};

use crate::http::Client;
use crate::passkey_answers::{client, register};
use crate::security_key::SecurityKey;
use crate::site::{EMAIL, PASSWORD, Site};

/// The titles of a user's recent activity, newest first.
fn activity(page: &str) -> Vec<&str> {
    let list = page.split("id=\"activity\"").nth(1).unwrap().split("</section>").next().unwrap();
    list.split("<strong>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect()
}

/// On the page of the user, and in the log of the account.
#[tokio::test]
async fn a_user_and_the_owners_see_how_the_user_signed_in() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let account = site.management.operator().clone();
    let invited =
        site.management.invite(&owner, &account, "grace@example.com", keyward::manage::Role::Developer).await.unwrap();
    site.management
        .accept_invitation(&keyward::manage::Context::new(), &invited.secret, "Grace", PASSWORD)
        .await
        .unwrap();
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let mut grace = Client::new(&site).with("user-agent", agent);
    for password in ["a wrong password", PASSWORD] {
        let token = grace.get("/login").await.field("csrf");
        grace.post("/login", &[("csrf", &token), ("email", "grace@example.com"), ("password", password)]).await;
    }
    let page = grace.get("/settings").await;
    let csrf = page.field("csrf");
    let wrong =
        [("csrf", csrf.as_str()), ("current", "not the password"), ("password", "another correct horse battery")];
    assert_eq!(grace.post("/settings/password", &wrong).await.status, 401);
    site.management.flush_refused().await.unwrap();
    let page = grace.get("/settings").await.body;
    assert_eq!(activity(&page), ["Wrong current password", "Signed in"]);
    let activity = page.split("id=\"activity\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(activity.contains("Firefox on Linux, from 127.0.0.0/24") && !activity.contains("127.0.0.1"), "{activity}");
    let mut ada = Client::signed_in(&site).await;
    let id = site.management.user_with_email(&owner, "grace@example.com").await.unwrap().value.id;
    let log = ada.get(&format!("/accounts/operator/audit?action=session.&actor={id}")).await.body;
    assert!(log.contains("Grace</a> signed in") || log.contains("Grace</bdi></a> signed in"), "{log}");
    assert!(log.contains(">127.0.0.0/24</td>") && !log.contains("127.0.0.1<"), "{log}");
    // Nothing of Grace is on the page of another user.
    let page = ada.get("/settings").await.body;
    let activity = page.split("id=\"activity\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(!activity.contains("Wrong") && activity.contains("Signed in"), "{activity}");
}

#[tokio::test]
async fn renamed_passkeys_are_seen_and_what_programs_repeat_is_not() {
    let site = Site::with_owner().await;
    let (management, context) = (&site.management, Context::new());
    let account = management.operator().clone();
    let tokens = management.issue_tokens(&context, EMAIL, PASSWORD).await.unwrap();
    let mut refresh = tokens.refresh.to_string();
    for _ in 0..25 {
        refresh = management.refresh_tokens(&context, &refresh).await.unwrap().refresh.to_string();
    }
    let system = Actor::system("test", Context::new());
    let user = management.user_with_email(&system, EMAIL).await.unwrap().value.id;
    for _ in 0..25 {
        management.create_sign_in_link(&system, &SignInLinkDraft::new(user.to_string())).await.unwrap();
    }
    let mut client = client(&site).await;
    register(&mut client, &site, &mut SecurityKey::new(1), "Laptop").await;
    let page = client.get("/settings/second-factor").await.body;
    let id = page.split("/settings/second-factor/passkeys/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let path = format!("/settings/second-factor/passkeys/{id}");
    let csrf = client.get(&path).await.field("csrf");
    assert_eq!(client.post(&path, &[("csrf", &csrf), ("name", "Not the laptop")]).await.status, 303);
    let page = client.get("/settings").await.body;
    assert_eq!(activity(&page), ["Passkey renamed", "Second factor set up", "Signed in", "Signed in with a program"]);

    let log = async |account| {
        let query = AuditQuery { account, ..AuditQuery::default() };
        management.audit_log(&system, &query).await.unwrap().items
    };
    let of_account = log(Some(account)).await;
    let renamed = of_account.iter().find(|entry| entry.action == "user.rename_passkey").unwrap();
    assert!(
        renamed.before.is_none() && !format!("{renamed:?}").contains("laptop"),
        "an account needs no names: {renamed:?}"
    );
    let repeated = |action: &str| matches!(action, "token.refresh" | "user.create_sign_in_link");
    assert!(!of_account.iter().any(|entry| repeated(&entry.action)), "{of_account:?}");
    assert!(log(None).await.iter().any(|entry| repeated(&entry.action)), "the log of all has them");
}

#[tokio::test]
async fn customers_see_no_address_of_the_operator_on_pages_and_in_files() {
    let site = Site::with_owner().await;
    let management = &site.management;
    management.sign_up(&Context::new(), NewUser::new("grace@example.com", "Grace", PASSWORD)).await.unwrap();
    let session = management.sign_in(&Context::new(), "grace@example.com", PASSWORD).await.unwrap().session;
    let grace = management.session(&session, Context::new()).await.unwrap();
    let account = management.own_accounts(&grace).await.unwrap().remove(0).0.value.id;
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let session = management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
    let context = Context::new().address([203, 0, 113, 77]).user_agent(agent);
    let staff = management.session(&session, context).await.unwrap();
    management.create_key(&staff, KeyDraft::secret(account.clone(), "by the staff")).await.unwrap();

    let page = async |email: &str, path: &str| {
        let mut client = Client::new(&site);
        let token = client.get("/login").await.field("csrf");
        client.post("/login", &[("csrf", &token), ("email", email), ("password", PASSWORD)]).await;
        client.get(path).await.body
    };
    for path in ["audit?action=key.create", "audit/export?format=csv", "audit/export?format=jsonl"] {
        let seen = page("grace@example.com", &format!("/accounts/{account}/{path}")).await;
        assert!(seen.contains("203.0.113.0/24") && seen.contains("Firefox on Linux"), "{path}: {seen}");
        assert!(!seen.contains("203.0.113.77") && !seen.contains("Gecko"), "{path}: {seen}");
    }
    let all = page(EMAIL, "/accounts/operator/audit/export?format=jsonl&of=all").await;
    assert!(all.contains("203.0.113.77") && all.contains("Gecko"), "{all}");
}
