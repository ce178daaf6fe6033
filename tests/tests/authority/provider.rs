use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONNECTION, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use keyward::manage::IdentityProvider;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const CLIENT: &str = "keyward";
const NOT_ADMITTED: &str = "You signed in at the identity provider, but";

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) subject: String,
    pub(crate) email: &'static str,
    pub(crate) is_verified: bool,
}

type Codes = Arc<Mutex<HashMap<String, Value>>>;

struct Provider {
    codes: Codes,
    issuer: String,
    client: IdentityProvider,
}

static PROVIDER: LazyLock<Provider> = LazyLock::new(Provider::start);

impl Provider {
    fn start() -> Self {
        let (key, codes) = (SigningKey::from_slice(&[7; 32]).unwrap(), Codes::default());
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let point = key.verifying_key().to_sec1_point(false);
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (part(&point.as_bytes()[1..33]), part(&point.as_bytes()[33..]));
        let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "kid": "1", "x": x, "y": y}]});
        let description = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        // Close connections, because each belongs to the runtime of one test.
        let answer = |value: Value| async move { ([(CONNECTION, "close")], Json(value)) };
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(move || answer(description)))
            .route("/keys", get(move || answer(keys)))
            .route("/token", post(token).with_state((Arc::clone(&codes), key)));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
            });
        });
        let client = IdentityProvider::new(&issuer, CLIENT).unwrap().client_secret("a secret between the two");
        Self { codes, issuer, client }
    }

    fn code(&self, account: &Account, nonce: &str) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let code = format!("code-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": account.subject, "nonce": nonce, "iat": now, "exp": now + 3_600,
            "email": account.email, "email_verified": account.is_verified, "name": "Person",
        });
        self.codes.lock().unwrap().insert(code.clone(), claims);
        code
    }
}

async fn token(State((codes, key)): State<(Codes, SigningKey)>, form: String) -> Response<Body> {
    let claims = codes.lock().unwrap().remove(&parameter(&form, "code")).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "1"})), part(&claims));
    let signature: Signature = key.sign(signed.as_bytes());
    let id_token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    let tokens = json!({"access_token": "unused", "token_type": "Bearer", "expires_in": 60, "id_token": id_token});
    let response = Response::builder().header("content-type", "application/json").header(CONNECTION, "close");
    response.body(Body::from(tokens.to_string())).unwrap()
}

/// The value must need no unescaping.
fn parameter(query: &str, name: &str) -> String {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).next().unwrap_or_default()
}

pub(crate) fn client() -> IdentityProvider {
    PROVIDER.client.clone()
}

/// Returns `None` for a person who is not admitted.
pub(crate) async fn sign_in(dashboard: &Router, account: &Account) -> Result<Option<String>, String> {
    let there = visit(dashboard, "/login/oidc", "").await;
    let cookie = set_cookie(&there, "keyward_oidc").ok_or("the dashboard does not redirect to the provider")?;
    let request = there.headers()[LOCATION].to_str().unwrap();
    let (_, query) = request.split_once('?').unwrap();
    let code = PROVIDER.code(account, &parameter(query, "nonce"));
    let back = format!("/login/oidc/callback?code={code}&state={}", parameter(query, "state"));
    let answer = visit(dashboard, &back, &format!("keyward_oidc={cookie}")).await;
    if let Some(session) = set_cookie(&answer, "keyward_session") {
        return Ok(Some(session));
    }
    let (status, body) = (answer.status(), answer.into_body().collect().await.unwrap().to_bytes());
    let body = String::from_utf8_lossy(&body);
    if body.contains(NOT_ADMITTED) { Ok(None) } else { Err(format!("signing in at the provider: {status} {body}")) }
}

async fn visit(dashboard: &Router, path: &str, cookie: &str) -> Response<Body> {
    let request = Request::builder().uri(path).header(HOST, "localhost").header(COOKIE, cookie);
    dashboard.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn set_cookie(response: &Response<Body>, name: &str) -> Option<String> {
    let fields = response.headers().get_all(SET_COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let mut values = fields.filter_map(|field| field.split(';').next()?.strip_prefix(name)?.strip_prefix('='));
    values.find(|value| !value.is_empty()).map(ToOwned::to_owned)
}
