//! Keys that a browser sends.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod common;

use std::sync::{Arc, Mutex};

use common::{TestStore, account, warm};
use http::Request;
use keyward_core::adapter::{Admission, AuthenticatorBuilder, Check, Event, Location, Target};
use keyward_core::key::{Digest, Hasher, KeyFormat, KeyKind};
use keyward_core::store::{Found, Freshness, KeyStore, StoreError, StoredKey, async_trait};
use keyward_core::{Authenticator, Identity, Mode, NewKey, Rejection};

type Fields = &'static [(&'static str, &'static str)];

/// The fields of a request, and whether they prove a browser.
const REQUESTS: [(Fields, bool); 14] = [
    (&[], false),
    (&[("user-agent", "Mozilla/5.0")], false),
    // Node.js sends it with each `fetch`.
    (&[("sec-fetch-mode", "cors")], false),
    (&[("origin", "")], false),
    (&[("sec-fetch-site", "")], false),
    // A person types an address.
    (&[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], false),
    (&[("origin", "https://app.example.com")], true),
    // A sandboxed page, or a file.
    (&[("origin", "null")], true),
    (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")], true),
    (&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")], true),
    (&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")], true),
    (&[("origin", ""), ("origin", "https://app.example.com")], true),
    (&[("origin", "https://app.example.com"), ("sec-fetch-site", "none")], true),
    (&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], true),
];

fn request(fields: Fields) -> Request<()> {
    fields.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
}

async fn verdict(authenticator: &Authenticator, field: &str, fields: Fields) -> Result<Admission, Rejection> {
    let request = request(fields);
    let check = {
        let target = Target { method: "GET", path: "/", preflight: false, connection: &request };
        authenticator.check(target, [field.as_bytes()])
    };
    match check {
        Check::Done(verdict) => verdict,
        Check::Pending(pending) => authenticator.resolve(pending).await,
    }
}

fn guarded(store: &TestStore) -> AuthenticatorBuilder {
    Authenticator::builder(store.clone()).refuse_secret_keys_in_browsers()
}

#[tokio::test]
async fn only_publishable_keys_pass_from_browsers() {
    let store = TestStore::new().await;
    let scopes = || "resources:read".parse().unwrap();
    let (secret, _) = store.issue().await;
    let (restricted, _) = store.issue_new(NewKey::restricted(account(), "restricted", scopes())).await;
    let (publishable, _) = store.issue_new(NewKey::publishable(account(), "publishable")).await;
    for (field, is_public) in [(&secret, false), (&restricted, false), (&publishable, true)] {
        for (fields, is_browser) in REQUESTS {
            let refused = is_browser && !is_public;
            let cold = guarded(&store).build().unwrap();
            let (first, warmed) = (verdict(&cold, field, fields).await, guarded(&store).build().unwrap());
            warm(&warmed, field).await;
            for verdict in [first, verdict(&warmed, field, fields).await] {
                match verdict {
                    Ok(_) => assert!(!refused, "{field} {fields:?}"),
                    Err(rejection) => assert!(refused && rejection == Rejection::SecretKeyInBrowser, "{rejection:?}"),
                }
            }
        }
    }
    let rejection = Rejection::SecretKeyInBrowser;
    assert_eq!((rejection.status().as_u16(), rejection.code()), (403, "SECRET_KEY_IN_BROWSER"));
    assert!(rejection.message().contains("publishable key") && rejection.challenge("api").is_none());
}

#[tokio::test]
async fn browsers_send_only_publishable_keys_by_basic() {
    use base64::Engine as _;
    let store = TestStore::new().await;
    let (secret, _) = store.issue().await;
    let (publishable, _) = store.issue_new(NewKey::publishable(account(), "publishable")).await;
    let accepting = || Authenticator::builder(store.clone()).accept(Location::Basic).build().unwrap();
    for (bearer, is_public) in [(&secret, false), (&publishable, true)] {
        let key = bearer.strip_prefix("Bearer ").unwrap();
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{key}:")));
        for (fields, is_browser) in REQUESTS {
            let refused = is_browser && !is_public;
            let (cold, warmed) = (accepting(), accepting());
            warm(&warmed, bearer).await;
            for authenticator in [&cold, &warmed] {
                let got = verdict(authenticator, &basic, fields).await.map(drop);
                let expected = if refused { Err(Rejection::SecretKeyInBrowser) } else { Ok(()) };
                assert_eq!(got, expected, "{fields:?}");
                assert!(verdict(authenticator, bearer, fields).await.is_ok(), "bearer {fields:?}");
            }
        }
    }
}

#[tokio::test]
async fn without_the_setting_browsers_send_any_key() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let authenticator = Authenticator::new(store);
    for (fields, _) in REQUESTS {
        assert!(verdict(&authenticator, &field, fields).await.is_ok(), "{fields:?}");
    }
}

#[tokio::test]
async fn an_event_names_the_account_and_the_key() {
    let store = TestStore::new().await;
    let (field, id) = store.issue().await;
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&told);
    let authenticator = guarded(&store)
        .on_event(move |event| {
            if let Event::KeyRefused { identity, rejection: Rejection::SecretKeyInBrowser, .. } = event {
                log.lock().unwrap().push(format!("{} {}", identity.account(), identity.id()));
            }
        })
        .build()
        .unwrap();
    let origin = &[("origin", "https://app.example.com")];
    assert!(verdict(&authenticator, &field, origin).await.is_err());
    warm(&authenticator, &field).await;
    assert!(verdict(&authenticator, &field, origin).await.is_err());
    assert_eq!(*told.lock().unwrap(), vec![format!("acct_1 {id}"); 2]);
}

