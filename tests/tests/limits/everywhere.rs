//! Limits as data give the same verdicts in every framework, at every gateway endpoint, and at `POST /v1/verify`.

use std::time::Duration;

use axum::body::Body;
use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request as Asked};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use http::Request;
use keyward::gateway::envoy::ext_authz_with_limits;
use keyward::gateway::{VERIFY_SCOPE, VerifyReach, forward_auth_with_limits, verify_with_limits};
use keyward::limits::{
    BudgetRule, LimitRules, LimitStore, Limits, MemoryLimits, RateRule, Refill, RequestLimit, Subject,
};
use keyward::render::CodedEnvelope;
use keyward::{AuthLayer, Authenticator, NewKey};
use keyward_tests::service::{Demo, call};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::middleware::{Answer, CHEAP, DEAR, FRAMEWORKS, Framework, all, answer, cost, path};

const DAY: u32 = 86_400;

#[derive(Clone, Copy, Debug)]
enum Place {
    Framework(Framework),
    ForwardAuth,
    Envoy,
    Verify,
}

fn places() -> impl Iterator<Item = Place> {
    FRAMEWORKS.into_iter().map(Place::Framework).chain([Place::ForwardAuth, Place::Envoy, Place::Verify])
}

/// The answer that every place must give.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    status: u16,
    code: String,
    /// The name of a limit, its quota, and what is left.
    limits: Vec<(String, u64, u64)>,
    /// Whether each limit says when it is refilled.
    resets: Vec<bool>,
    retry_after: bool,
}

struct Setting {
    demo: Demo,
    limits: Limits,
    authenticator: Authenticator,
    key: String,
    /// Asks `POST /v1/verify`.
    caller: String,
}

impl Setting {
    async fn new(rules: &[(Subject, LimitRules)]) -> Self {
        let demo = Demo::new().await;
        demo.keys.set_plan(&demo.account, Some("Pro")).await.unwrap();
        let store = MemoryLimits::new();
        for (subject, rules) in rules {
            store.put_rules(subject, rules, None).await.unwrap();
        }
        let limits = Limits::start(store).await.unwrap();
        let key = demo.issue(NewKey::secret(demo.account.clone(), "key")).await;
        let caller = demo.restricted_key(VERIFY_SCOPE.as_str()).await;
        let authenticator = Authenticator::builder(demo.store.clone()).renderer(CodedEnvelope::new()).build().unwrap();
        Self { demo, limits, authenticator, key, caller }
    }

    async fn ask(&self, place: Place, name: &str, key: Option<&str>) -> Verdict {
        self.ask_with(RequestLimit::from_rules(self.limits.clone()).cost(cost), place, name, key).await
    }

    async fn ask_with(&self, limit: RequestLimit, place: Place, name: &str, key: Option<&str>) -> Verdict {
        match place {
            Place::Framework(framework) => {
                of_fields(answer(framework, Some(self.authenticator.clone()), limit, (name, key)).await)
            }
            Place::ForwardAuth => {
                let router = forward_auth_with_limits(self.authenticator.clone(), limit);
                let request = Request::get("/forward-auth")
                    .header("x-forwarded-method", "GET")
                    .header("x-forwarded-uri", path(name));
                let request = key
                    .into_iter()
                    .fold(request, |request, key| request.header("authorization", format!("Bearer {key}")));
                let answer = call(&router, request.body(Body::empty()).unwrap()).await;
                of_fields(Answer::of_http(answer.status.as_u16(), |name| all(&answer.headers, name), &answer.body))
            }
            Place::Envoy => self.ask_envoys_service(limit, name, key).await,
            Place::Verify => self.verify(name, key).await,
        }
    }

