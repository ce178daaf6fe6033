//! Attacks on the second factor by someone who knows the password, or holds another session.

use std::sync::Arc;
use std::time::Duration;

use keyward::adapter::Admission;
use keyward::clock::ManualClock;
use keyward::manage::{Actor, Context, Management, NewUser, SqliteManagementStore};
use keyward::sqlite::SqliteStore;
use totp_rs::{Builder, Secret, Totp};

use crate::second_factor::{Person, code};
use crate::setting::{PASSWORD, clock, on_sqlite, quick, verdict};

const EMAIL: &str = "grace@example.com";
const STEP: Duration = Duration::from_secs(30);

/// Two nodes on one store, each with its own clock.
struct Nodes {
    nodes: [Management; 2],
    clocks: [Arc<ManualClock>; 2],
    person: Person,
}

impl Nodes {
    async fn start() -> Self {
        let (store, clocks) = (SqliteStore::temporary().unwrap(), [clock(), clock()]);
        let node = |clock| {
            let records = SqliteManagementStore::open(&store).unwrap();
            quick(Management::builder(store.clone(), records), clock)
        };
        let nodes = [node(&clocks[0]), node(&clocks[1])];
        nodes[0].sign_up(&Context::new(), NewUser::new(EMAIL, "Grace", PASSWORD)).await.unwrap();
        let session = nodes[0].sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
        let actor = nodes[0].session(&session, Context::new()).await.unwrap();
        let person = Person::set_up(&nodes[0], &clocks[0], &actor).await;
        let nodes = Self { nodes, clocks, person };
        nodes.advance(STEP);
        nodes
    }

    fn advance(&self, time: Duration) {
        for clock in &self.clocks {
            clock.advance(time);
        }
    }

