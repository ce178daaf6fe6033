//! Sessions of a user, with names, and signing them out.

use std::sync::Arc;
use std::time::Duration;

use keyward::clock::ManualClock;
use keyward::manage::{
    Actor, AuditQuery, Context, Kind, List, Management, ManagementError, PageRequest, SessionView,
    SqliteManagementStore, Write, Written,
};
use keyward::sqlite::SqliteStore;

use crate::setting::{PASSWORD, Setting, clock, everywhere, on_sqlite, quick};

const EMAIL: &str = "grace@example.com";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";

fn code<T>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "ok")
}

fn at(address: [u8; 4], user_agent: &str) -> Context {
    Context::new().address(address).user_agent(user_agent)
}

async fn sessions(management: &Management, actor: &Actor) -> Vec<SessionView> {
    management.own_sessions(actor, &PageRequest::default()).await.unwrap().items
}

async fn versions(setting: &Setting) -> Vec<u64> {
    let records = setting.records.list(&List::of(Kind::Session, 100)).await.unwrap();
    records.into_iter().map(|record| record.version).collect()
}

#[tokio::test]
async fn a_user_sees_device_network_and_last_use_of_each_session() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.customer(EMAIL).await;
        let own = management.sign_in(&at([192, 0, 2, 7], FIREFOX), EMAIL, PASSWORD).await.unwrap().session;
        let actor = management.session(&own, at([192, 0, 2, 7], FIREFOX)).await.unwrap();
        let found = sessions(management, &actor).await;
        assert_eq!(found.len(), 2);
        let one = found.iter().find(|session| session.current).unwrap();
        assert_eq!((one.device.as_str(), one.last_seen_from.as_deref()), ("Firefox on Linux", Some("192.0.2.0/24")));
        let other = found.iter().find(|session| !session.current).unwrap();
        assert_eq!((other.device.as_str(), other.last_seen_from.as_deref()), ("unknown device", None));

        // Its use is written once a minute, however many requests there are.
        let before = versions(&setting).await;
        let elsewhere = Context::new().address([0x2001, 0xdb8, 1, 2, 3, 4, 5, 6]);
        for _ in 0..20 {
            management.session(&own, elsewhere.clone()).await.unwrap();
        }
        assert_eq!(versions(&setting).await, before);
        setting.clock.advance(Duration::from_secs(61));
        for _ in 0..20 {
            management.session(&own, elsewhere.clone()).await.unwrap();
        }
        let after = versions(&setting).await;
        assert_eq!(after.iter().sum::<u64>(), before.iter().sum::<u64>() + 1);
        let used = sessions(management, &actor).await.into_iter().find(|session| session.current).unwrap();
        assert_eq!(used.last_seen_from.as_deref(), Some("2001:db8:1::/48"));
        assert!(used.last_seen_at > used.created_at);
    }
}

#[tokio::test]
async fn a_program_is_listed_until_it_is_signed_out() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, _) = setting.customer(EMAIL).await;
    let tokens = management.issue_tokens(&at([192, 0, 2, 7], "keyward/0.1.0"), EMAIL, PASSWORD).await.unwrap();
    setting.clock.advance(Duration::from_secs(600));
    let tokens = management.refresh_tokens(&at([198, 51, 100, 7], "keyward/0.1.0"), &tokens.refresh).await.unwrap();
    let programs = management.own_programs(&grace).await.unwrap();
    let [program] = programs.as_slice() else { panic!("{programs:?}") };
    assert_eq!((program.device.as_str(), program.last_seen_from.as_deref()), ("keyward", Some("198.51.100.0/24")));
    assert!(program.last_seen_at > program.created_at && !program.current);
    management.end_own_session(&grace, &program.id).await.unwrap();
    assert_eq!(management.own_programs(&grace).await.unwrap(), []);
    assert_eq!(code(management.refresh_tokens(&Context::new(), &tokens.refresh).await), "SIGNED_OUT");
}

struct Nodes {
    one: Management,
    two: Management,
    clock: Arc<ManualClock>,
}

impl Nodes {
    async fn start() -> Self {
        let (clock, store) = (clock(), SqliteStore::temporary().unwrap());
        let node = || {
            let records = SqliteManagementStore::open(&store).unwrap();
            quick(Management::builder(store.clone(), records), &clock)
        };
        Self { one: node(), two: node(), clock }
    }

    async fn sign_up(&self, email: &str) {
        let new = keyward::manage::NewUser::new(email, "Customer", PASSWORD);
        self.one.sign_up(&Context::new(), new).await.unwrap();
    }

