use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{Request, Uri};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keyward::CredentialId;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

const ATTEMPTS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(5);

/// It must be on this machine, so that a caller cannot reach the network behind the service.
pub(crate) fn target(url: &str) -> Result<Uri, &'static str> {
    const MESSAGE: &str = "Invalid field `webhook_url`: expected http:// and an address of this machine, such as http://127.0.0.1:8000/hook";
    let uri: Uri = url.parse().map_err(|_| MESSAGE)?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if uri.scheme_str() == Some("http") && is_local { Ok(uri) } else { Err(MESSAGE) }
}

/// Tries up to three times.
pub(crate) async fn deliver(url: &Uri, secret: &str, status: &str, data: &Value) {
    let id = format!("msg_{}", CredentialId::generate());
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let body = json!({"type": format!("task.{status}"), "data": data}).to_string();
    let signature = Webhook::new(secret).and_then(|webhook| webhook.sign(&id, seconds as i64, body.as_bytes()));
    let signature = match signature {
        Ok(signature) => signature,
        Err(error) => {
            tracing::error!(%error, "cannot sign a webhook");
            return;
        }
    };
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    for attempt in 0..ATTEMPTS {
        tokio::time::sleep(Duration::from_secs(1) * attempt).await;
        let request = Request::post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", &signature)
            .body(Full::from(body.clone()));
        let Ok(request) = request else { return };
        match tokio::time::timeout(PATIENCE, client.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => return,
            Ok(Ok(response)) => tracing::warn!(%url, status = %response.status(), "the receiver refused a webhook"),
            Ok(Err(error)) => tracing::warn!(%url, %error, "cannot deliver a webhook"),
            Err(_) => tracing::warn!(%url, "the receiver of a webhook did not answer in time"),
        }
    }
}
