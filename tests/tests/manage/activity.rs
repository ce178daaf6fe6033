//! How members sign in, in the audit log of their account.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keyward::AccountId;
use keyward::manage::{AccountUpdate, Actor, AuditEntry, AuditQuery, Context, Management, PageRequest, Role};

use crate::second_factor::Person;
use crate::setting::{PASSWORD, everywhere, failing_everywhere, on_sqlite};

const GRACE: &str = "grace@example.com";

fn from(address: [u8; 4]) -> Context {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    Context::new().address(IpAddr::from(address)).user_agent(agent).request_id("req-of-grace")
}

async fn log(management: &Management, reader: &Actor, account: Option<&AccountId>) -> Vec<AuditEntry> {
    management.flush_refused().await.unwrap();
    let page = PageRequest { limit: 500, ..PageRequest::default() };
    let query = AuditQuery { account: account.cloned(), page, ..AuditQuery::default() };
    management.audit_log(reader, &query).await.unwrap().items
}

#[tokio::test]
async fn an_account_sees_how_its_members_sign_in() {
    for setting in everywhere().await {
        let management = &setting.management;
        let (owner, account) = setting.customer("ada@example.com").await;
        let (stranger, elsewhere) = setting.customer("eve@example.com").await;
        let grace = setting.member(&owner, &account, GRACE, Role::Developer).await;
        let before = log(management, &owner, Some(&account)).await.len();
        setting.clock.advance(Duration::from_secs(1));
        let signed_in = management.sign_in(&from([203, 0, 113, 77]), GRACE, PASSWORD).await.unwrap();
        let session = management.session(&signed_in.session, from([203, 0, 113, 77])).await.unwrap();
        management.sign_out(&session).await.unwrap();
        for _ in 0..3 {
            assert!(management.sign_in(&from([203, 0, 113, 9]), GRACE, "a wrong password").await.is_err());
        }
        let all = log(management, &owner, Some(&account)).await;
        let new: Vec<_> = all[..all.len() - before].iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(new, ["session.end", "session.begin"], "failed passwords name no user");
        for entry in &all[..2] {
            assert_eq!(entry.target.id, grace.user().unwrap().as_str());
            assert_eq!(entry.account.as_ref(), Some(&account));
            assert_eq!(entry.address.as_deref(), Some("203.0.113.0/24"), "the network, not the address");
            assert_eq!(entry.user_agent.as_deref(), Some("Firefox on Linux"));
            assert_eq!((&entry.request_id, &entry.before), (&None, &None));
        }
        // The operator's log of all has them once, and whole.
        let operator = setting.operator().await;
        let whole = log(management, &operator, None).await;
        let of_grace: Vec<_> = whole.iter().filter(|entry| entry.number == all[1].number).collect();
        assert_eq!((of_grace.len(), of_grace[0].address.as_deref()), (1, Some("203.0.113.77")));
        assert_eq!((of_grace[0].account.as_ref(), of_grace[0].request_id.as_deref()), (None, Some("req-of-grace")));
        assert_eq!(management.verify_audit_log(&operator, None).await.unwrap().first_bad, None);

        // Other accounts, and members who may not read the log, see nothing.
        let other = log(management, &stranger, Some(&elsewhere)).await;
        assert!(other.iter().all(|entry| entry.target.id != grace.user().unwrap().as_str()), "{other:?}");
        let query = AuditQuery { account: Some(account.clone()), ..AuditQuery::default() };
        for reader in [&grace, &stranger] {
            assert!(management.audit_log(reader, &query).await.is_err());
        }
        // A filter by actor finds a member's sign-ins, and pages neither repeat nor lose one.
        let mut query = AuditQuery { actor: Some(grace.user().unwrap().to_string()), ..query };
        query.page.limit = 1;
        let mut found = Vec::new();
        loop {
            let page = management.audit_log(&owner, &query).await.unwrap();
            found.extend(page.items);
            match page.next {
                Some(next) => query.page.after = Some(next),
                None => break,
            }
        }
        let found: Vec<_> = found.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(found, ["session.end", "session.begin", "session.begin"]);
    }
}

