//! Events: the hook, and webhooks to a real receiver.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use keyward::clock::{Clock as _, ManualClock};
use keyward::manage::{
    AccountUpdate, Actor, AuditQuery, Context, Delivery, DeliveryState, EventKind, KeyChange, KeyDraft, Management,
    ManagementBuilder, NewUser, PageRequest, Plan, PostgresManagementStore, Purpose, SqliteManagementStore,
};
use keyward::network::ipnet::IpNet;
use keyward::rejection::RateLimit;
use keyward::sqlite::SqliteStore;
use keyward::{AccountId, Identity, NewKey, Rejection};
use keyward_needs::missing;
use keyward_tests::program::{SOON, skip_part};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use crate::setting::{PASSWORD, clock, quick};

const DAY: Duration = Duration::from_secs(24 * 3_600);
pub(crate) const HANG: u16 = 0;

pub(crate) type Received = Vec<(HeaderMap, String)>;

#[derive(Clone)]
pub(crate) struct Receiver {
    received: Arc<Mutex<Received>>,
    status: Arc<AtomicU16>,
    location: String,
    address: SocketAddr,
}

impl Receiver {
    pub(crate) async fn start(status: u16) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), status, "/")
    }

    pub(crate) fn on(listener: TcpListener, status: u16, location: &str) -> Self {
        let receiver = Self {
            received: Arc::default(),
            status: Arc::new(AtomicU16::new(status)),
            location: location.to_owned(),
            address: listener.local_addr().unwrap(),
        };
        let app = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub(crate) fn received(&self) -> Received {
        self.received.lock().unwrap().clone()
    }

    fn kinds(&self) -> Vec<String> {
        let of = |body: &str| serde_json::from_str::<Value>(body).unwrap()["type"].as_str().unwrap().to_owned();
        self.received().iter().map(|(_, body)| of(body)).collect()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> Response {
    receiver.received.lock().unwrap().push((headers, body));
    match receiver.status.load(Ordering::Relaxed) {
        HANG => std::future::pending().await,
        status => {
            let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'a'; 65_536]));
            let answer = Response::builder().status(status).header("location", &receiver.location);
            answer.body(Body::from_stream(endless)).unwrap()
        }
    }
}

fn loopback() -> [IpNet; 1] {
    ["127.0.0.0/8".parse().unwrap()]
}

pub(crate) struct Nodes {
    nodes: [Management; 2],
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) fn system() -> Actor {
    Actor::system("test", Context::new())
}

impl Nodes {
    async fn of(nodes: [Management; 2], clock: Arc<ManualClock>) -> Self {
        let new = NewUser::new("operator@example.com", "Operator", PASSWORD);
        nodes[0].create_owner(&system(), new).await.unwrap();
        Self { nodes, clock }
    }

    async fn on_sqlite(build: impl Fn(ManagementBuilder) -> ManagementBuilder) -> Self {
        let (clock, store) = (clock(), SqliteStore::temporary().unwrap());
        let node = || {
            let records = SqliteManagementStore::open(&store).unwrap();
            quick(build(Management::builder(store.clone(), records)), &clock)
        };
        Self::of([node(), node()], clock.clone()).await
    }

    async fn on_postgres(build: impl Fn(ManagementBuilder) -> ManagementBuilder) -> Self {
        let (clock, database) = (clock(), keyward_tests::postgres::database());
        let node = async || {
            let store = keyward_tests::postgres::store(&database).await;
            let records = PostgresManagementStore::open(&store).await.unwrap();
            quick(build(Management::builder(store, records)), &clock)
        };
        Self::of([node().await, node().await], clock.clone()).await
    }

    async fn everywhere(build: impl Fn(ManagementBuilder) -> ManagementBuilder) -> Vec<Self> {
        let mut all = vec![Self::on_sqlite(&build).await];
        match missing!(postgresql) {
            None => all.push(Self::on_postgres(&build).await),
            Some(reason) => skip_part(reason),
        }
        all
    }

    pub(crate) async fn calling_loopback() -> Self {
        Self::on_sqlite(|builder| builder.webhook_networks(loopback())).await
    }

    pub(crate) fn management(&self) -> &Management {
        &self.nodes[0]
    }

