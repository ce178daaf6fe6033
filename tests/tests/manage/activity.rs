//! How members sign in, in the audit log of their account.

use std::net::IpAddr;
use std::time::Duration;

use keyward::AccountId;
use keyward::manage::{Actor, AuditEntry, AuditQuery, Context, Management, PageRequest, Role};

use crate::second_factor::Person;
use crate::setting::{PASSWORD, everywhere, on_sqlite};

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