/// Memberships count as they were when the entry was written.
#[tokio::test]
async fn an_account_sees_nothing_from_before_or_after_a_membership() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let (grace, home) = setting.customer(GRACE).await;
    let of_grace = async |reader: &Actor, account: &AccountId| {
        let entries = log(management, reader, Some(account)).await;
        let id = grace.user().unwrap().to_string();
        entries.iter().filter(|entry| entry.target.id == id && entry.action.starts_with("session.")).count()
    };
    assert_eq!((of_grace(&owner, &account).await, of_grace(&grace, &home).await), (0, 1));
    let invited = management.invite(&owner, &account, GRACE, Role::Viewer).await.unwrap();
    management.join_by_link(&grace, &invited.secret).await.unwrap();
    assert_eq!(of_grace(&owner, &account).await, 0, "the sign-in was before");
    management.sign_in(&Context::new(), GRACE, PASSWORD).await.unwrap();
    assert_eq!((of_grace(&owner, &account).await, of_grace(&grace, &home).await), (1, 2));
    let member = management.member(&owner, &account, grace.user().unwrap()).await.unwrap();
    management.remove_member(&owner, &account, grace.user().unwrap(), member.version).await.unwrap();
    management.sign_in(&Context::new(), GRACE, PASSWORD).await.unwrap();
    assert_eq!((of_grace(&owner, &account).await, of_grace(&grace, &home).await), (1, 3));
}

#[tokio::test]
async fn changes_of_a_second_factor_and_wrong_codes_are_seen() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, account) = setting.customer(GRACE).await;
    let person = Person::set_up(management, &setting.clock, &grace).await;
    setting.clock.advance(Duration::from_secs(60));
    let wrong = person.wrong_code(&setting.clock);
    for _ in 0..3 {
        let context = from([203, 0, 113, 9]);
        assert!(management.sign_in_with_code(&context, GRACE, PASSWORD, Some(&wrong)).await.is_err());
    }
    management.change_password(&grace, PASSWORD, "another correct horse battery").await.unwrap();
    let system = Actor::system("test", Context::new());
    let entries = log(management, &system, Some(&account)).await;
    let find = |action: &str| entries.iter().find(|entry| entry.action == action);
    let codes = find("user.check_code").unwrap();
    assert_eq!(codes.after.as_ref().unwrap()["times"], 3);
    assert_eq!(codes.address.as_deref(), Some("203.0.113.0/24"));
    assert!(find("user.add_second_factor").is_some() && find("user.change_password").is_some(), "{entries:?}");
    assert!(!format!("{entries:?}").contains("203.0.113.9"), "{entries:?}");
}

#[tokio::test]
async fn every_account_of_a_user_sees_a_sign_in() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, home) = setting.customer(GRACE).await;
    let mut accounts = Vec::new();
    for number in 0..24 {
        let (owner, account) = setting.customer(&format!("owner{number}@example.com")).await;
        let invited = management.invite(&owner, &account, GRACE, Role::Viewer).await.unwrap();
        management.join_by_link(&grace, &invited.secret).await.unwrap();
        accounts.push((owner, account));
    }
    management.sign_in(&from([203, 0, 113, 77]), GRACE, PASSWORD).await.unwrap();
    accounts.push((grace.clone(), home));
    let id = grace.user().unwrap().to_string();
    for (place, (owner, account)) in accounts.iter().enumerate() {
        let entries = log(management, owner, Some(account)).await;
        let seen = entries.iter().any(|entry| {
            entry.target.id == id
                && entry.action == "session.begin"
                && entry.address.as_deref() == Some("203.0.113.0/24")
        });
        assert!(seen, "account {place} of {}: {entries:?}", accounts.len());
    }
}

