//! Mails about changes of the sign-in and of owners, through a real mail server.

use std::collections::BTreeSet;
use std::time::Duration;

use keyward::AccountId;
use keyward::manage::{Actor, AuditQuery, Context, PageRequest, Role};
use keyward::sqlite::SqliteStore;
use keyward_needs::needs;
use keyward_tests::mail::Mailbox;
use keyward_tests::program::closed_port;
use serde_json::Value;

use crate::mail::{begin, begin_on, on, recipients};
use crate::second_factor::Person;
use crate::setting::PASSWORD;

/// The mails with this beginning of the subject.
fn about(mailbox: &Mailbox, subject: &str) -> Vec<Value> {
    let mut mails = mailbox.mails();
    mails.retain(|mail| mail["headers"]["subject"].as_str().unwrap().starts_with(subject));
    mails
}

/// No mail leads to another site.
fn check_links(mails: &[Value], path: &str) {
    let own = format!("https://keys.example.com/dashboard{path}");
    for mail in mails {
        for part in ["plain", "html"] {
            let text = mail[part].as_str().unwrap();
            assert!(text.contains(&own), "{own}: {text}");
            for (place, _) in text.match_indices("://") {
                let before = &text[..place];
                assert!(
                    before.ends_with("https") && text[place..].starts_with("://keys.example.com/dashboard/"),
                    "{text}"
                );
            }
        }
    }
}

#[needs(mail_server)]
#[tokio::test]
async fn changes_of_password_and_second_factor_are_mailed_to_their_user() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let email = "ada@example.com";
    let (ada, _) = setting.customer(email).await;
    let at_home = Context::new().address([192, 0, 2, 7]).user_agent("Firefox");
    let session = management.sign_in(&at_home, email, PASSWORD).await.unwrap().session;
    let at_home = management.session(&session, at_home).await.unwrap();
    let person = Person::set_up(management, &setting.clock, &at_home).await;
    // Removed by a code, and after another set-up by an administrator.
    setting.clock.advance(Duration::from_secs(30));
    management.remove_own_second_factor(&at_home, &person.code(&setting.clock)).await.unwrap();
    setting.clock.advance(Duration::from_secs(30));
    Person::set_up(management, &setting.clock, &at_home).await;
    let away = Context::new().address([198, 51, 100, 8]);
    let support = Actor::system("support", away);
    management.remove_second_factor(&support, ada.user().unwrap()).await.unwrap();
    let session = management.sign_in(&Context::new(), email, PASSWORD).await.unwrap().session;
    let again = Context::new().address([192, 0, 2, 9]).user_agent("curl/8 https://evil.example/");
    let again = management.session(&session, again).await.unwrap();
    // A refused attempt is no change.
    assert!(management.change_password(&again, "a wrong password", "another good password").await.is_err());
    management.change_password(&again, PASSWORD, "another good password").await.unwrap();
    let link = management.create_password_reset(&support, ada.user().unwrap()).await.unwrap().secret;
    management.reset_password(&Context::new(), &link, "yet another good password").await.unwrap();
    management.deliver_events().await.unwrap();

    let texts = |mails: &[Value]| -> Vec<String> {
        mails.iter().map(|mail| mail["plain"].as_str().unwrap().to_owned()).collect()
    };
    let added = about(&mailbox, "Second factor set up for Example API");
    let removed = about(&mailbox, "Second factor removed for Example API");
    let passwords = about(&mailbox, "Your password for Example API was changed");
    assert_eq!((added.len(), removed.len(), passwords.len()), (2, 2, 2), "{:#?}", mailbox.mails());
    check_links(&added, "/settings");
    check_links(&removed, "/settings");
    check_links(&passwords, "/forgot");
    assert!(texts(&added).iter().all(|text| text.contains("192.0.2.7") && text.contains("Firefox")), "{added:#?}");
    let by = |text: &String| text.contains("Changed by: an administrator");
    assert_eq!(texts(&removed).iter().filter(|text| by(text)).count(), 1, "{removed:#?}");
    assert!(texts(&removed).iter().all(|text| !text.contains("198.51.100.8")), "{removed:#?}");
    assert!(texts(&passwords).iter().any(|text| text.contains("192.0.2.9")), "{passwords:#?}");
    let mails = [added, removed, passwords].concat();
    assert_eq!(recipients(&mails), BTreeSet::from([email]));
    let secrets = [PASSWORD, "good password", &link];
    assert!(texts(&mails).iter().all(|text| secrets.iter().all(|secret| !text.contains(secret))), "{mails:#?}");
}

