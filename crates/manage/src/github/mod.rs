//! GitHub's secret-scanning alerts, signed with one of its published keys
//! (<https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program>).

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

mod error;
mod public_keys;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::outbound::OutboundError;
use crate::service::{LeakPolicy, LeakReport, Management};
use crate::web::{self, Object, Origin, Problem};
use error::AlertError;
use public_keys::PublicKeys;

const PUBLIC_KEYS: &str = "https://api.github.com/meta/public_keys/secret_scanning";
const MAX_BODY: usize = 1_024 * 1_024;
const CONCURRENCY: usize = 16;

/// The settings of the receiver of GitHub's alerts.
///
/// # Examples
/// ```
/// use keyward::manage::{GithubAlerts, LeakPolicy};
///
/// let alerts = GithubAlerts::new(LeakPolicy::Revoke);
/// # let _ = alerts;
/// ```
#[derive(Clone, Debug)]
pub struct GithubAlerts {
    policy: LeakPolicy,
    public_keys: String,
}

impl GithubAlerts {
    /// Applies `policy` to each key that GitHub has found.
    #[must_use]
    pub fn new(policy: LeakPolicy) -> Self {
        Self { policy, public_keys: PUBLIC_KEYS.to_owned() }
    }

    /// Sets the URL of the sender's public keys: `https://`, or `http://` on this machine.
    #[must_use]
    pub fn public_keys(mut self, url: impl Into<String>) -> Self {
        self.public_keys = url.into();
        self
    }
}

/// Creates the receiver of GitHub's alerts, at `POST /v1/alerts/github`.
///
/// It answers when the policy has taken effect on every node, and tells for each key whether it was valid.
///
/// # Errors
/// [`OutboundError`] if the URL of the sender's keys is invalid, or TLS is unavailable.
///
/// # Examples
/// ```
/// use axum::Router;
/// use keyward::manage::{Management, GithubAlerts, LeakPolicy, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
/// let app: Router = Router::new().merge(keyward::manage::github_alerts(management, GithubAlerts::new(LeakPolicy::default()))?);
/// # let _ = app;
/// # Ok(()) }
/// ```
pub fn github_alerts(management: Management, alerts: GithubAlerts) -> Result<Router, OutboundError> {
    let receiver =
        Receiver { policy: alerts.policy, public_keys: PublicKeys::new(alerts.public_keys, management.clock())? };
    Ok(Router::new()
        .route("/v1/alerts/github", post(receive))
        .method_not_allowed_fallback(web::other_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(management.clone(), web::request_context))
        .with_state((management, Arc::new(receiver))))
}

struct Receiver {
    policy: LeakPolicy,
    public_keys: PublicKeys,
}

#[derive(Deserialize)]
struct Alert {
    token: zeroize::Zeroizing<String>,
    #[serde(rename = "type")]
    kind: String,
    url: Option<String>,
    source: Option<String>,
}

#[derive(Serialize)]
struct Label {
    token_hash: String,
    token_type: String,
    label: &'static str,
}

async fn receive(
    State((management, receiver)): State<(Management, Arc<Receiver>)>,
    Origin(context): Origin,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Json<Vec<Label>>, Problem> {
    let body = body.map_err(web::unreadable_body)?;
    let (Some(key), Some(signature)) =
        (one(&headers, "github-public-key-identifier"), one(&headers, "github-public-key-signature"))
    else {
        return Err(AlertError::Unsigned.into());
    };
    receiver.public_keys.verify(key, signature, &body).await?;
    let alerts: Vec<Object<Alert>> = serde_json::from_slice(&body).map_err(|_| {
        Problem::Management(ManagementError::invalid("body", "expected a JSON array of alerts with `token` and `type`"))
    })?;
    let actor = Actor::system("GitHub secret scanning", context);
    let policy = receiver.policy;
    // Runs to its end even if the sender disconnects.
    let labels = Management::run_to_completion(async move {
        let label = |Object(alert): Object<Alert>| {
            let (management, actor) = (&management, &actor);
            async move {
                let place = alert.url.as_deref().or(alert.source.as_deref()).unwrap_or("GitHub");
                let report = management.report_leak(actor, alert.token.as_bytes(), place, policy).await?;
                Ok::<_, ManagementError>(Label {
                    token_hash: STANDARD.encode(Sha256::digest(alert.token.as_bytes())),
                    token_type: alert.kind,
                    label: if report == LeakReport::Unknown { "false_positive" } else { "true_positive" },
                })
            }
        };
        stream::iter(alerts).map(label).buffered(CONCURRENCY).try_collect().await
    });
    Ok(Json(labels.await?))
}

fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