#[tokio::test]
async fn the_accounts_of_a_user_are_looked_up_at_once() {
    for (setting, records) in failing_everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let reads = async || {
            let before = records.looked_up.load(Ordering::Relaxed);
            management.create_account(&operator, "Another").await.unwrap();
            records.looked_up.load(Ordering::Relaxed) - before
        };
        let few = reads().await;
        for _ in 0..20 {
            reads().await;
        }
        assert_eq!(reads().await, few);
    }
}

/// So a sign-in writes a bounded number of marks, and no account that a user has joined is left out.
#[tokio::test]
async fn a_user_of_500_accounts_joins_no_more() {
    let setting = on_sqlite();
    let management = &setting.management;
    let operator = setting.operator().await;
    for number in 1..500 {
        management.create_account(&operator, &format!("Customer {number}")).await.unwrap();
    }
    let (ada, account) = setting.customer("ada@example.com").await;
    let invited = management.invite(&ada, &account, "operator@example.com", Role::Viewer).await.unwrap();
    let refused = management.join_by_link(&operator, &invited.secret).await.unwrap_err().to_string();
    assert!(refused.contains("you belong to 500 accounts, and no user joins more"), "{refused}");
    let last = management.own_accounts(&operator).await.unwrap().pop().unwrap().0.value.id;
    management.sign_in(&from([203, 0, 113, 77]), "operator@example.com", PASSWORD).await.unwrap();
    let entries = log(management, &operator, Some(&last)).await;
    assert!(entries.iter().any(|entry| entry.address.as_deref() == Some("203.0.113.0/24")), "{entries:?}");
}

/// Customers see that the operator's staff acts in their account, but not from where. They do see it of their own people.
#[tokio::test]
async fn an_account_sees_no_addresses_of_the_operators_staff() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (ada, account) = setting.customer("ada@example.com").await;
        let rename = async |email: &str, address: [u8; 4], name: &str| {
            let session = management.sign_in(&Context::new(), email, PASSWORD).await.unwrap().session;
            let actor = management.session(&session, from(address)).await.unwrap();
            let version = management.account(&actor, &account).await.unwrap().version;
            let update = AccountUpdate { name: Some(name.to_owned()), ..AccountUpdate::default() };
            management.update_account(&actor, &account, &update, version).await.unwrap();
        };
        let leaver = setting.member(&ada, &account, GRACE, Role::Admin).await;
        rename(GRACE, [203, 0, 113, 11], "by a former member").await;
        let member = management.member(&ada, &account, leaver.user().unwrap()).await.unwrap();
        management.remove_member(&ada, &account, leaver.user().unwrap(), member.version).await.unwrap();
        rename("operator@example.com", [198, 51, 100, 22], "by the staff").await;
        rename("ada@example.com", [203, 0, 113, 33], "by a member").await;
        let shown = |entries: &[AuditEntry], name: &str| {
            let named = |entry: &&AuditEntry| entry.after.as_ref().is_some_and(|after| after["name"] == name);
            let entry = entries.iter().filter(|entry| entry.action == "account.update").find(named).unwrap();
            (entry.address.clone().unwrap(), entry.user_agent.clone().unwrap(), entry.request_id.is_some())
        };
        let of_account = log(management, &ada, Some(&account)).await;
        let whole = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let full = |address: &str| (address.to_owned(), whole.to_owned(), true);
        assert_eq!(shown(&of_account, "by the staff"), ("198.51.100.0/24".into(), "Firefox on Linux".into(), false));
        assert_eq!(shown(&of_account, "by a former member"), full("203.0.113.11"));
        assert_eq!(shown(&of_account, "by a member"), full("203.0.113.33"));
        assert!(!format!("{of_account:?}").contains("198.51.100.22"), "{of_account:?}");
        let of_all = log(management, &operator, None).await;
        assert_eq!(shown(&of_all, "by the staff"), full("198.51.100.22"));
    }
}
