use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use keyward::limits::{BudgetRule, LimitRules, LimitStore, RateRule, Refill, Subject, credits_left};
use keyward::{AccountRecord, CredentialId, Keys, NewKey};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use super::deployment::Deployment;
use super::history::{History, Limit, Micros, Seen, Verdict};
use super::{NODES, STRICT_QUOTA};

const PATIENCE: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(15);
/// Requests with a key stop after this many answers to requests sent after its revocation.
const ENOUGH: u32 = 3;

#[derive(Clone)]
pub struct World {
    pub deployment: Arc<Deployment>,
    pub keys: Keys,
    pub history: Arc<History>,
    client: Client<HttpConnector, Empty<Bytes>>,
    next: Arc<AtomicU32>,
    issued: Arc<std::sync::Mutex<Vec<(u32, CredentialId)>>>,
    stopping: Arc<AtomicBool>,
}

impl World {
    pub fn new(deployment: Arc<Deployment>, keys: Keys) -> Self {
        Self {
            deployment,
            keys,
            history: Arc::new(History::new()),
            client: Client::builder(TokioExecutor::new()).build_http(),
            next: Arc::default(),
            issued: Arc::default(),
            stopping: Arc::default(),
        }
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    async fn ask(&self, key: u32, field: &str, node: usize) -> Verdict {
        let begun = self.history.now();
        let verdict = self.send(field, node, StatusCode::UNAUTHORIZED).await.unwrap_or(Verdict::Failed);
        self.history.add(begun, Seen::Asked { key, node, verdict });
        verdict
    }

    /// `None` if the node accepted no connection, so it has not seen the request.
    async fn send(&self, field: &str, node: usize, refusal: StatusCode) -> Option<Verdict> {
        let uri = format!("http://{}/", self.deployment.address(node));
        let request = Request::get(uri).header("authorization", field).body(Empty::new()).unwrap();
        match tokio::time::timeout(PATIENCE, self.client.request(request)).await {
            Ok(Ok(answer)) => match answer.status() {
                StatusCode::OK => Some(Verdict::Accepted),
                StatusCode::SERVICE_UNAVAILABLE => Some(Verdict::Unavailable),
                status if status == refusal => Some(Verdict::Refused),
                other => panic!("a node answered {other}"),
            },
            Ok(Err(error)) if error.is_connect() => None,
            Ok(Err(_)) | Err(_) => Some(Verdict::Failed),
        }
    }

    /// `revoked` is the time, or 0 before.
    async fn keep_asking(self, key: u32, field: Arc<str>, node: usize, revoked: Arc<AtomicU64>) {
        let mut answers = 0;
        while answers < ENOUGH {
            let end = revoked.load(Ordering::SeqCst);
            // Give up on a node that may be dead.
            if end > 0 && self.history.now() > end + PATIENCE.as_micros() as Micros {
                break;
            }
            let verdict = self.ask(key, &field, node).await;
            if end > 0 && verdict != Verdict::Failed {
                answers += 1;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn issue(&self) -> Option<(u32, CredentialId, Arc<str>)> {
        self.issue_in("acct_1").await
    }

    async fn issue_in(&self, account: &str) -> Option<(u32, CredentialId, Arc<str>)> {
        let key = self.next.fetch_add(1, Ordering::SeqCst);
        while !self.is_stopping() {
            let begun = self.history.now();
            let new = NewKey::secret(account.parse().unwrap(), format!("key {key}"));
            if let Ok(Ok(issued)) = tokio::time::timeout(PATIENCE, self.keys.issue(new)).await {
                self.history.add(begun, Seen::Issued { key });
                self.issued.lock().unwrap().push((key, issued.record.id.clone()));
                return Some((key, issued.record.id, format!("Bearer {}", *issued.key.expose_once()).into()));
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    /// About a third of the first attempts time out too early.
    async fn revoke(&self, key: u32, id: &CredentialId, random: &mut StdRng) -> bool {
        let mut patience = match random.random_range(0..3) {
            0 => Duration::from_micros(random.random_range(0..20_000)),
            _ => PATIENCE,
        };
        // Complete a revocation that has begun, even when the run is stopping.
        for _ in 0..200 {
            let begun = self.history.now();
            match tokio::time::timeout(patience, self.keys.revoke(id)).await {
                Ok(Ok(changed)) => {
                    let (confirmed, waited_out) =
                        (changed.propagation.confirmed.len(), changed.propagation.waited_out.len());
                    self.history.add(begun, Seen::Revoked { key, confirmed, waited_out });
                    return true;
                }
                failed => self.history.add(begun, Seen::Undecided { key, cancelled: failed.is_err() }),
            }
            patience = PATIENCE;
            tokio::time::sleep(PAUSE).await;
        }
        false
    }

    pub async fn come_and_go(self, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        while !self.is_stopping() {
            let Some((key, id, field)) = self.issue().await else { return };
            let revoked = Arc::new(AtomicU64::new(0));
            let mut clients = JoinSet::new();
            for node in 0..NODES {
                clients.spawn(self.clone().keep_asking(key, Arc::clone(&field), node, Arc::clone(&revoked)));
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(20..200))).await;
            let done = self.revoke(key, &id, &mut random).await;
            assert!(done, "key {key} cannot be revoked");
            revoked.store(self.history.now(), Ordering::SeqCst);
            while let Some(ended) = clients.join_next().await {
                ended.unwrap();
            }
        }
    }

    pub async fn stay(self) {
        let Some((key, _, field)) = self.issue().await else { return };
        let mut clients = JoinSet::new();
        for node in 0..NODES {
            let (world, field) = (self.clone(), Arc::clone(&field));
            clients.spawn(async move {
                while !world.is_stopping() {
                    world.ask(key, &field, node).await;
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
    }

    /// Asks every node with a key that has this limit.
    pub async fn spend(self, limit: Limit) {
        let Some((key, _, field)) = self.issue_in(account_of(limit)).await else { return };
        let mut clients = JoinSet::new();
        for node in 0..NODES {
            let (world, field) = (self.clone(), Arc::clone(&field));
            clients.spawn(async move {
                while !world.is_stopping() {
                    let begun = world.history.now();
                    if let Some(verdict) = world.send(&field, node, StatusCode::TOO_MANY_REQUESTS).await {
                        world.history.add(begun, Seen::Limited { key, limit, node, verdict });
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
    }

    /// Waits until nodes have returned the credits that they did not spend.
    pub async fn count_credits(&self, store: &dyn LimitStore, total: u64) {
        let holder = Subject::Account(account_of(Limit::Budget).parse().unwrap());
        // The connection may still notice the last crash.
        let left = async || loop {
            match credits_left(store, &holder, &budget(total)).await {
                Ok(left) => return left.remaining,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        let (mut remaining, mut unchanged) = (left().await, 0);
        // Idle credits return after 2 to 3 seconds.
        while unchanged < 8 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = left().await;
            unchanged = if now == remaining { unchanged + 1 } else { 0 };
            remaining = now;
        }
        self.history.add(self.history.now(), Seen::Credits { total, remaining });
    }

    pub async fn take_stock(&self) {
        let issued = self.issued.lock().unwrap().clone();
        for (key, id) in issued {
            let record = self.keys.get(&id).await.unwrap();
            let is_revoked = record.as_ref().is_some_and(|record| record.revoked_at.is_some());
            self.history.add(self.history.now(), Seen::InTheEnd { key, is_there: record.is_some(), is_revoked });
        }
    }
}

fn account_of(limit: Limit) -> &'static str {
    match limit {
        Limit::Budget => "acct_budget",
        Limit::StrictRate => "acct_rate",
    }
}

fn budget(credits: u64) -> BudgetRule {
    BudgetRule::new(credits, Refill::Never)
}

/// Creates the accounts with limits.
pub async fn limit_accounts(keys: &Keys, store: &dyn LimitStore, credits: u64) {
    let rate = RateRule::new("default", STRICT_QUOTA, 1).strict();
    for (limit, rules) in
        [(Limit::Budget, LimitRules::new().budget(budget(credits))), (Limit::StrictRate, LimitRules::new().rate(rate))]
    {
        let account = AccountRecord::new(account_of(limit).parse().unwrap(), "Example Ltd");
        keys.put_account(&account).await.unwrap();
        store.put_rules(&Subject::Account(account.id), &rules.unwrap(), None).await.unwrap();
    }
}