    async fn ask_envoys_service(&self, limit: RequestLimit, name: &str, key: Option<&str>) -> Verdict {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(ext_authz_with_limits(self.authenticator.clone(), limit));
        let server = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        let field = key.map(|key| ("authorization".to_owned(), format!("Bearer {key}")));
        let http = HttpRequest {
            method: "GET".to_owned(),
            path: path(name),
            headers: field.into_iter().collect(),
            ..HttpRequest::default()
        };
        let asked = Asked { http: Some(http), ..Asked::default() };
        let question = AttributeContext { request: Some(asked), ..AttributeContext::default() };
        let mut client = AuthorizationClient::connect(url).await.unwrap();
        let answer = client.check(CheckRequest { attributes: Some(question) }).await.unwrap().into_inner();
        server.abort();
        let (status, fields, body) = match answer.http_response.unwrap() {
            HttpResponse::OkResponse(ok) => (200, ok.response_headers_to_add, String::new()),
            HttpResponse::DeniedResponse(denied) => (denied.status.unwrap().code, denied.headers, denied.body),
            HttpResponse::ErrorResponse(error) => panic!("an error without a verdict: {error:?}"),
        };
        let values = |name: &str| {
            let headers = fields.iter().filter_map(|field: &HeaderValueOption| field.header.as_ref());
            let values: Vec<_> = headers.filter(|header| header.key == name).map(|header| &*header.value).collect();
            values.join(", ")
        };
        of_fields(Answer::of_http(status.try_into().unwrap(), values, body.as_bytes()))
    }

    async fn verify(&self, name: &str, key: Option<&str>) -> Verdict {
        let reach = VerifyReach::Operator(self.demo.account.clone());
        let callers = AuthLayer::from(Authenticator::new(self.demo.store.clone()));
        let router = verify_with_limits(self.authenticator.clone(), callers, reach, self.limits.clone());
        let cost = cost(&http::Method::GET, &path(name).parse().unwrap());
        let question = json!({"key": key.unwrap_or_default(), "method": "GET", "path": path(name), "cost": cost});
        let request = Request::post("/v1/verify")
            .header("authorization", format!("Bearer {}", self.caller))
            .header("content-type", "application/json")
            .body(Body::from(question.to_string()))
            .unwrap();
        let answer = call(&router, request).await;
        of_verification(&serde_json::from_slice(&answer.body).unwrap())
    }
}

/// Reads `RateLimit-Policy` and `RateLimit`.
fn of_fields(answer: Answer) -> Verdict {
    let number = |item: &str, name: &str| {
        item.split(';').find_map(|part| part.strip_prefix(name)).map(|value| value.parse::<u64>().unwrap())
    };
    let items = |field: &str| field.split(", ").filter(|item| !item.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (policies, states) = (items(&answer.policy), items(&answer.state));
    assert_eq!(policies.len(), states.len(), "{answer:?}");
    let mut verdict = Verdict {
        status: answer.status,
        code: answer.code,
        limits: Vec::new(),
        resets: Vec::new(),
        retry_after: answer.retry_after.is_some(),
    };
    for (policy, state) in policies.iter().zip(&states) {
        let name = policy.split(';').next().unwrap();
        assert!(state.starts_with(name), "{policy} {state}");
        let name = name.trim_matches('"').to_owned();
        verdict.limits.push((name, number(policy, "q=").unwrap(), number(state, "r=").unwrap()));
        let reset = number(state, "t=");
        verdict.resets.push(reset.is_some());
        if let (Some(wait), true) = (answer.retry_after, policies.len() == 1) {
            assert_eq!(reset, Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)), "{policy} {state} {wait:?}");
        }
        assert!(answer.retry_after.is_none_or(|wait| wait <= Duration::from_secs(31 * 86_400)));
    }
    verdict
}