#[needs(mail_server)]
#[tokio::test]
async fn new_owner_is_mailed_to_all_owners_even_to_one_who_was_removed() {
    let store = SqliteStore::temporary().unwrap();
    let (setting, mailbox, _server) = begin_on(&store).await;
    let down = on(&store, &setting.clock, closed_port()).management;
    let management = &setting.management;
    let (ada, account) = setting.customer("ada@example.com").await;
    let bob = setting.member_by_hand(&ada, &account, "bob", Role::Admin).await;
    setting.member_by_hand(&ada, &account, "carol", Role::Developer).await;
    setting.operator().await;
    let version = async |user: &Actor| management.member(&ada, &account, user.user().unwrap()).await.unwrap().version;
    let promote = async |role: Role| {
        management.update_member(&ada, &account, bob.user().unwrap(), role, version(&bob).await).await.unwrap();
    };
    promote(Role::Developer).await;
    management.deliver_events().await.unwrap();
    assert_eq!(about(&mailbox, "New owner").len(), 0, "another role is no news");
    promote(Role::Owner).await;
    promote(Role::Owner).await;
    let invited = management.invite(&ada, &account, "dan@example.com", Role::Owner).await.unwrap();
    management.accept_invitation(&Context::new(), &invited.secret, "Dan www.evil.example", PASSWORD).await.unwrap();
    management.deliver_events().await.unwrap();
    let mails = about(&mailbox, "New owner of “Customer” at Example API");
    let of = |owner: &str| -> Vec<Value> {
        let fact = format!("Owner: {owner}@example.com");
        mails.iter().filter(|mail| mail["plain"].as_str().unwrap().contains(&fact)).cloned().collect()
    };
    let all = BTreeSet::from(["ada@example.com", "bob@example.com", "dan@example.com"]);
    assert_eq!((of("bob").len(), of("dan").len(), mails.len()), (3, 3, 6), "{mails:#?}");
    assert_eq!((recipients(&of("bob")), recipients(&of("dan"))), (all.clone(), all));
    check_links(&mails, &format!("/accounts/{account}/members"));
    for mail in &mails {
        let text = mail["plain"].as_str().unwrap();
        assert!(text.contains("Changed by: ada@example.com") && !text.contains("www.evil.example"), "{text}");
    }
    // The mail waits for its server, and then the new owner removes its recipient.
    promote(Role::Developer).await;
    promote(Role::Owner).await;
    down.deliver_events().await.unwrap();
    management.remove_member(&bob, &account, ada.user().unwrap(), version(&ada).await).await.unwrap();
    setting.clock.advance(Duration::from_secs(10));
    management.deliver_events().await.unwrap();
    let later = about(&mailbox, "New owner").split_off(mails.len());
    assert!(recipients(&later).contains("ada@example.com"), "{later:#?}");
    // The bound of each recipient.
    for _ in 0..12 {
        let admin = setting.system();
        for role in [Role::Developer, Role::Owner] {
            let dan = management.user_with_email(&admin, "dan@example.com").await.unwrap().value.id;
            let version = management.member(&admin, &account, &dan).await.unwrap().version;
            management.update_member(&admin, &account, &dan, role, version).await.unwrap();
        }
        management.deliver_events().await.unwrap();
    }
    let to_dan = about(&mailbox, "New owner").iter().filter(|mail| mail["to"][0] == "dan@example.com").count();
    assert_eq!(to_dan, 10);
}