    pub(crate) async fn webhook(&self, url: &str) -> (String, String) {
        let management = self.management();
        let issued = management.create_webhook(&system(), management.operator(), url, "", &[]).await.unwrap();
        (issued.webhook.id, issued.secret.to_string())
    }

    pub(crate) async fn key(&self, name: &str) -> String {
        let draft = KeyDraft::secret(self.management().operator().clone(), name);
        self.management().create_key(&system(), draft).await.unwrap().key.expose_once().to_string()
    }

    pub(crate) async fn deliver(&self) {
        let (one, two) = tokio::join!(self.nodes[0].deliver_events(), self.nodes[1].deliver_events());
        one.and(two).unwrap();
    }

    pub(crate) async fn deliveries(&self, webhook: &str) -> Vec<Delivery> {
        let management = self.management();
        let page = Default::default();
        management.deliveries(&system(), management.operator(), webhook, &page).await.unwrap().items
    }
}

/// The library's `verify` needs the system's time, and these tests have their own clock.
pub(crate) fn signed(secret: &str, (headers, body): &(HeaderMap, String)) -> bool {
    let text = |name: &str| headers[name].to_str().unwrap();
    let at = text("webhook-timestamp").parse().unwrap();
    let expected = Webhook::new(secret).unwrap().sign(text("webhook-id"), at, body.as_bytes()).unwrap();
    text("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test]
async fn hook_gets_each_event_in_order_on_one_node() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noting = Arc::clone(&seen);
    let nodes = Nodes::everywhere(|builder| {
        let noting = Arc::clone(&noting);
        builder.on_event(move |event| {
            noting.lock().unwrap().push(format!("{} {}", event.id, event.kind));
            assert!(event.kind != EventKind::KeyDisabled, "a hook that panics ends only its own call");
        })
    });
    for nodes in nodes.await {
        seen.lock().unwrap().clear();
        nodes.deliver().await;
        nodes.key("first").await;
        let draft = KeyDraft::secret(nodes.management().operator().clone(), "second");
        let second = nodes.management().create_key(&system(), draft).await.unwrap().view.id;
        nodes.management().set_key_disabled(&system(), &second, true).await.unwrap();
        nodes.management().revoke_key(&system(), &second).await.unwrap();
        for _ in 0..3 {
            nodes.deliver().await;
        }
        let seen = seen.lock().unwrap().clone();
        let kinds: Vec<_> = seen.iter().map(|event| event.split(' ').nth(1).unwrap()).collect();
        assert_eq!(kinds, ["key.created", "key.created", "key.disabled", "key.revoked"], "{seen:?}");
    }
}

#[tokio::test]
async fn two_nodes_deliver_each_event_once_and_signed() {
    for nodes in Nodes::everywhere(|builder| builder.webhook_networks(loopback())).await {
        let receiver = Receiver::start(204).await;
        let (webhook, secret) = nodes.webhook(&receiver.url()).await;
        let keys = [nodes.key("first").await, nodes.key("second").await, nodes.key("third").await];
        for _ in 0..3 {
            nodes.deliver().await;
        }
        let received = receiver.received();
        assert_eq!(receiver.kinds(), ["key.created"; 3]);
        for message in &received {
            assert!(signed(&secret, message), "{message:?}");
            assert!(!keys.iter().any(|key| message.1.contains(key)), "a body has a key");
            assert_eq!(message.0["content-type"], "application/json");
        }
        let ids: std::collections::BTreeSet<_> = received.iter().map(|(headers, _)| &headers["webhook-id"]).collect();
        assert_eq!(ids.len(), 3);
        let mut forged = received[0].clone();
        // Any of the three may arrive first.
        forged.1 = forged.1.replace("key.created", "key.revoked");
        assert_ne!(forged.1, received[0].1);
        assert!(!signed(&secret, &forged));
        let body: Value = serde_json::from_str(&received[0].1).unwrap();
        assert_eq!((&body["data"]["target"]["type"], &body["data"]["outcome"]), (&"key".into(), &"done".into()));
        let deliveries = nodes.deliveries(&webhook).await;
        assert!(deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered), "{deliveries:?}");
        assert!(deliveries.iter().all(|delivery| delivery.attempts.len() == 1), "{deliveries:?}");
    }
}

