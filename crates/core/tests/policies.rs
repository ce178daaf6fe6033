//! Decisions on more than the key.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::convert::Infallible;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use common::{TestStore, account, warm};
use http::{Request, Response};
use keyward_core::adapter::{BuildError, Event, TlsTransport};
use keyward_core::key::{Hasher, KeyFormat, KeyKind};
use keyward_core::policy::{Feature, Plans, Policy};
use keyward_core::render::CodedEnvelope;
use keyward_core::store::{KeyStatus, KeyStore, async_trait};
use keyward_core::{
    AccountRecord, AuthLayer, Authenticator, CredentialKind, HttpsOnly, Identity, Mode, NewKey, PeerAddress,
    RequireLayer, TrustedProxies,
};
use tower::{Layer, ServiceExt, service_fn};

async fn status(authenticator: &Authenticator, request: Request<()>) -> (u16, String) {
    let inner = service_fn(async |request: Request<()>| {
        let kind = request.extensions().get::<Identity>().unwrap().kind();
        Ok::<_, Infallible>(Response::new(Bytes::from(format!("{kind:?}"))))
    });
    let response = AuthLayer::from(authenticator.clone()).layer(inner).oneshot(request).await.unwrap();
    let body = response.body();
    let text = match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(problem) => problem["code"].as_str().unwrap().to_owned(),
        Err(_) => String::from_utf8(body.to_vec()).unwrap(),
    };
    (response.status().as_u16(), text)
}

fn from(peer: &str, field: &str, headers: &[(&str, &str)]) -> Request<()> {
    let peer: IpAddr = peer.parse().unwrap();
    let request = Request::get("/").extension(PeerAddress((peer, 1).into())).header("authorization", field);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
}

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8".parse().unwrap()])
}

#[tokio::test]
async fn key_limited_to_networks_is_refused_from_others() {
    let store = TestStore::new().await;
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let (field, _) = store.issue_new(NewKey { networks, ..NewKey::secret(account(), "office") }).await;
    let authenticator = Authenticator::builder(store).trusted_proxies(proxies()).build().unwrap();
    for cold in [true, false] {
        for (peer, headers, expected) in [
            ("192.0.2.7", &[][..], 200),
            ("198.51.100.1", &[], 403),
            ("198.51.100.1", &[("x-forwarded-for", "192.0.2.7")], 403),
            ("10.0.0.1", &[("x-forwarded-for", "192.0.2.7")], 200),
            ("10.0.0.1", &[("x-forwarded-for", "192.0.2.7, 198.51.100.1")], 403),
            ("10.0.0.1", &[], 403),
        ] {
            let (status, text) = status(&authenticator, from(peer, &field, headers)).await;
            assert_eq!(status, expected, "{peer} {headers:?} cold: {cold}");
            assert!(status == 200 || text == "NETWORK_NOT_ALLOWED");
        }
        warm(&authenticator, &field).await;
    }
    let unknown = Request::get("/").header("authorization", &field).body(()).unwrap();
    assert_eq!(status(&authenticator, unknown).await.0, 403);
}

