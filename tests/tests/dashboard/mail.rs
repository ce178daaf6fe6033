//! Pages of a server that sends mail. They only queue it, so no mail server is needed.

use keyward::manage::{Context, Kind, List, Mailer, ManagementStore as _, Role, SqliteManagementStore};
use keyward_needs::needs;
use keyward_tests::mail::Mailbox;
use keyward_tests::program::closed_port;
use keyward_tests::watched::within;

use crate::http::Client;
use crate::passkey_answers::{client, register};
use crate::security_key::SecurityKey;
use crate::site::{PASSWORD, Site};

async fn site() -> Site {
    site_with(closed_port()).await
}

async fn site_with(port: u16) -> Site {
    let url = format!("smtp://127.0.0.1:{port}");
    let mailer = Mailer::new(&url, "keys@example.com", "https://keys.example.com".parse().unwrap()).unwrap();
    // Mails are counted by the hour.
    let (site, _) = Site::with_clock(|management| management.mailer(mailer)).await;
    site.add_owner().await;
    site
}

async fn queued(site: &Site) -> usize {
    let records = SqliteManagementStore::open(&site.store).unwrap();
    records.list(&List::of(Kind::Mail, 1_000)).await.unwrap().len()
}

#[tokio::test]
async fn pages_name_the_recipient_and_show_no_link() {
    let site = site().await;
    let owner = site.owner().await;
    let account = site.management.operator().clone();
    let invited = site.management.invite(&owner, &account, "bob@example.com", Role::Viewer).await.unwrap();
    site.management.accept_invitation(&Context::new(), &invited.secret, "Bob", PASSWORD).await.unwrap();
    let users = site.management.user_with_email(&owner, "bob@example.com").await.unwrap();

    let mut client = Client::signed_in(&site).await;
    let before = queued(&site).await;
    for (form, action, field, says) in [
        ("/members".to_owned(), "/members".to_owned(), Some(("email", "carol@example.com")), "carol@example.com"),
        (format!("/members/{}/reset", users.id), format!("/members/{}/reset", users.id), None, "bob@example.com"),
    ] {
        let page = client.get(&format!("/accounts/operator{form}")).await;
        let (csrf, form_id) = (page.field("csrf"), page.field("form_id"));
        let mut fields = vec![("csrf", csrf.as_str()), ("form_id", form_id.as_str()), ("role", "viewer")];
        fields.extend(field);
        for time in ["first", "again"] {
            let answer = client.post(&format!("/accounts/operator{action}"), &fields).await;
            let sends = format!("We send <bdi>{says}</bdi>");
            assert!(answer.status == 200 && answer.body.contains(&sends), "{time}: {} {}", answer.status, answer.body);
            assert!(!answer.body.contains("data-link") && !answer.body.contains("invitation="), "{}", answer.body);
        }
    }
    assert_eq!(queued(&site).await - before, 2, "a form that is sent twice sends one mail");
}

#[tokio::test]
async fn expiry_notices_are_no_step_where_mails_go_out() {
    let site = site().await;
    let page = Client::signed_in(&site).await.get("/accounts/operator/keys").await.body;
    let steps = page.split("class=\"card checklist\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(steps.contains("Set up expiry notices <span class=\"hidden\">"), "{steps}");
    assert_eq!(steps.matches("class=\"done\"").count(), 1, "{steps}");
}

#[tokio::test]
async fn too_many_invitations_keep_the_form_and_say_when_to_retry() {
    let site = site().await;
    let owner = site.owner().await;
    let account = site.management.operator().clone();
    for n in 0..100 {
        let email = format!("guest{n}@example.com");
        site.management.invite_by_mail(&owner, &account, &email, Role::Viewer).await.unwrap();
    }
    let mut client = Client::signed_in(&site).await;
    let page = client.get("/accounts/operator/members").await;
    let (csrf, form_id) = (page.field("csrf"), page.field("form_id"));
    let fields = [("csrf", csrf.as_str()), ("form_id", &form_id), ("email", "late@example.com"), ("role", "viewer")];
    let answer = client.post("/accounts/operator/members", &fields).await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 3_601);
    assert!(answer.body.contains("late@example.com") && answer.body.contains("Wait "), "{}", answer.body);
}

#[tokio::test]
async fn forgotten_password_is_mailed_and_strangers_learn_nothing() {
    let site = site().await;
    let mut client = Client::new(&site);
    let before = queued(&site).await;
    let mut answers = Vec::new();
    for email in ["nobody@example.com", crate::site::EMAIL] {
        let csrf = client.get("/forgot").await.field("csrf");
        let answer = client.post("/forgot", &[("csrf", &csrf), ("email", email)]).await;
        answers.push((answer.status, answer.body.contains("we have sent them a link")));
    }
    assert_eq!(answers, [(200, true), (200, true)]);
    within("a mail is queued", async || queued(&site).await > before).await;
}

#[needs(mail_server)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_more_passkey_and_one_less_have_mails_of_their_own() {
    const PAGE: &str = "/settings/second-factor";
    let mailbox = Mailbox::default();
    let server = mailbox.serve(0, &[]);
    let site = site_with(server.port).await;
    // From here on, events lead to mails.
    site.management.deliver_events().await.unwrap();
    let mut client = client(&site).await;
    let codes = register(&mut client, &site, &mut SecurityKey::new(1), "Laptop").await;
    register(&mut client, &site, &mut SecurityKey::new(2), "Phone").await;
    let page = client.get(PAGE).await.body;
    let id = page.split(&format!("{PAGE}/passkeys/")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let one = format!("{PAGE}/passkeys/{id}");
    let csrf = client.get(&one).await.field("csrf");
    let removed = client.post(&format!("{one}/remove"), &[("csrf", &csrf), ("code", &codes[0])]).await;
    assert_eq!(removed.status, 303, "{}", removed.body);
    site.management.deliver_events().await.unwrap();
    let mails = mailbox.mails();
    for (subject, text) in [
        ("Second factor set up for", "now needs a second factor to sign in"),
        ("Second factor set up for", "has one more way to confirm a sign-in: a passkey or an authenticator app"),
        ("Second factor removed for", "A passkey or the authenticator app of the user"),
        ("Second factor removed for", "look at your second factor in the settings"),
    ] {
        let found = mails.iter().filter(|mail| {
            let parts = ["plain", "html"]
                .map(|part| mail[part].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" "));
            mail["headers"]["subject"].as_str().unwrap().starts_with(subject)
                && parts.iter().all(|part| part.contains(text))
        });
        assert_eq!(found.count(), 1, "{text}: {mails:#?}");
    }
    assert!(mails.iter().all(|mail| mail["to"][0] == crate::site::EMAIL), "{mails:#?}");
}
