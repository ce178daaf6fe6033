//! Mails of the management service, through a real mail server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keyward::clock::{Clock as _, ManualClock};
use keyward::manage::{
    Actor, AppearanceUpdate, AuditQuery, Context, KeyDraft, KeyRotation, Kind, LeakPolicy, List, Mailer, Management,
    ManagementError, PostgresManagementStore, Role, SignInLinkDraft, SqliteManagementStore,
};
use keyward::sqlite::SqliteStore;
use keyward_needs::{missing, needs};
use keyward_tests::mail::{MailServer, Mailbox, token};
use keyward_tests::program::{closed_port, skip_part};
use serde_json::Value;

use crate::setting::{PASSWORD, Setting, clock, quick};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn mailer(port: u16) -> Mailer {
    let url = format!("smtp://127.0.0.1:{port}");
    let dashboard = "https://keys.example.com".parse().unwrap();
    Mailer::new(&url, "keys@example.com", dashboard).unwrap().base("/dashboard").provider("Example API")
}

pub(crate) fn on(store: &SqliteStore, clock: &Arc<ManualClock>, port: u16) -> Setting {
    let records = SqliteManagementStore::open(store).unwrap();
    let management = quick(Management::builder(store.clone(), records.clone()).mailer(mailer(port)), clock);
    Setting { management, records: Arc::new(records), clock: Arc::clone(clock), file: None }
}

pub(crate) async fn begin() -> (Setting, Mailbox, MailServer) {
    begin_on(&SqliteStore::temporary().unwrap()).await
}

pub(crate) async fn begin_on(store: &SqliteStore) -> (Setting, Mailbox, MailServer) {
    let mailbox = Mailbox::default();
    let server = mailbox.serve(0, &[]);
    let setting = on(store, &clock(), server.port);
    // From here on, events lead to mails.
    setting.management.deliver_events().await.unwrap();
    (setting, mailbox, server)
}

pub(crate) fn recipients(mails: &[Value]) -> BTreeSet<&str> {
    mails.iter().map(|mail| mail["to"][0].as_str().unwrap()).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

impl Setting {
    pub(crate) async fn member_by_hand(
        &self,
        by: &Actor,
        account: &keyward::AccountId,
        name: &str,
        role: Role,
    ) -> Actor {
        self.member(by, account, &format!("{name}@example.com"), role).await
    }

    async fn queued(&self) -> Vec<String> {
        self.records.list(&List::of(Kind::Mail, 1_000)).await.unwrap().into_iter().map(|mail| mail.body).collect()
    }

    /// As an hourly run of maintenance does, and the worker after it.
    async fn later(&self, by: Duration) {
        self.clock.advance(by);
        self.management.maintain().await.unwrap();
        self.management.deliver_events().await.unwrap();
    }
}

#[needs(mail_server)]
#[tokio::test]
async fn expiring_key_is_mailed_to_its_user_or_those_who_manage_keys() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let (owner, account) = setting.customer("owner@example.com").await;
    let bob = setting.member_by_hand(&owner, &account, "bob", Role::Developer).await;
    setting.member_by_hand(&owner, &account, "admin", Role::Admin).await;
    setting.member_by_hand(&owner, &account, "viewer", Role::Viewer).await;
    let gone = setting.member_by_hand(&owner, &account, "gone", Role::Developer).await;
    let key = async |name: &str, days: u32, user: Option<&Actor>| {
        let mut draft = KeyDraft::secret(account.clone(), name);
        draft.expires_at = Some(setting.clock.now().saturating_add(DAY * days));
        draft.user = user.map(|user| user.user().unwrap().clone());
        management.create_key(&setting.system(), draft).await.unwrap().view
    };
    let shared = key("deploy", 10, None).await;
    key("of bob", 10, Some(&bob)).await;
    key("of gone", 10, Some(&gone)).await;
    management.set_user_disabled(&setting.system(), gone.user().unwrap(), true).await.unwrap();
    let ended = key("ended", 10, None).await;
    let late = key("replaced late", 10, None).await;
    let replaced =
        management.create_key(&setting.system(), KeyDraft::secret(account.clone(), "replaced")).await.unwrap();
    management.rotate_key(&setting.system(), &replaced.view.id, DAY * 10).await.unwrap();
    setting.later(Duration::from_secs(3_600)).await;
    assert_eq!(mailbox.mails().len(), 0, "too early");

    // A key that ends or is replaced before its mail is sent is no news.
    setting.clock.advance(DAY * 4);
    management.maintain().await.unwrap();
    management.revoke_key(&setting.system(), &ended.id).await.unwrap();
    let rotation = KeyRotation { overlap: DAY * 10, expires_at: Some(None) };
    management.rotate_key_with(&setting.system(), &late.id, rotation).await.unwrap();
    management.deliver_events().await.unwrap();
    let managers = BTreeSet::from(["owner@example.com", "bob@example.com", "admin@example.com"]);
    let of = |mails: &[Value], name: &str| -> Vec<Value> {
        let subject = format!("API key “{name}”");
        mails
            .iter()
            .filter(|mail| mail["headers"]["subject"].as_str().unwrap().starts_with(&subject))
            .cloned()
            .collect()
    };
    let first = mailbox.mails();
    assert_eq!(recipients(&of(&first, "deploy")), managers);
    assert_eq!(recipients(&of(&first, "of gone")), managers, "a suspended user gets nothing");
    assert_eq!(recipients(&of(&first, "of bob")), BTreeSet::from(["bob@example.com"]));
    assert_eq!(of(&first, "ended").len() + of(&first, "replaced").len() + of(&first, "replaced late").len(), 0);
    assert_eq!(first.len(), 7, "{first:#?}");
    let mail = of(&first, "deploy").remove(0);
    assert_eq!(mail["headers"]["subject"], "API key “deploy” expires within 7 days");
    let link = format!("https://keys.example.com/dashboard/accounts/{account}/keys/{}", shared.id);
    for part in ["plain", "html"] {
        let text = mail[part].as_str().unwrap();
        assert!(text.contains(&link) && text.contains("Example API") && text.contains("2026-03-11"), "{part}: {text}");
    }

    setting.later(DAY * 5).await;
    let second = mailbox.mails().split_off(first.len());
    assert_eq!(recipients(&of(&second, "deploy")), managers);
    assert!(
        second.iter().all(|mail| mail["headers"]["subject"].as_str().unwrap().ends_with("within 1 day")),
        "{second:#?}"
    );
    setting.later(DAY).await;
    assert_eq!(mailbox.mails().len(), first.len() + second.len());
}