#[tokio::test]
async fn key_sent_in_plain_text_is_refused_and_compromised() {
    let store = TestStore::new().await;
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&told);
    let authenticator = Authenticator::builder(store.clone())
        .trusted_proxies(proxies())
        .https_only(HttpsOnly::new().mark_compromised(store.keys.clone()))
        .on_event(move |event| {
            if let Event::Compromised { identity } = event {
                log.lock().unwrap().push(identity.id().to_string());
            }
        })
        .build()
        .unwrap();
    let https = [("x-forwarded-proto", "https")];
    for (peer, headers, marked) in [
        ("192.0.2.1", &[][..], true),
        ("192.0.2.1", &https[..], true),
        ("10.0.0.1", &[("x-forwarded-proto", "http")], true),
        ("10.0.0.1", &[("forwarded", "proto=http")], true),
        ("10.0.0.1", &[], false),
        ("10.0.0.1", &[("x-forwarded-proto", "https, http")], false),
    ] {
        let (field, id) = store.issue().await;
        let over_https = async || status(&authenticator, from("10.0.0.1", &field, &https)).await;
        assert_eq!(over_https().await.0, 200);
        assert_eq!(status(&authenticator, from(peer, &field, headers)).await, (403, "HTTPS_REQUIRED".to_owned()));
        let record = store.keys.get(&id).await.unwrap().unwrap();
        assert_eq!(record.compromised_at.is_some(), marked, "{peer} {headers:?}");
        assert_eq!(told.lock().unwrap().contains(&id.to_string()), marked);
        let after = over_https().await;
        assert_eq!(
            after,
            if marked { (401, "API_KEY_REVOKED".to_owned()) } else { (200, "ApiKey(Secret)".to_owned()) }
        );
    }
    // Other tokens and missing ones are refused equally, without a read of the store.
    let before = store.reads();
    let none = Request::get("/").extension(PeerAddress(([192, 0, 2, 1], 1).into())).body(()).unwrap();
    for request in [from("192.0.2.1", "Bearer nonsense", &[]), none] {
        assert_eq!(status(&authenticator, request).await, (403, "HTTPS_REQUIRED".to_owned()));
    }
    assert_eq!(store.reads(), before);

    let (field, _) = store.issue().await;
    let mut over_tls = from("192.0.2.1", &field, &[]);
    over_tls.extensions_mut().insert(TlsTransport);
    assert_eq!(status(&authenticator, over_tls).await.0, 200);
}

#[tokio::test]
async fn a_lost_proxy_header_cannot_kill_every_key() {
    let store = TestStore::new().await;
    let https = HttpsOnly::new().mark_compromised_up_to(NonZeroU32::new(2).unwrap(), store.keys.clone());
    let authenticator = Authenticator::builder(store.clone()).https_only(https).build().unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let (field, id) = store.issue().await;
        assert_eq!(status(&authenticator, from("192.0.2.1", &field, &[])).await.0, 403);
        ids.push(id);
    }
    let mut compromised = 0;
    for id in &ids {
        let record = store.keys.get(id).await.unwrap().unwrap();
        compromised += usize::from(record.status(record.created_at) == KeyStatus::Compromised);
    }
    assert_eq!(compromised, 2);
}

struct Tokens(keyward_core::key::Digest, std::sync::atomic::AtomicUsize);

#[async_trait]
impl KeyStore for Tokens {
    async fn find(
        &self,
        digest: &keyward_core::key::Digest,
    ) -> Result<keyward_core::store::Found, keyward_core::store::StoreError> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if *digest != self.0 {
            return Ok(keyward_core::store::Found::unknown());
        }
        let identity = Identity::access_token("tok_1".parse().unwrap(), account(), "user_1".parse().unwrap());
        Ok(keyward_core::store::Found::key(keyward_core::store::StoredKey::new(identity)))
    }

    fn freshness(&self) -> keyward_core::store::Freshness {
        keyward_core::store::Freshness::BoundedAge(std::time::Duration::from_secs(1))
    }
}

