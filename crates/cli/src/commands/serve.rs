//! `keyward serve`

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use keyward_core::AuthLayer;
use keyward_gateway::VerifyReach;
use keyward_manage::{DashboardSettings, Management};
use keyward_serve::shutdown_signal;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use tokio::net::TcpListener;
use tower_http::timeout::TimeoutLayer;

use super::{demo, management};
use crate::arguments::{Arguments, Serve};
use crate::failure::{Failure, Kind};
use crate::output::note;

/// How long a request may take: longer than the longest wait for a revocation.
const REQUEST: Duration = Duration::from_secs(30);
const MAINTENANCE: Duration = Duration::from_secs(60);

pub(super) async fn run(arguments: &Arguments, command: &Serve) -> Result<(), Failure> {
    let settings = command.settings.clone().over(command.config.as_deref())?;
    let metrics = PrometheusBuilder::new().install_recorder();
    let metrics = metrics.map_err(|error| Failure::caused(Kind::Usage, &error))?;
    let management::Opened { management, records } = management::open(arguments, &settings).await?;

    let needs_owner = !command.demo && !management.has_owner().await?;
    let makes_links = match &command.owner {
        Some(_) if needs_owner => Some("--owner"),
        _ => management.identity_provider().map(|_| "oidc_issuer"),
    };
    // Before anybody is invited, or anything is answered.
    let public_url = settings.public_url(makes_links)?.cloned();

    if let Some(provider) = management.identity_provider() {
        match provider.check().await {
            Ok(()) => {}
            // Keys are checked and managed meanwhile, and it is asked again when somebody wants to sign in.
            Err(error) if error.is_outage() => {
                note!("warning: oidc_issuer: {}", Failure::caused(Kind::Usage, &error))
            }
            Err(error) => {
                let cause = Failure::caused(Kind::Usage, &error);
                return Err(Failure::new(Kind::Usage, format!("oidc_issuer: {cause}")));
            }
        }
    }
    let (listener, url) = bind(settings.address()).await?;
    let mut first_line = json!({"listening": url});
    if command.demo {
        first_line["credentials"] = demo::seed(&management, &records).await?;
    } else if needs_owner {
        let url = public_url.as_ref().map_or(url, ToString::to_string);
        first_owner(&management, command.owner.as_deref(), &url).await?;
    }
    let stop = shutdown_signal().map_err(|error| Failure::caused(Kind::Usage, &error))?;
    let authenticator = management.authenticator().map_err(|error| Failure::caused(Kind::Usage, &error))?;
    let verifier = management.verifier().map_err(|error| Failure::caused(Kind::Usage, &error))?;
    let dashboard = DashboardSettings::new("keyward");
    let dashboard = match public_url {
        Some(url) => dashboard.public_url(url),
        None => dashboard,
    };
    let operator = VerifyReach::Operator(management.operator().clone());
    let verify = keyward_gateway::verify(verifier.clone(), AuthLayer::from(authenticator.clone()), operator);
    let app = keyward_manage::api(management.clone())
        .merge(health(&management))
        .route("/", get(async || Redirect::to("/keys")))
        .merge(keyward_manage::dashboard(management.clone(), dashboard))
        .merge(keyward_gateway::forward_auth(verifier.clone()))
        .merge(keyward_gateway::envoy::ext_authz_router(verifier.clone()))
        .merge(keyward_manage::secured(&management, verify));
    let app = match settings.github_alerts() {
        Some(alerts) => {
            let alerts = keyward_manage::github_alerts(management.clone(), alerts);
            app.merge(alerts.map_err(|error| Failure::caused(Kind::Usage, &error))?)
        }
        None => app,
    };
    let app = match settings.metrics_listen {
        Some(address) => {
            let (listener, url) = bind(address).await?;
            first_line["metrics"] = json!(format!("{url}/metrics"));
            let apart = show_metrics(metrics.clone()).merge(health(&management));
            tokio::spawn(keyward_serve::serve(listener, apart, std::future::pending(), settings.limits()));
            app
        }
        None => app.merge(show_metrics(metrics.clone())),
    };
    let app = app.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST)).layer(from_fn(count));

    let mut output = std::io::stdout().lock();
    writeln!(output, "{first_line}").and_then(|()| output.flush())?;
    drop(output);

    let maintained = tokio::spawn(maintain(management.clone(), metrics));
    keyward_serve::serve(listener, app, stop, settings.limits()).await;
    maintained.abort();
    verifier.shutdown().await;
    authenticator.shutdown().await;
    management.flush_usage().await?;
    management.flush_refused().await?;
    Ok(())
}

/// Shows how the first owner comes in.
async fn first_owner(management: &Management, email: Option<&str>, url: &str) -> Result<(), Failure> {
    let Some(email) = email else {
        note!(
            "there is no owner yet: start with --owner YOU@EXAMPLE.COM, or make one on the same database, with\n  \
             keyward users create --owner --email YOU@EXAMPLE.COM --password-stdin"
        );
        return Ok(());
    };
    let invited = management.invite_first_owner(&management::system(), email).await?;
    if management.takes_passwords() {
        note!(
            "there is no owner yet: open this within a week, and choose a password\n  {url}/register?invitation={}",
            *invited.secret
        );
    } else {
        note!("there is no owner yet: sign in with the identity provider as {email}, and accept the invitation");
    }
    Ok(())
}

/// A listener, and its URL.
async fn bind(address: SocketAddr) -> Result<(TcpListener, String), Failure> {
    let unusable = |error: std::io::Error| Failure::new(Kind::Usage, format!("{address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(unusable)?;
    let url = format!("http://{}", listener.local_addr().map_err(unusable)?);
    Ok((listener, url))
}

fn show_metrics(metrics: PrometheusHandle) -> Router {
    let show = async move || ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response();
    Router::new().route("/metrics", get(show))
}

fn health(management: &Management) -> Router {
    let ready = management.clone();
    Router::new().route("/healthz", get(async || "ok")).route(
        "/readyz",
        get(async move || match ready.ready().await {
            Ok(()) => (StatusCode::OK, "ready"),
            Err(error) => {
                keyward_core::log_limited!(warn, %error, "not ready");
                (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
            }
        }),
    )
}

async fn count(request: Request, next: Next) -> Response {
    // What strangers make up is not counted by its name.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let response = next.run(request).await;
    let status = response.status().as_str().to_owned();
    metrics::counter!("keyward_http_requests_total", "method" => method, "status" => status).increment(1);
    response
}

async fn maintain(management: Management, metrics: PrometheusHandle) {
    let mut turns = tokio::time::interval(MAINTENANCE);
    loop {
        turns.tick().await;
        metrics.run_upkeep();
        if let Err(error) = management.maintain().await {
            tracing::warn!(%error, "the management was not maintained");
        }
    }
}