    async fn sign_in(&self, email: &str) -> (String, Actor) {
        let session = self.one.sign_in(&at([192, 0, 2, 7], FIREFOX), email, PASSWORD).await.unwrap().session;
        let actor = self.one.session(&session, Context::new()).await.unwrap();
        (session.to_string(), actor)
    }

    async fn is_open(&self, session: &str) -> bool {
        self.two.session(session, Context::new()).await.is_ok()
    }
}

#[tokio::test]
async fn a_session_that_is_signed_out_has_ended_on_every_node() {
    let nodes = Nodes::start().await;
    nodes.sign_up(EMAIL).await;
    nodes.sign_up("eve@example.com").await;
    let ((own, grace), (other, _), (last, _)) =
        (nodes.sign_in(EMAIL).await, nodes.sign_in(EMAIL).await, nodes.sign_in(EMAIL).await);
    let (_, eve) = nodes.sign_in("eve@example.com").await;
    let digest_of_none = "0123456789abcdef";
    let found = sessions(&nodes.one, &grace).await;
    for session in &found {
        assert!(!other.contains(&session.id) && !own.contains(&session.id), "the id is a part of the token");
        assert_eq!(code(nodes.one.end_own_session(&eve, &session.id).await), "NOT_FOUND");
    }
    for id in [digest_of_none, "", "x\0y", "é", &"a".repeat(10_000)] {
        assert_eq!(code(nodes.one.end_own_session(&grace, id).await), "NOT_FOUND", "{id:?}");
    }
    assert!(nodes.is_open(&other).await);
    // The lists name the newest first, and times are equal here: end one after another until it is the wanted one.
    let others: Vec<_> = found.iter().filter(|session| !session.current).collect();
    nodes.one.end_own_session(&grace, &others[0].id).await.unwrap();
    assert_ne!(nodes.is_open(&other).await, nodes.is_open(&last).await, "one of both has ended");
    assert!(nodes.is_open(&own).await);
    assert_eq!(code(nodes.one.end_own_session(&grace, &others[0].id).await), "NOT_FOUND");
    let query = AuditQuery::default();
    let system = Actor::system("test", Context::new());
    let log = nodes.one.audit_log(&system, &query).await.unwrap().items;
    let entry = log.iter().find(|entry| entry.action == "session.end").unwrap();
    assert_eq!(entry.actor.id, grace.user().unwrap().as_str());
    assert_eq!(entry.before.as_ref().unwrap()["device"], "Firefox on Linux");

    let tokens = nodes.one.issue_tokens(&Context::new(), EMAIL, PASSWORD).await.unwrap();
    nodes.clock.advance(Duration::from_secs(1));
    nodes.two.sign_out_others(&grace).await.unwrap();
    assert!(nodes.is_open(&own).await);
    assert!(!nodes.is_open(&other).await && !nodes.is_open(&last).await);
    assert_eq!(code(nodes.two.refresh_tokens(&Context::new(), &tokens.refresh).await), "SIGNED_OUT");
    assert_eq!(sessions(&nodes.one, &grace).await.len(), 1);
    assert!(nodes.one.own_user(&eve).await.is_ok(), "another user is signed out");
    let log = nodes.one.audit_log(&system, &query).await.unwrap().items;
    assert!(log.iter().any(|entry| entry.action == "session.end_others"));
}

#[tokio::test]
async fn a_record_of_an_earlier_version_is_an_unknown_device() {
    let setting = on_sqlite();
    let management = &setting.management;
    setting.customer(EMAIL).await;
    let own = management.sign_in(&at([192, 0, 2, 7], FIREFOX), EMAIL, PASSWORD).await.unwrap().session;
    management.issue_tokens(&at([192, 0, 2, 7], FIREFOX), EMAIL, PASSWORD).await.unwrap();
    for kind in [Kind::Session, Kind::Family] {
        for mut record in setting.records.list(&List::of(kind, 100)).await.unwrap() {
            let mut body: serde_json::Value = serde_json::from_str(&record.body).unwrap();
            for field in ["last_seen_from", "address", "user_agent"]
                .into_iter()
                .chain((kind == Kind::Family).then_some("last_seen_at"))
            {
                body.as_object_mut().unwrap().remove(field);
            }
            record.body = body.to_string();
            assert_eq!(setting.records.write(&[Write::Replace(record)]).await.unwrap(), Written::Done);
        }
    }
    let actor = management.session(&own, Context::new()).await.unwrap();
    let mut found = sessions(management, &actor).await;
    found.extend(management.own_programs(&actor).await.unwrap());
    assert_eq!(found.len(), 3);
    for session in found {
        assert_eq!((session.device.as_str(), session.last_seen_from), ("unknown device", None));
    }
}