#[needs(mail_server)]
#[tokio::test]
async fn demoted_owners_and_removed_members_are_mailed_and_logged_by_name() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let (ada, account) = setting.customer("ada@example.com").await;
    let operator = setting.operator().await;
    let mut members = Vec::new();
    for (name, role) in
        [("bob", Role::Owner), ("carol", Role::Developer), ("dan", Role::Developer), ("eve", Role::Owner)]
    {
        let member = setting.member_by_hand(&ada, &account, name, role).await;
        let version = management.own_user(&member).await.unwrap().version;
        management.rename_own_user(&member, name, version).await.unwrap();
        members.push(member);
    }
    let [bob, carol, dan, eve] = &members[..] else { unreachable!() };
    let version = async |user: &Actor| management.member(&ada, &account, user.user().unwrap()).await.unwrap().version;
    let give = async |user: &Actor, role: Role| {
        let version = version(user).await;
        management.update_member(&ada, &account, user.user().unwrap(), role, version).await.unwrap();
    };
    let remove = async |by: &Actor, user: &Actor| {
        let version = version(user).await;
        management.remove_member(by, &account, user.user().unwrap(), version).await.unwrap();
    };
    give(bob, Role::Admin).await;
    // Other roles are no news.
    give(bob, Role::Developer).await;
    give(carol, Role::Viewer).await;
    remove(&ada, carol).await;
    // Dan leaves, and the operator removes an owner.
    remove(dan, dan).await;
    remove(&operator, eve).await;
    management.deliver_events().await.unwrap();

    let demoted = about(&mailbox, "You are no longer an owner of “Customer” at Example API");
    let removed = about(&mailbox, "You are no longer a member of “Customer” at Example API");
    assert_eq!(recipients(&demoted), BTreeSet::from(["bob@example.com"]), "{:#?}", mailbox.mails());
    assert_eq!(recipients(&removed), BTreeSet::from(["carol@example.com", "dan@example.com", "eve@example.com"]));
    assert_eq!((demoted.len(), removed.len()), (1, 3), "{:#?}", mailbox.mails());
    check_links(&demoted, &format!("/accounts/{account}/members"));
    check_links(&removed, "/settings");
    for mail in demoted.iter().chain(&removed) {
        for part in ["plain", "html"] {
            let text = mail[part].as_str().unwrap();
            assert!(text.contains("no longer") && text.contains("Changed by"), "{text}");
        }
    }
    let by = |user: &str| {
        let to = format!("{user}@example.com");
        let mail = removed.iter().find(|mail| mail["to"][0] == *to).unwrap();
        mail["plain"].as_str().unwrap().lines().find(|line| line.starts_with("Changed by")).unwrap().to_owned()
    };
    assert_eq!(by("carol"), "Changed by: ada@example.com");
    assert_eq!(by("dan"), "Changed by: dan@example.com");
    // The operator's address is not the customer's business.
    assert_eq!(by("eve"), "Changed by: an administrator");
    assert!(demoted[0]["plain"].as_str().unwrap().contains("Role: admin"), "{demoted:#?}");

    let page = PageRequest { limit: 200, ..PageRequest::default() };
    let query = AuditQuery { account: Some(account.clone()), page, ..AuditQuery::default() };
    let log = management.audit_log(&ada, &query).await.unwrap().items;
    let names = |action: &str| -> Vec<_> {
        let entries = log.iter().filter(|entry| entry.action == action);
        entries.map(|entry| entry.before.as_ref().unwrap()["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("member.remove"), ["eve", "dan", "carol"]);
    assert_eq!(names("member.update"), ["carol", "bob", "bob"]);
}

/// Neither does one hostile account flood the victim, nor do several hide the news of another account.
#[needs(mail_server)]
#[tokio::test]
async fn hostile_accounts_hide_no_news_of_another_account() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let (victim, own) = setting.customer("victim@example.com").await;
    let friend = setting.member_by_hand(&victim, &own, "friend", Role::Developer).await;
    let system = setting.system();
    let give = async |account: &AccountId, user: &Actor, role: Role| {
        let user = user.user().unwrap();
        let version = management.member(&system, account, user).await.unwrap().version;
        management.update_member(&system, account, user, role, version).await.unwrap();
    };
    for number in 0..4 {
        let (eve, hostile) = setting.customer(&format!("eve{number}@example.com")).await;
        let helper = setting.member_by_hand(&eve, &hostile, &format!("helper{number}"), Role::Developer).await;
        let invited = management.invite(&eve, &hostile, "victim@example.com", Role::Owner).await.unwrap();
        management.join_by_link(&victim, &invited.secret).await.unwrap();
        for _ in 0..12 {
            for role in [Role::Owner, Role::Developer] {
                give(&hostile, &helper, role).await;
                give(&hostile, &victim, if role == Role::Owner { Role::Admin } else { Role::Owner }).await;
            }
            management.deliver_events().await.unwrap();
        }
    }
    let to_victim = |subject: &str| {
        about(&mailbox, subject).into_iter().filter(|mail| mail["to"][0] == "victim@example.com").count()
    };
    let (new, lost) = (to_victim("New owner"), to_victim("You are no longer an owner"));
    assert!((10..=34).contains(&new) && (10..=34).contains(&lost), "{new} {lost}");
    give(&own, &friend, Role::Owner).await;
    management.deliver_events().await.unwrap();
    give(&own, &victim, Role::Admin).await;
    management.deliver_events().await.unwrap();
    assert_eq!((to_victim("New owner"), to_victim("You are no longer an owner")), (new + 1, lost + 1));
}