/// Reads an answer of `POST /v1/verify`.
fn of_verification(answer: &Value) -> Verdict {
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} in {answer}"));
    let is_valid = answer["valid"].as_bool().unwrap();
    let (limits, resets, retry_after) = if is_valid {
        let rates = answer["limits"]["rates"].as_array().unwrap().iter();
        let budget = Some(&answer["limits"]["budget"]).filter(|budget| !budget.is_null());
        let all: Vec<_> = rates
            .map(|rate| (&rate["name"], "quota", rate))
            .chain(budget.map(|it| (&Value::Null, "credits", it)))
            .collect();
        let limits = all.iter().map(|(name, quota, limit)| {
            (name.as_str().unwrap_or("credits").to_owned(), number(&limit[*quota]), number(&limit["remaining"]))
        });
        (limits.collect(), all.iter().map(|(.., limit)| limit["reset_seconds"].is_u64()).collect(), false)
    } else {
        let details = &answer["details"];
        match answer["code"].as_str().unwrap() {
            "RATE_LIMIT_EXCEEDED" => {
                let limit = (details["limit"].as_str().unwrap().to_owned(), number(&details["quota"]), 0);
                let waits = details["retry_after_seconds"].is_u64();
                (vec![limit], vec![waits], waits)
            }
            "BUDGET_EXHAUSTED" => {
                let limit = ("credits".to_owned(), number(&details["credits"]), number(&details["remaining"]));
                let waits = details["resets_in_seconds"].is_u64();
                (vec![limit], vec![waits], waits)
            }
            _ => (Vec::new(), Vec::new(), false),
        }
    };
    let (status, code) =
        if is_valid { (200, "") } else { (number(&answer["status"]), answer["code"].as_str().unwrap()) };
    Verdict { status: status.try_into().unwrap(), code: code.to_owned(), limits, resets, retry_after }
}