    /// From a different address each time.
    async fn sign_in(&self, node: usize, last: u8, with: &str) -> &'static str {
        let context = Context::new().address([192, 0, 2, last]);
        code(self.nodes[node].sign_in_with_code(&context, EMAIL, PASSWORD, Some(with)).await)
    }

    async fn race(&self, with: &str) -> usize {
        let tries = (0..8).map(|n| {
            let (management, with) = (self.nodes[n % 2].clone(), with.to_owned());
            tokio::spawn(async move {
                code(management.sign_in_with_code(&Context::new(), EMAIL, PASSWORD, Some(&with)).await)
            })
        });
        let mut signed_in = 0;
        for attempt in tries.collect::<Vec<_>>() {
            signed_in += usize::from(attempt.await.unwrap() == "ok");
        }
        signed_in
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_counts_once_on_all_nodes_together() {
    let nodes = Nodes::start().await;
    assert_eq!(nodes.race(&nodes.person.code(&nodes.clocks[0])).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_counts_once_on_all_nodes_together() {
    let nodes = Nodes::start().await;
    // A form that is sent several times blocks nobody.
    assert_eq!(nodes.race(&nodes.person.recovery[0]).await, 1);
    assert_eq!(nodes.sign_in(1, 1, &nodes.person.recovery[1]).await, "ok");
    assert_eq!(nodes.sign_in(1, 1, &nodes.person.recovery[0]).await, "INVALID_CODE");
}

#[tokio::test]
async fn a_code_is_not_replayed_on_a_node_whose_clock_is_behind() {
    let nodes = Nodes::start().await;
    nodes.clocks[0].advance(STEP);
    let seen = nodes.person.code(&nodes.clocks[0]);
    assert_eq!(nodes.sign_in(0, 1, &seen).await, "ok");
    // The other node is a step behind, and allows one step of skew.
    assert_eq!(nodes.sign_in(1, 1, &seen).await, "INVALID_CODE");
    nodes.clocks[1].advance(STEP);
    assert_eq!(nodes.sign_in(1, 1, &seen).await, "INVALID_CODE");
    nodes.advance(STEP);
    assert_eq!(nodes.sign_in(1, 1, &nodes.person.code(&nodes.clocks[1])).await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_counted_together_however_they_are_spread() {
    let nodes = Arc::new(Nodes::start().await);
    let wrong = nodes.person.wrong_code(&nodes.clocks[0]);
    let guesses = (0..40_u8).map(|n| {
        let nodes = Arc::clone(&nodes);
        let with = if n % 3 == 0 { format!("{:020}", 7_000 + u32::from(n)) } else { wrong.clone() };
        tokio::spawn(async move { nodes.sign_in(usize::from(n % 2), n, &with).await })
    });
    let mut heard = 0;
    for guess in guesses.collect::<Vec<_>>() {
        heard += usize::from(guess.await.unwrap() == "INVALID_CODE");
    }
    assert_eq!(heard, 5, "more guesses than before the block got a verdict");
    for node in 0..2 {
        assert_eq!(nodes.sign_in(node, 250, &nodes.person.recovery[0]).await, "RATE_LIMIT_EXCEEDED");
    }
}

fn totp_of(secret: &str) -> Totp {
    Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap()
}

#[tokio::test]
async fn a_set_up_needs_the_password() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (thief, _) = setting.customer(EMAIL).await;
    for password in ["", "a guess", &PASSWORD[1..]] {
        assert_eq!(code(management.begin_second_factor(&thief, password).await), "INVALID_CREDENTIALS");
    }
    assert!(management.second_factor_set_up(&thief, "Example").await.unwrap().is_none());
    management.begin_second_factor(&thief, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn wrong_codes_in_a_stolen_session_do_not_block_the_sign_in() {
    let setting = on_sqlite();
    let (management, clock) = (&setting.management, &setting.clock);
    let (thief, _) = setting.customer(EMAIL).await;
    let person = Person::set_up(management, clock, &thief).await;
    clock.advance(STEP);
    let mut refused: Vec<&str> = Vec::new();
    for _ in 0..6 {
        refused.push(code(management.remove_own_second_factor(&thief, &person.wrong_code(clock)).await));
    }
    assert_eq!(refused.last().copied(), Some("RATE_LIMIT_EXCEEDED"), "{refused:?}");
    let signed_in = management.sign_in_with_code(&Context::new(), EMAIL, PASSWORD, Some(&person.code(clock))).await;
    let own = management.session(&signed_in.unwrap().session, Context::new()).await.unwrap();
    // The block of signed-in users ends on its own.
    clock.advance(Duration::from_secs(90));
    management.remove_own_second_factor(&own, &person.code(clock)).await.unwrap();
}

#[tokio::test]
async fn a_set_up_belongs_to_the_session_that_began_it() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, _) = setting.customer(EMAIL).await;
    let thief = setting.signed_in(EMAIL).await;
    let shown = async |actor: &Actor| {
        management.second_factor_set_up(actor, "Example").await.unwrap().map(|shown| shown.secret.to_string())
    };
    let now = || {
        use keyward::clock::Clock as _;
        u64::try_from(setting.clock.now().as_millis()).unwrap() / 1_000
    };
    management.begin_second_factor(&grace, PASSWORD).await.unwrap();
    let own = shown(&grace).await.unwrap();
    assert_eq!(shown(&thief).await, None, "another session sees the secret");
    let right = totp_of(&own).generate(now()).to_string();
    assert_eq!(code(management.confirm_second_factor(&thief, &right).await), "LINK_ENDED");

    // The other session may begin an own one. The user does not confirm that one by mistake.
    management.begin_second_factor(&thief, PASSWORD).await.unwrap();
    assert_eq!(shown(&grace).await, None, "the user scans the thief's secret");
    assert_eq!(code(management.confirm_second_factor(&grace, &right).await), "LINK_ENDED");
    management.begin_second_factor(&grace, PASSWORD).await.unwrap();
    let again = shown(&grace).await.unwrap();
    assert_ne!(own, again);
    let right = totp_of(&again).generate(now()).to_string();
    assert_eq!(management.confirm_second_factor(&grace, &right).await.unwrap().len(), 10);
}

#[tokio::test]
async fn tokens_and_resets_are_no_way_around_a_required_factor() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (grace, account) = setting.customer(EMAIL).await;
    let member = "linus@example.com";
    let linus = setting.member(&grace, &account, member, keyward::manage::Role::Admin).await;
    let before = management.issue_tokens(&Context::new(), member, PASSWORD).await.unwrap();
    Person::set_up(management, &setting.clock, &grace).await;
    management.require_second_factor(&grace, &account, true).await.unwrap();
    let refreshed = management.refresh_tokens(&Context::new(), &before.refresh).await.unwrap();
    let link = management.create_password_reset(&setting.system(), linus.user().unwrap()).await.unwrap();
    let password = "a new long password";
    management.reset_password(&Context::new(), &link.secret, password).await.unwrap();
    let after = management.issue_tokens(&Context::new(), member, password).await.unwrap();
    let authenticator = management.authenticator().unwrap();
    assert!(verdict(&authenticator, &refreshed.access.expose_once()).await.is_err(), "the reset left tokens open");
    let Admission::Identity(identity) = verdict(&authenticator, &after.access.expose_once()).await.unwrap() else {
        panic!("the token is not accepted");
    };
    assert!(identity.scopes().is_empty(), "{identity:?}");
    let actor = Actor::of_identity(&identity, Context::new());
    let session = management.sign_in(&Context::new(), member, password).await.unwrap().session;
    let browser = management.session(&session, Context::new()).await.unwrap();
    for actor in [&actor, &browser] {
        assert_eq!(code(management.account(actor, &account).await), "SECOND_FACTOR_MISSING");
        let removed = management.remove_second_factor(actor, grace.user().unwrap()).await;
        assert_eq!(code(removed), "SECOND_FACTOR_MISSING");
        let freed = management.require_second_factor(actor, &account, false).await;
        assert_eq!(code(freed), "SECOND_FACTOR_MISSING");
    }
}