#[tokio::test]
async fn revoked_and_confined_keys_keep_their_order() {
    let store = TestStore::new().await;
    let authenticator = guarded(&store).build().unwrap();
    let (field, id) = store.issue().await;
    let _ = store.keys.revoke(&id).await.unwrap();
    let origin = &[("origin", "https://app.example.com")];
    assert_eq!(verdict(&authenticator, &field, origin).await.unwrap_err(), Rejection::KeyRevoked);
    // The leak of the key is the first reason to refuse.
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let (field, _) = store.issue_new(NewKey { networks, ..NewKey::secret(account(), "office") }).await;
    assert_eq!(verdict(&authenticator, &field, origin).await.unwrap_err(), Rejection::SecretKeyInBrowser);
    assert_eq!(verdict(&authenticator, &field, &[]).await.unwrap_err(), Rejection::NetworkNotAllowed);
}

#[tokio::test]
async fn callers_that_may_ask_about_one_account_get_the_same_verdict() {
    let store = TestStore::new().await;
    let (field, _) = store.issue().await;
    let authenticator = guarded(&store).build().unwrap();
    for (fields, is_browser) in REQUESTS {
        let request = request(fields);
        let target = Target { method: "GET", path: "/", preflight: false, connection: &request };
        let Check::Pending(pending) = authenticator.check_within(&account(), target, [field.as_bytes()]) else {
            panic!("decided without the store")
        };
        let verdict = authenticator.resolve(pending).await.map(drop);
        assert_eq!(verdict, if is_browser { Err(Rejection::SecretKeyInBrowser) } else { Ok(()) }, "{fields:?}");
    }
}

struct Tokens(Digest);

#[async_trait]
impl KeyStore for Tokens {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        if *digest != self.0 {
            return Ok(Found::unknown());
        }
        let identity = Identity::access_token("tok_1".parse().unwrap(), account(), "user_1".parse().unwrap());
        Ok(Found::key(StoredKey::new(identity)))
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(std::time::Duration::from_secs(1))
    }
}

#[tokio::test]
async fn access_tokens_are_for_browsers() {
    let format = KeyFormat::builder().prefix("at", KeyKind::Secret).implicit_mode(Mode::Live).build().unwrap();
    let token = format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once();
    let digest = Hasher::default().digest(&format.parse(token.as_bytes()).unwrap());
    let authenticator =
        guarded(&TestStore::new().await).add_store(Tokens(digest), format, Hasher::default()).build().unwrap();
    let field = format!("Bearer {}", *token);
    for (fields, _) in REQUESTS {
        assert!(verdict(&authenticator, &field, fields).await.is_ok(), "{fields:?}");
    }
}