/// The name of a case, its rules, and its calls: the path, the status, the code, and the limits in the answer.
type Row = (&'static str, Vec<(Subject, LimitRules)>, Vec<Call>);
type Call = (&'static str, u16, &'static str, Vec<(&'static str, u64, u64)>);

const EXCEEDED: &str = "RATE_LIMIT_EXCEEDED";
const EXHAUSTED: &str = "BUDGET_EXHAUSTED";

fn rows() -> Vec<Row> {
    let plan = || Subject::Plan("Pro".into());
    let account = || Subject::Account("acct_1".parse().unwrap());
    let rate = |quota| LimitRules::new().rate(RateRule::new("default", quota, DAY)).unwrap();
    let strict = |quota| LimitRules::new().rate(RateRule::new("default", quota, DAY).strict()).unwrap();
    let budget = |credits, refill| LimitRules::new().budget(BudgetRule::new(credits, refill)).unwrap();
    let used_up = |quota: u64| {
        let mut calls: Vec<Call> =
            (0..quota).rev().map(|left| (CHEAP, 200, "", vec![("default", quota, left)])).collect();
        calls.extend(std::iter::repeat_n((CHEAP, 429, EXCEEDED, vec![("default", quota, 0)]), 2));
        calls
    };
    vec![
        ("no rules", vec![], vec![(CHEAP, 200, "", vec![]), (DEAR, 200, "", vec![])]),
        ("a rate is used up", vec![(plan(), rate(3))], used_up(3)),
        ("a strict rate is used up", vec![(plan(), strict(3))], used_up(3)),
        (
            "a cost",
            vec![(account(), rate(4))],
            vec![
                (DEAR, 200, "", vec![("default", 4, 1)]),
                (DEAR, 429, EXCEEDED, vec![("default", 4, 0)]),
                (CHEAP, 200, "", vec![("default", 4, 0)]),
            ],
        ),
        (
            "a cost above the quota",
            vec![(account(), rate(2))],
            vec![(DEAR, 429, EXCEEDED, vec![("default", 2, 0)]), (CHEAP, 200, "", vec![("default", 2, 1)])],
        ),
        (
            "a budget is used up",
            vec![(plan(), budget(4, Refill::Never))],
            vec![
                (DEAR, 200, "", vec![("credits", 4, 1)]),
                (DEAR, 429, EXHAUSTED, vec![("credits", 4, 1)]),
                (CHEAP, 200, "", vec![("credits", 4, 0)]),
                (CHEAP, 429, EXHAUSTED, vec![("credits", 4, 0)]),
            ],
        ),
        (
            "a budget with a refill is used up",
            vec![(account(), budget(1, Refill::Month))],
            vec![(CHEAP, 200, "", vec![("credits", 1, 0)]), (CHEAP, 429, EXHAUSTED, vec![("credits", 1, 0)])],
        ),
        (
            "a rate and a budget: a refused call spends neither",
            vec![(plan(), rate(5)), (account(), budget(4, Refill::Never))],
            vec![
                (DEAR, 200, "", vec![("default", 5, 2), ("credits", 4, 1)]),
                (DEAR, 429, EXCEEDED, vec![("default", 5, 0)]),
                (CHEAP, 200, "", vec![("default", 5, 1), ("credits", 4, 0)]),
                (CHEAP, 429, EXHAUSTED, vec![("credits", 4, 0)]),
                (CHEAP, 429, EXHAUSTED, vec![("credits", 4, 0)]),
            ],
        ),
        (
            "the account's rules replace those of its plan",
            vec![(plan(), rate(1)), (account(), rate(9))],
            vec![(CHEAP, 200, "", vec![("default", 9, 8)]), (DEAR, 200, "", vec![("default", 9, 5)])],
        ),
        (
            "an empty budget",
            vec![(plan(), budget(0, Refill::Day))],
            vec![(CHEAP, 429, EXHAUSTED, vec![("credits", 0, 0)])],
        ),
    ]
}

/// Returns `true` if the limit of a call is refilled.
fn is_refilled(case: &str, limit: &str) -> bool {
    limit != "credits" || case.contains("refill") || case.contains("empty")
}

#[actix_web::test]
async fn limits_as_data_give_the_same_verdicts_everywhere() {
    for place in places() {
        for (case, rules, calls) in rows() {
            let setting = Setting::new(&rules).await;
            for (number, (name, status, code, limits)) in calls.into_iter().enumerate() {
                let verdict = setting.ask(place, name, Some(&setting.key)).await;
                let resets: Vec<_> = limits.iter().map(|(limit, ..)| is_refilled(case, limit)).collect();
                let expected = Verdict {
                    status,
                    code: code.to_owned(),
                    retry_after: status == 429 && resets[0],
                    limits: limits.into_iter().map(|(name, quota, left)| (name.to_owned(), quota, left)).collect(),
                    resets,
                };
                assert_eq!(verdict, expected, "{place:?}: {case}, call {number} to {name}");
            }
        }
    }
}

/// A refused key spends nothing, wherever it is refused.
#[actix_web::test]
async fn refused_keys_spend_nothing_anywhere() {
    for place in places() {
        let account = Subject::Account("acct_1".parse().unwrap());
        let rules = LimitRules::new().budget(BudgetRule::new(1, Refill::Never)).unwrap();
        let setting = Setting::new(&[(account, rules)]).await;
        let forged = setting.ask(place, CHEAP, Some("kw_live_mistyped")).await;
        assert_eq!((forged.status, forged.limits.len()), (401, 0), "{place:?}: {forged:?}");
        let first = setting.ask(place, CHEAP, Some(&setting.key)).await;
        assert_eq!((first.status, first.limits), (200, vec![("credits".to_owned(), 1, 0)]), "{place:?}");
    }
}

/// One budget, spent from everywhere in turn.
#[actix_web::test]
async fn every_place_spends_from_one_budget() {
    let account = Subject::Account("acct_1".parse().unwrap());
    let rules = LimitRules::new().budget(BudgetRule::new(6, Refill::Never)).unwrap();
    let setting = Setting::new(&[(account, rules)]).await;
    for (place, left) in places().zip((0..6).rev()) {
        let verdict = setting.ask(place, CHEAP, Some(&setting.key)).await;
        assert_eq!(verdict.limits, [("credits".to_owned(), 6, left)], "{place:?}");
    }
    for place in places() {
        assert_eq!(setting.ask(place, CHEAP, Some(&setting.key)).await.code, EXHAUSTED, "{place:?}");
    }
}

/// A rate that is named in code.
#[actix_web::test]
async fn a_rate_without_a_rule_limits_nothing() {
    let account = Subject::Account("acct_1".parse().unwrap());
    let rules = LimitRules::new().rate(RateRule::new("exports", 1, DAY)).unwrap();
    let setting = Setting::new(&[(account, rules)]).await;
    for place in places().filter(|place| !matches!(place, Place::Verify)) {
        let ask = async |rate: &str, key| {
            let limit = RequestLimit::from_rules(setting.limits.clone()).rates([rate]);
            setting.ask_with(limit, place, CHEAP, key).await
        };
        let unknown = ask("exprots", Some(&setting.key)).await;
        assert_eq!((unknown.status, unknown.limits), (200, Vec::new()), "{place:?}");
    }
}
