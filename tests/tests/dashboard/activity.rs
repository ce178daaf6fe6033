//! How users signed in, on their page and in the log of their account.

use crate::http::Client;
use crate::site::{PASSWORD, Site};

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
    let activity = page.split("id=\"activity\"").nth(1).unwrap().split("</section>").next().unwrap();
    let listed: Vec<_> = activity.split("<strong>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(listed, ["Wrong current password", "Signed in"], "{activity}");
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