#[needs(mail_server)]
#[tokio::test]
async fn leaked_key_is_mailed_and_says_whether_it_works() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let (owner, account) = setting.customer("owner@example.com").await;
    let issued = management.create_key(&owner, KeyDraft::secret(account, "deploy")).await.unwrap();
    let key = issued.key.expose_once();
    let place = "https://example.com/notes.txt";
    management.report_leak(&setting.system(), key.as_bytes(), place, LeakPolicy::MarkCompromised).await.unwrap();
    management.deliver_events().await.unwrap();
    let mail = mailbox.newest_of(1);
    assert_eq!(mail["headers"]["subject"], "API key “deploy” was reported as leaked");
    assert_eq!(mail["to"], serde_json::json!(["owner@example.com"]));
    let text = mail["plain"].as_str().unwrap();
    assert!(text.contains("The key no longer works.") && !text.contains(key.as_str()), "{text}");
}

#[needs(mail_server)]
#[tokio::test]
async fn sign_in_is_mailed_if_the_device_is_new() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let email = "ada@example.com";
    setting.customer(email).await;
    assert_eq!(setting.queued().await, Vec::<String>::new(), "the first sign-in is no news");
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";
    let context = |address: [u8; 4]| Context::new().address(address).user_agent(firefox);
    let first = management.sign_in(&context([192, 0, 2, 7]), email, PASSWORD).await.unwrap();
    management.deliver_events().await.unwrap();
    let mail = mailbox.newest_of(1);
    assert_eq!(mail["headers"]["subject"], "New sign-in to Example API");
    let text = mail["plain"].as_str().unwrap();
    assert!(text.contains("Device: “Firefox on Linux”") && text.contains("192.0.2.7"), "{text}");
    let html = mail["html"].as_str().unwrap();
    assert!(html.contains("Firefox on Linux") && !html.contains("Mozilla") && !text.contains("Mozilla"), "{html}");

    let known = context([198, 51, 100, 1]).device(&first.device.unwrap());
    management.sign_in(&known, email, PASSWORD).await.unwrap();
    assert!(management.sign_in(&context([203, 0, 113, 9]), email, "wrong password").await.is_err());
    // Programs have no device: the network counts.
    management.issue_tokens(&context([192, 0, 2, 7]), email, PASSWORD).await.unwrap();
    management.deliver_events().await.unwrap();
    assert_eq!(mailbox.mails().len(), 1);
    management.issue_tokens(&context([203, 0, 113, 9]), email, PASSWORD).await.unwrap();
    management.deliver_events().await.unwrap();
    assert!(mailbox.newest_of(2)["plain"].as_str().unwrap().contains("203.0.113.9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_from_many_new_devices_at_once_all_succeed_and_are_mailed() {
    let store = SqliteStore::temporary().unwrap();
    let clock = clock();
    let nodes = [on(&store, &clock, closed_port()), on(&store, &clock, closed_port())];
    let email = "ada@example.com";
    nodes[0].customer(email).await;
    let tries = (0..8_u8).map(|n| {
        let management = nodes[usize::from(n % 2)].management.clone();
        let context = Context::new().address([192, 0, 2, n]);
        tokio::spawn(async move {
            match n % 4 {
                3 => management.issue_tokens(&context, email, PASSWORD).await.map(drop),
                _ => management.sign_in(&context, email, PASSWORD).await.map(drop),
            }
        })
    });
    for attempt in tries.collect::<Vec<_>>() {
        assert_eq!(code(attempt.await.unwrap()), "done");
    }
    assert_eq!(nodes[0].queued().await.len(), 8);
}

#[needs(mail_server)]
#[tokio::test]
async fn mailed_links_prove_the_address_and_depend_on_the_rights_of_their_maker() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let (owner, account) = setting.customer("owner@example.com").await;
    let admin = setting.member_by_hand(&owner, &account, "admin", Role::Admin).await;
    let invite = async |email: &str| management.invite_by_mail(&admin, &account, email, Role::Viewer).await;
    let accept = async |secret: &str| management.accept_invitation(&Context::new(), secret, "Bob", PASSWORD).await;

    let withdrawn = invite("withdrawn@example.com").await.unwrap();
    management.withdraw_invitation(&owner, &account, &withdrawn.id).await.unwrap();
    setting.clock.advance(Duration::from_secs(1));
    // The second replaces the first, so only one mail is sent.
    invite("bob@example.com").await.unwrap();
    setting.clock.advance(Duration::from_secs(1));
    invite("bob@example.com").await.unwrap();
    management.deliver_events().await.unwrap();
    let mail = mailbox.newest_of(1);
    assert_eq!(mail["to"], serde_json::json!(["bob@example.com"]));
    accept(token(&mail, "invitation=")).await.unwrap();
    let bob = setting.signed_in("bob@example.com").await;
    assert!(management.own_user(&bob).await.unwrap().value.email_verified);

    management.mail_password_reset(&admin, bob.user().unwrap()).await.unwrap();
    assert_eq!(code(management.mail_password_reset(&bob, admin.user().unwrap()).await), "INSUFFICIENT_SCOPE");
    invite("carol@example.com").await.unwrap();
    management.deliver_events().await.unwrap();
    let mails = mailbox.mails();
    let (reset, invitation) = match mails[1]["to"][0].as_str() {
        Some("bob@example.com") => (&mails[1], &mails[2]),
        _ => (&mails[2], &mails[1]),
    };
    let version = management.member(&owner, &account, admin.user().unwrap()).await.unwrap().version;
    management.update_member(&owner, &account, admin.user().unwrap(), Role::Viewer, version).await.unwrap();
    let (reset, invitation) = (token(reset, "reset="), token(invitation, "invitation="));
    assert_eq!(code(management.reset_password(&Context::new(), reset, "another good password").await), "LINK_ENDED");
    assert_eq!(code(accept(invitation).await), "LINK_ENDED");
}