#[tokio::test]
async fn each_token_goes_to_the_store_that_recognises_its_shape() {
    let store = TestStore::new().await;
    let (key, _) = store.issue().await;
    let format = KeyFormat::builder().prefix("at", KeyKind::Secret).implicit_mode(Mode::Live).build().unwrap();
    let token = format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once();
    let digest = Hasher::default().digest(&format.parse(token.as_bytes()).unwrap());
    let tokens = Arc::new(Tokens(digest, std::sync::atomic::AtomicUsize::new(0)));
    let authenticator = Authenticator::builder(store.clone())
        .add_store(Arc::clone(&tokens), format.clone(), Hasher::default())
        .build()
        .unwrap();
    let get = |field: String| Request::get("/").header("authorization", field).body(()).unwrap();
    assert_eq!(status(&authenticator, get(key)).await, (200, format!("{:?}", CredentialKind::ApiKey(KeyKind::Secret))));
    assert_eq!(tokens.1.load(std::sync::atomic::Ordering::SeqCst), 0, "an API key was looked up among tokens");
    let reads = store.reads();
    assert_eq!(
        status(&authenticator, get(format!("Bearer {}", *token))).await,
        (200, format!("{:?}", CredentialKind::AccessToken))
    );
    for neither in ["Bearer nonsense", "Bearer xx_live_aBcDeFgHiJkLmNoPqRsTuVwXyZ123456", "Bearer at_"] {
        assert_eq!(status(&authenticator, get(neither.to_owned())).await, (401, "INVALID_API_KEY".to_owned()));
    }
    assert_eq!(store.reads(), reads);

    let alike = Authenticator::builder(store).add_store(tokens, KeyFormat::default(), Hasher::default()).build();
    assert!(matches!(alike, Err(BuildError::AmbiguousFormats)));
    // Only the main format can be one without a prefix.
    let anyhow = KeyFormat::builder()
        .legacy_prefix("", KeyKind::Secret, Mode::Live)
        .random_length(40)
        .without_checksum()
        .build()
        .unwrap();
    let (main, other) = (TestStore::new().await, TestStore::new().await);
    let (field, _) = other.issue().await;
    let authenticator = Authenticator::builder(main.clone())
        .format(anyhow.clone())
        .add_store(other.clone(), KeyFormat::default(), Hasher::default())
        .build()
        .unwrap();
    assert_eq!(status(&authenticator, get(field)).await.0, 200);
    let unknown = get(format!("Bearer {}", "a1".repeat(20)));
    assert_eq!(status(&authenticator, unknown).await, (401, "INVALID_API_KEY".to_owned()));
    assert_eq!((main.reads(), other.reads()), (1, 1), "a token was looked up in both stores");
    let alike = Authenticator::builder(main).add_store(other, anyhow, Hasher::default()).build();
    assert!(matches!(alike, Err(BuildError::AmbiguousFormats)));
}

#[tokio::test]
async fn required_plan_is_enforced_and_an_upgrade_works_at_once() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let record = AccountRecord::new(account(), "Example Ltd");
    store.keys.put_account(&record.clone().with_plan("Free")).await.unwrap();
    let authenticator = Authenticator::builder(store.clone()).renderer(CodedEnvelope::new()).build().unwrap();
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
    let service = AuthLayer::from(authenticator)
        .layer(RequireLayer::new((Plans::one_of(["Plus", "Pro"]), Mode::Live)).layer(inner));
    let call = || service.clone().oneshot(Request::get("/").header("authorization", &field).body(()).unwrap());
    let refused = call().await.unwrap();
    assert_eq!(refused.status(), 403);
    let body: serde_json::Value = serde_json::from_slice(refused.body()).unwrap();
    assert_eq!(body["error"]["code"], "PLAN_REQUIRED");
    assert_eq!(body["error"]["message"], "API access requires a Plus or Pro plan. Please upgrade your subscription.");
    assert_eq!(
        body["error"]["details"],
        serde_json::json!({"current_plan": "Free", "required_plans": ["Plus", "Pro"]})
    );
    store.keys.put_account(&record.with_plan("Plus")).await.unwrap();
    assert_eq!(call().await.unwrap().status(), 200);
}

#[test]
fn policies_name_what_is_missing() {
    let identity = Identity::api_key("key_1".parse().unwrap(), account());
    for (policy, code, message) in [
        (
            &Plans::one_of(["Plus", "Pro", "Max"]) as &dyn Policy,
            "PLAN_REQUIRED",
            "API access requires a Plus, Pro or Max plan. Please upgrade your subscription.",
        ),
        (
            &Feature::named("analytics"),
            "FEATURE_REQUIRED",
            "The account lacks the feature analytics, which this request needs. Contact the API provider.",
        ),
        (&Mode::Test, "MODE_NOT_ALLOWED", "The API key has the wrong mode. Use a test mode key."),
        (
            &KeyKind::Publishable,
            "KEY_KIND_NOT_ALLOWED",
            "This kind of API key cannot make this request. A publishable key can only read. Use a key of another kind.",
        ),
    ] {
        let refused = policy.check(&identity).unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code(), refused.message().as_str()), (403, code, message));
        assert!(refused.challenge("api").is_none());
    }
}
