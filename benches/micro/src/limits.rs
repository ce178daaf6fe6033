//! The cost of limits as data on the embedded store, compared with the same service without them in the same rounds.

use axum::body::Body;
use http::{Request, Response};
use keyward::AuthLayer;
use keyward::limits::{BudgetRule, LimitRules, LimitStore, Limits, RateLimitLayer, RateRule, Refill, Subject};
use keyward::sqlite::{SqliteLimits, SqliteStore};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt};

use crate::fixture::{NoOp, keys, median, request, table, thread_time};

const REQUESTS: usize = 2_000;

/// The figures.
pub struct Limited {
    without: f64,
    unused: f64,
    budget_and_rate: f64,
}

impl Limited {
    /// Returns nanoseconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "without_ns": self.without,
            "no_rule_added_ns": self.unused - self.without,
            "budget_and_rate_added_ns": self.budget_and_rate - self.without,
        })
    }
}

/// Measures in `rounds` rounds.
pub fn measure(rounds: usize) -> Limited {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let known = keys(1_000);
    let auth = AuthLayer::new(table(&known));
    let texts: Vec<String> = known.into_iter().map(|(key, _)| key).collect();
    let start = async |rules: LimitRules| {
        let store = SqliteLimits::new(&SqliteStore::temporary().unwrap());
        store.put_rules(&Subject::Plan("Pro".into()), &rules, None).await.unwrap();
        Limits::start(store).await.unwrap()
    };
    let rules = LimitRules::new().budget(BudgetRule::new(1_000_000_000_000, Refill::Month)).unwrap();
    let rules = rules.rate(RateRule::new("default", 1_000_000_000, 86_400)).unwrap();
    let unused = runtime.block_on(start(LimitRules::new()));
    let used = runtime.block_on(start(rules));
    let mut without = auth.layer(NoOp);
    let mut unused = auth.layer(RateLimitLayer::from_rules(unused).layer(NoOp));
    let mut used = auth.layer(RateLimitLayer::from_rules(used).layer(NoOp));
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        let round = runtime.block_on(async {
            [time(&mut without, &texts).await, time(&mut unused, &texts).await, time(&mut used, &texts).await]
        });
        for (times, time) in times.iter_mut().zip(round) {
            times.push(time);
        }
    }
    let [without, unused, budget_and_rate] = times.map(median);
    Limited { without, unused, budget_and_rate }
}

async fn time<S>(service: &mut S, keys: &[String]) -> f64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>,
{
    let begun = thread_time();
    for key in keys.iter().cycle().take(REQUESTS) {
        let answer = service.ready().await.unwrap().call(request(key)).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    (thread_time() - begun).as_nanos() as f64 / REQUESTS as f64
}
