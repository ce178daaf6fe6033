use std::collections::HashMap;
use std::sync::Arc;

use api_keys_simplified::{ApiKeyManagerV0, Environment, ExposeSecret, KeyStatus, SecureString};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use keyward_bench::baseline::{bearer, refused};
use prefixed_api_key::{PrefixedApiKey, PrefixedApiKeyController, rand::rngs::OsRng};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    account: String,
    scope: String,
    exp: u64,
}

#[derive(Clone)]
pub(crate) struct Jwt(Arc<(DecodingKey, Validation)>);

impl Jwt {
    pub(crate) fn new(algorithm: Algorithm, count: usize) -> (Self, Vec<String>) {
        let (signing, verifying) = if algorithm == Algorithm::EdDSA {
            ed25519()
        } else {
            let secret = [7; 32];
            (EncodingKey::from_secret(&secret), DecodingKey::from_secret(&secret))
        };
        let tokens = (0..count).map(|number| {
            let claims = Claims {
                sub: format!("key_{number:016}"),
                account: "acct_0123456789abcdef".to_owned(),
                scope: "resources:read resources:write jobs:write".to_owned(),
                exp: 4_102_444_800,
            };
            encode(&Header::new(algorithm), &claims, &signing).unwrap()
        });
        (Self(Arc::new((verifying, Validation::new(algorithm)))), tokens.collect())
    }
}

/// The key of RFC 8032 section 7.1, test 1.
fn ed25519() -> (EncodingKey, DecodingKey) {
    const PKCS8: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    const SECRET: &[u8; 32] = &[
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];
    let public = DecodingKey::from_ed_components("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    (EncodingKey::from_ed_der(&[PKCS8, SECRET].concat()), public)
}

pub(crate) async fn jwt(State(jwt): State<Jwt>, mut request: Request, next: Next) -> Response {
    let claims = bearer(request.headers()).and_then(|token| decode::<Claims>(token, &jwt.0.0, &jwt.0.1).ok());
    let Some(token) = claims else { return refused(StatusCode::UNAUTHORIZED) };
    request.extensions_mut().insert(token.claims);
    next.run(request).await
}

type Controller = PrefixedApiKeyController<OsRng, prefixed_api_key::sha2::Sha256>;

#[derive(Clone)]
pub(crate) struct Prefixed(Arc<(Controller, HashMap<String, String>)>);

impl Prefixed {
    pub(crate) fn new(count: usize) -> (Self, Vec<String>) {
        let controller = Controller::configure().prefix("kw".to_owned()).seam_defaults().finalize().unwrap();
        let made: Vec<_> = (0..count).map(|_| controller.try_generate_key_and_hash().unwrap()).collect();
        let keys = made.iter().map(|(key, _)| key.to_string()).collect();
        let table = made.into_iter().map(|(key, hash)| (key.short_token().to_owned(), hash)).collect();
        (Self(Arc::new((controller, table))), keys)
    }
}

pub(crate) async fn prefixed(State(prefixed): State<Prefixed>, request: Request, next: Next) -> Response {
    let (controller, table) = &*prefixed.0;
    let key = bearer(request.headers()).and_then(|token| PrefixedApiKey::from_string(token).ok());
    let known =
        key.is_some_and(|key| table.get(key.short_token()).is_some_and(|hash| controller.check_hash(&key, hash)));
    if known { next.run(request).await } else { refused(StatusCode::UNAUTHORIZED) }
}

#[derive(Clone)]
pub(crate) struct Simplified(Arc<(ApiKeyManagerV0, HashMap<String, String>)>);

impl Simplified {
    pub(crate) fn new(count: usize) -> (Self, Vec<String>) {
        let manager = ApiKeyManagerV0::init_default_config("kw").unwrap();
        let made = (0..count).map(|_| {
            let key = manager.generate(Environment::production()).unwrap();
            (key.key().expose_secret().to_owned(), key.expose_hash().hash().to_string())
        });
        let table: HashMap<String, String> = made.collect();
        let keys = table.keys().cloned().collect();
        (Self(Arc::new((manager, table))), keys)
    }
}

pub(crate) async fn simplified(State(simplified): State<Simplified>, request: Request, next: Next) -> Response {
    let (manager, table) = &*simplified.0;
    let valid = bearer(request.headers()).is_some_and(|token| {
        let status = table.get(token).map(|hash| manager.verify(&SecureString::from(token.to_owned()), hash));
        matches!(status, Some(Ok(KeyStatus::Valid)))
    });
    if valid { next.run(request).await } else { refused(StatusCode::UNAUTHORIZED) }
}