#[tokio::test]
async fn accounts_get_their_own_events_and_the_operator_all() {
    let nodes = Nodes::calling_loopback().await;
    let management = nodes.management();
    let operators = Receiver::start(200).await;
    management.sign_up(&Context::new(), NewUser::new("ada@example.com", "Ada", PASSWORD)).await.unwrap();
    let session = management.sign_in(&Context::new(), "ada@example.com", PASSWORD).await.unwrap().session;
    let ada = management.session(&session, Context::new()).await.unwrap();
    let account = management.own_accounts(&ada).await.unwrap().remove(0).0.value.id;
    let revoked = [EventKind::KeyRevoked];
    let url = "https://localhost:1/hooks";
    let own = management.create_webhook(&ada, &account, url, "", &revoked).await.unwrap().webhook.id;
    nodes.webhook(&operators.url()).await;
    nodes.key("of the operator").await;
    let issued = management.create_key(&ada, KeyDraft::secret(account.clone(), "of ada")).await.unwrap();
    management.revoke_key(&ada, &issued.view.id).await.unwrap();
    nodes.deliver().await;
    let seen = management.deliveries(&ada, &account, &own, &Default::default()).await.unwrap().items;
    assert_eq!(seen.iter().map(|delivery| delivery.kind).collect::<Vec<_>>(), revoked);
    let mut all = operators.kinds();
    all.sort();
    assert_eq!(all, ["key.created", "key.created", "key.revoked"]);
}

#[tokio::test]
async fn failing_receiver_is_retried_for_days_then_disabled() {
    let nodes = Nodes::calling_loopback().await;
    let receiver = Receiver::start(500).await;
    let (webhook, secret) = nodes.webhook(&receiver.url()).await;
    nodes.key("first").await;
    for hour in 0..24 * 4 {
        nodes.deliver().await;
        nodes.clock.advance(Duration::from_secs(if hour == 0 { 6 } else { 3_600 }));
    }
    let failed = nodes.deliveries(&webhook).await.remove(0);
    assert_eq!((failed.state, failed.attempts.len(), receiver.received().len()), (DeliveryState::Failed, 10, 10));
    assert!(failed.attempts.iter().all(|attempt| attempt.status == Some(500)));
    let pauses: Vec<i64> =
        failed.attempts.windows(2).map(|pair| pair[1].at.as_millis() - pair[0].at.as_millis()).collect();
    assert!(pauses[0] < 3_600_000 && pauses[8] >= 24 * 3_600_000, "{pauses:?}");
    let ids: std::collections::BTreeSet<_> =
        receiver.received().iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
    assert_eq!(ids.len(), 1, "attempts of one delivery have different ids");

    nodes.clock.advance(DAY * 2);
    nodes.key("second").await;
    nodes.deliver().await;
    let management = nodes.management();
    let disabled = management.webhook(&system(), management.operator(), &webhook).await.unwrap();
    assert!(!disabled.enabled && disabled.disabled_reason.is_some(), "{disabled:?}");
    let last = management.audit_log(&system(), &Default::default()).await.unwrap().items.remove(0);
    assert_eq!((last.action.as_str(), last.target.id.as_str()), ("webhook.disable", webhook.as_str()));

    receiver.answer(200);
    let update = keyward::manage::WebhookUpdate { enabled: Some(true), ..Default::default() };
    management.update_webhook(&system(), management.operator(), &webhook, update, disabled.version).await.unwrap();
    let before = receiver.received().len();
    management.redeliver(&system(), management.operator(), &webhook, &failed.id).await.unwrap();
    nodes.deliver().await;
    let again = receiver.received();
    assert!(again.len() > before && again.iter().all(|message| signed(&secret, message)));
    let deliveries = nodes.deliveries(&webhook).await;
    let redelivered = deliveries.iter().find(|delivery| delivery.id == failed.id).unwrap();
    assert_eq!((redelivered.state, redelivered.attempts.len()), (DeliveryState::Delivered, 11));
}