#[needs(mail_server)]
#[tokio::test]
async fn mails_are_bounded_for_accounts_and_addresses() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let (owner, account) = setting.customer("owner@example.com").await;
    let invite = async |n: u32| {
        management.invite_by_mail(&owner, &account, &format!("stranger{n}@example.com"), Role::Viewer).await
    };
    for n in 0..100 {
        invite(n).await.unwrap();
    }
    let Err(ManagementError::Throttled { retry_after }) = invite(100).await else { panic!("not bounded") };
    assert!(retry_after <= Duration::from_secs(3_600), "{retry_after:?}");
    // Other accounts have their own bound, but an address has one bound for all.
    for n in 0..11 {
        let (other, account) = setting.customer(&format!("other{n}@example.com")).await;
        let invited = management.invite_by_mail(&other, &account, "victim@example.com", Role::Viewer).await;
        assert_eq!(code(invited), if n < 10 { "done" } else { "RATE_LIMIT_EXCEEDED" }, "{n}");
    }
    setting.clock.advance(Duration::from_secs(3_600));
    invite(101).await.unwrap();
    management.deliver_events().await.unwrap();
    let mails = mailbox.mails();
    assert_eq!(mails.iter().filter(|mail| mail["to"][0] == "victim@example.com").count(), 10);
    assert_eq!(mails.len(), 111);
}

#[needs(mail_server)]
#[tokio::test]
async fn invitations_use_up_neither_alerts_nor_own_links() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    setting.customer("victim@example.com").await;
    for other in 0..4 {
        let (owner, account) = setting.customer(&format!("other{other}@example.com")).await;
        for n in 0..4 {
            let invited = management.invite_by_mail(&owner, &account, "victim@example.com", Role::Viewer).await;
            match invited {
                Ok(invited) if n < 3 => management.withdraw_invitation(&owner, &account, &invited.id).await.unwrap(),
                refused => assert!(n == 3 || other == 3, "{other} {n}: {}", code(refused)),
            }
        }
    }
    management.deliver_events().await.unwrap();
    assert_eq!(mailbox.mails().len(), 0, "all are withdrawn");
    let away = Context::new().address([203, 0, 113, 9]).user_agent("Firefox");
    management.sign_in(&away, "victim@example.com", PASSWORD).await.unwrap();
    management.deliver_events().await.unwrap();
    assert_eq!(mailbox.newest_of(1)["headers"]["subject"], "New sign-in to Example API");
    management.forgot_password(&away, "victim@example.com").await.unwrap();
    // The link is made in another task, so that its time does not show whether the user exists.
    tokio::time::timeout(Duration::from_secs(30), async {
        while setting.queued().await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    management.deliver_events().await.unwrap();
    assert!(mailbox.newest_of(2)["plain"].as_str().unwrap().contains("reset="));
}

#[needs(mail_server)]
#[tokio::test]
async fn names_are_quoted_and_the_provider_is_named() {
    let (setting, mailbox, _server) = begin().await;
    let management = &setting.management;
    let operator = setting.operator().await;
    let name = Some(Some("Ēxample & Söhne".to_owned()));
    management.update_appearance(&operator, AppearanceUpdate { name, ..AppearanceUpdate::default() }, 0).await.unwrap();
    let (owner, account) = setting.customer("owner@example.com").await;
    let version = management.account(&owner, &account).await.unwrap().version;
    let update = keyward::manage::AccountUpdate {
        name: Some("Bcc: victim@example.com, see www.evil.example <b>now</b>".to_owned()),
        ..keyward::manage::AccountUpdate::default()
    };
    management.update_account(&owner, &account, &update, version).await.unwrap();
    management.invite_by_mail(&owner, &account, "bob@example.com", Role::Viewer).await.unwrap();
    management.deliver_events().await.unwrap();
    let mail = mailbox.newest_of(1);
    assert_eq!(mail["to"], serde_json::json!(["bob@example.com"]));
    assert!(!mail["names"].as_array().unwrap().contains(&"bcc".into()), "{mail:#}");
    assert_eq!(mail["headers"]["from"], "Ēxample & Söhne <keys@example.com>");
    let (plain, html) = (mail["plain"].as_str().unwrap(), mail["html"].as_str().unwrap());
    assert!(plain.contains("Ēxample & Söhne") && html.contains("Ēxample &#38; Söhne"), "{mail:#}");
    assert!(!plain.contains("www.evil.example") && !html.contains("<b>now"), "{mail:#}");
    assert!(plain.contains("https://keys.example.com/dashboard/register?invitation=kwi_"), "{plain}");
}

#[needs(mail_server)]
#[tokio::test]
async fn refused_recipient_is_given_up_and_an_outage_is_not() {
    let (mailbox, clock, store) = (Mailbox::default(), clock(), SqliteStore::temporary().unwrap());
    let server = mailbox.serve(0, &[]);
    let setting = on(&store, &clock, server.port);
    let (owner, account) = setting.customer("owner@example.com").await;
    setting.management.invite_by_mail(&owner, &account, "unknown@example.com", Role::Viewer).await.unwrap();
    let queued = setting.queued().await;
    assert!(queued.len() == 1 && !queued[0].contains("kwi_") && !queued[0].contains('@'), "{queued:?}");
    setting.management.deliver_events().await.unwrap();
    assert_eq!(setting.queued().await, Vec::<String>::new());

    // Nothing listens on the port of the other program.
    let down = on(&store, &clock, closed_port());
    let invite = async |email: &str| {
        down.management.invite_by_mail(&owner, &account, email, Role::Viewer).await.unwrap();
    };
    invite("late@example.com").await;
    down.management.deliver_events().await.unwrap();
    assert_eq!(setting.queued().await.len(), 1);
    setting.management.deliver_events().await.unwrap();
    assert_eq!(mailbox.mails().len(), 0, "the pause is not over");
    clock.advance(Duration::from_secs(6));
    setting.management.deliver_events().await.unwrap();
    assert_eq!(mailbox.newest_of(1)["to"], serde_json::json!(["late@example.com"]));

    invite("never@example.com").await;
    for _ in 0..20 {
        down.management.deliver_events().await.unwrap();
        clock.advance(Duration::from_secs(2 * 3_600));
    }
    assert_eq!(setting.queued().await, Vec::<String>::new(), "given up");
    let query = AuditQuery { account: Some(account.clone()), ..AuditQuery::default() };
    let log = setting.management.audit_log(&owner, &query).await.unwrap();
    assert!(!format!("{log:?}").contains("kwi_"), "{log:?}");
}

/// Two programs on one database.
async fn nodes(port: u16) -> Vec<[Setting; 2]> {
    let (time, store) = (clock(), SqliteStore::temporary().unwrap());
    let mut all = vec![[on(&store, &time, port), on(&store, &time, port)]];
    match missing!(postgresql) {
        None => {
            let (time, database) = (clock(), keyward_tests::postgres::database());
            let node = async || {
                let store = keyward_tests::postgres::store(&database).await;
                let records = PostgresManagementStore::open(&store).await.unwrap();
                let management = quick(Management::builder(store, records.clone()).mailer(mailer(port)), &time);
                Setting { management, records: Arc::new(records), clock: Arc::clone(&time), file: None }
            };
            all.push([node().await, node().await]);
        }
        Some(reason) => skip_part(reason),
    }
    all
}

#[needs(mail_server)]
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_send_each_mail_once() {
    let mailbox = Mailbox::default();
    let server = mailbox.serve(0, &[]);
    for [one, other] in nodes(server.port).await {
        let before = mailbox.mails().len();
        one.management.deliver_events().await.unwrap();
        let (owner, account) = one.customer("owner@example.com").await;
        let mut draft = KeyDraft::secret(account.clone(), "deploy");
        draft.expires_at = Some(one.clock.now().saturating_add(DAY * 10));
        one.management.create_key(&owner, draft).await.unwrap();
        one.clock.advance(DAY * 4);
        let (first, second) = tokio::join!(one.management.maintain(), other.management.maintain());
        first.and(second).unwrap();
        for n in 0..30 {
            let email = format!("guest{n}@example.com");
            one.management.invite_by_mail(&one.system(), &account, &email, Role::Viewer).await.unwrap();
        }
        let (first, second) = tokio::join!(one.management.deliver_events(), other.management.deliver_events());
        first.and(second).unwrap();
        // The other node may have read the position before the first one moved it.
        one.management.deliver_events().await.unwrap();
        let mails = mailbox.mails().split_off(before);
        assert_eq!((mails.len(), recipients(&mails).len()), (31, 31), "{mails:#?}");
    }
}

#[tokio::test]
async fn a_link_makes_no_device_known_to_sign_ins_with_the_password() {
    let setting = on(&SqliteStore::temporary().unwrap(), &clock(), closed_port());
    let (management, email) = (&setting.management, "operator@example.com");
    setting.operator().await;
    let place = Context::new().address([192, 0, 2, 7]).user_agent("Firefox");
    let by_link = async |context: &Context| {
        let draft = SignInLinkDraft::new(email);
        let link = management.create_sign_in_link(&setting.system(), &draft).await.unwrap();
        management.sign_in_with_link(context, &link.secret).await.unwrap()
    };
    let signed_in = by_link(&place).await;
    assert_eq!(setting.queued().await.len(), 1);
    let linked = place.clone().device(&signed_in.device.unwrap());
    by_link(&linked).await;
    assert_eq!(setting.queued().await.len(), 1, "each link of one device is mailed");
    // Signing out everywhere renews the proof, and makes it no better.
    let actor = management.session(&signed_in.session, linked.clone()).await.unwrap();
    let renewed = place.clone().device(&management.device_proof(&actor).await.unwrap());
    // Nor does a link make its network known, which counts for programs.
    management.issue_tokens(&linked, email, PASSWORD).await.unwrap();
    management.sign_in(&renewed, email, PASSWORD).await.unwrap();
    assert_eq!(setting.queued().await.len(), 3);
    // A link takes no proof of a password away.
    let known = management.sign_in(&linked, email, PASSWORD).await.unwrap().device.unwrap();
    assert_eq!(setting.queued().await.len(), 4);
    let after = by_link(&place.clone().device(&known)).await.device.unwrap();
    management.sign_in(&place.clone().device(&after), email, PASSWORD).await.unwrap();
    assert_eq!(setting.queued().await.len(), 4);
}