#[tokio::test]
async fn redirects_are_not_followed_and_gone_disables() {
    let nodes = Nodes::calling_loopback().await;
    let elsewhere = Receiver::start(200).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redirecting = Receiver::on(listener, 307, &elsewhere.url());
    let gone = Receiver::start(410).await;
    let (moved, _) = nodes.webhook(&redirecting.url()).await;
    let (ended, _) = nodes.webhook(&gone.url()).await;
    nodes.key("first").await;
    nodes.deliver().await;
    nodes.key("second").await;
    nodes.deliver().await;
    assert!(elsewhere.received().is_empty(), "a redirect was followed");
    let moved = nodes.deliveries(&moved).await.pop().unwrap();
    assert_eq!((moved.state, moved.attempts[0].status), (DeliveryState::Pending, Some(307)));
    let management = nodes.management();
    assert!(!management.webhook(&system(), management.operator(), &ended).await.unwrap().enabled);
    assert_eq!(gone.kinds().iter().filter(|kind| *kind == "key.created").count(), 1);
}

#[tokio::test]
async fn receiver_that_hangs_delays_no_other() {
    let nodes = Nodes::calling_loopback().await;
    let (hanging, quick) = (Receiver::start(HANG).await, Receiver::start(200).await);
    let (webhook, _) = nodes.webhook(&hanging.url()).await;
    nodes.webhook(&quick.url()).await;
    let worker = tokio::spawn(nodes.management().run_events());
    // One event after the other, so that waits for attempts of 20 seconds add up.
    let all = async || {
        for number in 1..=8 {
            nodes.key(&format!("key {number}")).await;
            while quick.kinds().iter().filter(|kind| *kind == "key.created").count() < number {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(SOON, all()).await.expect("one receiver waits for another");
    let timed_out = async || {
        while nodes.deliveries(&webhook).await.iter().all(|delivery| delivery.attempts.is_empty()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), timed_out()).await.expect("an attempt has no end");
    let attempts: Vec<_> =
        nodes.deliveries(&webhook).await.into_iter().flat_map(|delivery| delivery.attempts).collect();
    assert_eq!(attempts[0].error.as_deref(), Some("no answer within 20 seconds"));
    worker.abort();
}

#[tokio::test]
async fn private_networks_are_not_called() {
    let nodes = Nodes::on_sqlite(|builder| builder).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // The name is public as text. Only the address that it resolves to is private.
    let (webhook, _) = nodes.webhook(&format!("https://localhost:{port}/hooks")).await;
    nodes.key("first").await;
    nodes.deliver().await;
    let attempt = nodes.deliveries(&webhook).await.remove(0).attempts.remove(0);
    let error = attempt.error.unwrap();
    assert!(error == "the name localhost has no public address", "{error}");
    let connected = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(connected.is_err(), "the server connected to a private address");
}

#[tokio::test]
async fn networks_that_are_allowed_are_for_the_operator_only() {
    let nodes = Nodes::calling_loopback().await;
    let management = nodes.management();
    let account = management.create_account(&system(), "Example Ltd").await.unwrap().value.id;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for (url, message) in [
        (format!("http://127.0.0.1:{port}/"), "is not encrypted"),
        (format!("http://localhost:{port}/"), "is not encrypted"),
        (format!("https://127.0.0.1:{port}/"), "127.0.0.1 is not a public address"),
    ] {
        let refused = management.create_webhook(&system(), &account, &url, "", &[]).await.unwrap_err().to_string();
        assert!(refused.contains(message), "{refused}");
        let own = management.create_webhook(&system(), management.operator(), &url, "", &[]).await.unwrap().webhook;
        management.remove_webhook(&system(), management.operator(), &own.id, own.version).await.unwrap();
    }
    let named = format!("https://localhost:{port}/");
    let webhook = management.create_webhook(&system(), &account, &named, "", &[]).await.unwrap().webhook;
    let moved = keyward::manage::WebhookUpdate { url: Some(format!("http://127.0.0.1:{port}/")), ..Default::default() };
    management.update_webhook(&system(), &account, &webhook.id, moved, webhook.version).await.unwrap_err();
    management.test_webhook(&system(), &account, &webhook.id).await.unwrap();
    nodes.deliver().await;
    let found = management.deliveries(&system(), &account, &webhook.id, &Default::default()).await.unwrap().items;
    assert_eq!(found[0].attempts[0].error.as_deref(), Some("the name localhost has no public address"));
    let connected = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(connected.is_err(), "a customer's webhook reaches a private network");
}

#[tokio::test]
async fn expiry_disuse_and_limits_are_announced_once() {
    for nodes in Nodes::everywhere(|builder| builder.webhook_networks(loopback())).await {
        let receiver = Receiver::start(200).await;
        nodes.webhook(&receiver.url()).await;
        let (management, operator) = (nodes.management(), nodes.management().operator().clone());
        let in_days = |days: u32| Some(nodes.clock.now().saturating_add(DAY * days));
        let new = |name: &str, days| NewKey { expires_at: in_days(days), ..NewKey::secret(operator.clone(), name) };
        for (name, days) in [("expires", 30), ("is short", 1)] {
            management.create_key(&system(), KeyDraft::of(Purpose::Api, new(name, days))).await.unwrap();
        }
        let replaced =
            management.create_key(&system(), KeyDraft::secret(operator.clone(), "is replaced")).await.unwrap();
        let limited = management.create_key(&system(), KeyDraft::secret(operator.clone(), "is limited")).await.unwrap();
        // A replaced key ends by itself.
        management.rotate_key(&system(), &replaced.view.id, DAY * 29).await.unwrap();
        let identity = Identity::api_key(limited.view.id, operator.clone());
        let turn = async || {
            for node in &nodes.nodes {
                let limit =
                    RateLimit { name: "requests".into(), quota: 1, window: DAY, remaining: 0, retry_after: DAY };
                let rejection = Rejection::RateLimitExceeded(Box::new(limit));
                node.usage_hook()(&keyward::Event::KeyRefused {
                    identity: &identity,
                    rejection: &rejection,
                    accepted: true,
                });
                node.maintain().await.unwrap();
            }
            nodes.deliver().await;
        };
        let count = |wanted: &str| receiver.kinds().iter().filter(|kind| *kind == wanted).count();
        turn().await;
        turn().await;
        assert_eq!((count("limit.reached"), count("key.expiring")), (1, 0), "{:?}", receiver.kinds());
        for (days, expected) in [(22, 0), (2, 1), (1, 1), (3, 1), (1, 2)] {
            nodes.clock.advance(DAY * days);
            turn().await;
            turn().await;
            assert_eq!(count("key.expiring"), expected, "{:?}", receiver.kinds());
        }
        assert_eq!(count("limit.reached"), 6);
    }
}

#[tokio::test]
async fn expiring_keys_of_one_account_do_not_hold_back_those_of_others() {
    for nodes in Nodes::everywhere(|builder| builder.webhook_networks(loopback())).await {
        nodes.webhook(&Receiver::start(200).await.url()).await;
        let management = nodes.management();
        management.put_plan(&system(), Plan::new("Many").with_key_limit(100), None).await.unwrap();
        let account = async |name: &str| {
            let account = management.create_account(&system(), name).await.unwrap();
            let plan = AccountUpdate { plan: Some(Some("Many".into())), ..AccountUpdate::default() };
            management.update_account(&system(), &account.id, &plan, account.version).await.unwrap().id.clone()
        };
        let (honest, crowded) = (account("Honest").await, account("Crowded").await);
        let end = nodes.clock.now().saturating_add(DAY * 30);
        let create = async |account: &AccountId| {
            let new = NewKey { expires_at: Some(end), ..NewKey::secret(account.clone(), "expires") };
            management.create_key(&system(), KeyDraft::of(Purpose::Api, new)).await.unwrap().view
        };
        // The newest keys are announced first.
        create(&honest).await;
        for _ in 0..60 {
            create(&crowded).await;
        }
        let moved = create(&crowded).await;
        nodes.clock.advance(DAY * 24);
        let announced = async |account: &AccountId| {
            nodes.clock.advance(DAY / 24);
            nodes.nodes[0].maintain().await.unwrap();
            let page = PageRequest { limit: 500, ..PageRequest::default() };
            let query = AuditQuery { account: Some(account.clone()), page, ..AuditQuery::default() };
            let found = management.audit_log(&system(), &query).await.unwrap().items;
            found.iter().filter(|entry| entry.action == "key.expiring").count()
        };
        assert_eq!((announced(&crowded).await, announced(&honest).await), (50, 1));
        assert_eq!(announced(&crowded).await, 61);
        // An end that moves within its day is no news.
        let later = KeyChange { expires_at: Some(Some(end.saturating_add(DAY / 8_640))), ..KeyChange::default() };
        management.update_key(&system(), &moved.id, later, moved.version).await.unwrap();
        assert_eq!(announced(&crowded).await, 61);
    }
}
