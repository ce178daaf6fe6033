//! `keyward serve`

mod audit_file;
mod demo;
mod settings;

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use clap::Args;
use confique::Config;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use keyward_core::lifecycle::Lifetimes;
use keyward_core::{AuthLayer, RecentRequestsLayer};
use keyward_gateway::{Introspection, VerifyReach};
use keyward_limits::{Limits, RequestLimit};
use keyward_manage::{Mailer, Management};
use keyward_serve::shutdown_signal;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower_http::timeout::TimeoutLayer;

use crate::backend::{Database, MissingFile, system};
use crate::error::{Error, ErrorKind};
use crate::options::Options;
use crate::output::{note, visible};
use crate::values::email;
use audit_file::AuditFile;
use settings::Settings;

/// Longer than the longest wait for a revocation.
const REQUEST: Duration = Duration::from_secs(30);
const MAINTENANCE: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(super) struct Serve {
    /// A TOML file with any of these settings, and with `database`, `pepper_file`, `key_lifetime_max` and `key_lifetime_default`. Variables override the file, and flags override both.
    #[arg(long, env = "KEYWARD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Fill an empty database with example data. The first line of output has the credentials. On a terminal, sentences have them.
    #[arg(long)]
    demo: bool,
    /// The e-mail address of the first owner. While there is no owner, the server prints a link to choose a password.
    #[arg(long, value_name = "EMAIL", conflicts_with = "demo", value_parser = email)]
    owner: Option<String>,
    #[command(flatten)]
    settings: <Settings as Config>::Layer,
}

/// From a read of SQLite to the longest time-out, in seconds.
const BUCKETS: [f64; 14] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

pub(super) async fn run(options: &Options, command: Serve) -> Result<(), Error> {
    Database::refuse_server(options, "serve")?;
    let settings = Settings::load(command.settings, command.config.as_deref())?;
    // Checked before a database is created.
    settings.check()?;
    // Buckets of several nodes can be added up. Quantiles, the default, cannot.
    let metrics = PrometheusBuilder::new().set_buckets(&BUCKETS).and_then(PrometheusBuilder::install_recorder);
    let metrics = metrics.map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
    metrics::describe_counter!("keyward_http_requests_total", "Requests to keyward serve");
    let mut options = options.clone();
    options.database = options.database.or(settings.database.clone());
    options.pepper_file = options.pepper_file.or(settings.pepper_file.clone());
    options.key_lifetime_max = options.key_lifetime_max.or(settings.key_lifetime_max);
    options.key_lifetime_default = options.key_lifetime_default.or(settings.key_lifetime_default);
    let database = Database::open_with(&options, MissingFile::Create, |management| settings.apply(management)).await?;
    let limit_store = Arc::clone(&database.limits);
    let managed = database.management()?;
    let management = &managed.management;

    management.publish_user_key_policy().await?;
    let needs_owner = !command.demo && !management.has_owner().await?;
    let makes_links = match &command.owner {
        Some(_) if needs_owner => Some("--owner"),
        _ => settings.oidc_issuer.as_ref().map(|_| "oidc_issuer"),
    };
    // Checked before the server opens a port, invites the owner or answers a request.
    if command.demo {
        demo::require_empty(management).await?;
        note!("filling the database with example data, which takes a few seconds");
    }
    #[cfg(feature = "github")]
    let github = settings.github_alerts().map(|alerts| keyward_manage::github_alerts(management.clone(), alerts));
    #[cfg(feature = "github")]
    let github = github.transpose().map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
    let public_url = settings.public_url(makes_links)?.cloned();
    let opened_at = public_url.as_ref().map(|url| url.to_string().trim_end_matches('/').to_owned());
    let dashboard = settings.dashboard(public_url.clone(), if command.demo { demo::SCOPES } else { "" })?;
    #[cfg(feature = "oidc")]
    if let Some(provider) = management.identity_provider() {
        check_provider(provider).await?;
    }
    if let Some(mailer) = settings.mailer()? {
        check_mailer(&mailer).await?;
    }
    let audit_file = settings.audit_file.as_deref().map(|path| {
        AuditFile::open(path).map_err(|error| Error::usage(format!("audit_file: {}: {error}", path.display())))
    });
    let audit_file = audit_file.transpose()?;
    let (listener, url) = bind(settings.listen).await?;
    let metrics_port = bind_own(settings.metrics_listen).await?;
    let gateway_port = bind_own(settings.gateway_listen).await?;
    let dashboard = if command.demo && !settings.has_example() {
        // "Test this key" calls the demo itself.
        let own = public_url.as_ref().map_or_else(|| url.clone(), ToString::to_string);
        dashboard.example_url(format!("{own}{}", demo::EXAMPLE_PATH))
    } else {
        dashboard
    };
    let mut first_line = json!({"listening": url});
    if command.demo {
        let clock = demo::clock();
        // Keys that exist are not bound by lifetimes that the server sets later.
        let configure =
            |management| Ok(settings.apply(management)?.clock(clock.clone()).key_lifetimes(Lifetimes::default()));
        let past = Database::open_with(&options, MissingFile::Create, configure).await?.management()?;
        first_line["credentials"] = demo::seed(management, &past, &clock).await?;
    } else if needs_owner {
        let url = public_url.as_ref().map_or(url, ToString::to_string);
        first_owner(management, command.owner.as_deref(), &url).await?;
    }
    let stop = shutdown_signal().map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
    let authenticator = management.authenticator().map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
    let verifier = management.verifier().map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
    let operator = VerifyReach::Operator(management.operator().clone());
    let mut introspection = Introspection::new(verifier.clone(), authenticator.clone(), operator.clone())
        .scopes(settings.introspection_scopes().iter().cloned());
    if let Some(url) = public_url {
        introspection = introspection.issuer(url.to_string());
    }
    let limits = Limits::start(limit_store).await.map_err(|error| Error::caused(ErrorKind::Failed, &error))?;
    let limit = RequestLimit::from_rules(limits.clone());
    let callers = AuthLayer::from(authenticator.clone());
    let verify = keyward_gateway::verify_with_limits(verifier.clone(), callers, operator, limits.clone())
        .merge(introspection.router());
    let recorder = management.records_requests().then(|| RecentRequestsLayer::new(&verifier));
    let verify = recorded(verify, recorder.as_ref());
    let app = keyward_manage::api_with_gateway(management.clone())
        .reset_fallback()
        .merge(health(management))
        .route("/", get(async || Redirect::to("/keys")))
        .merge(keyward_manage::dashboard(management.clone(), dashboard))
        .merge(keyward_manage::secured(management, verify));
    let app = if command.demo { app.merge(recorded(demo::example_api(&verifier), recorder.as_ref())) } else { app };
    let for_gateways = keyward_gateway::forward_auth_with_limits(verifier.clone(), limit.clone());
    #[cfg(feature = "envoy")]
    let for_gateways =
        for_gateways.merge(keyward_gateway::envoy::ext_authz_router_with_limits(verifier.clone(), limit));
    let for_gateways = recorded(for_gateways, recorder.as_ref());
    let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST);
    let mut gateways = None;
    let app = match gateway_port {
        Some((listener, url)) => {
            first_line["gateway"] = json!(url);
            let apart = for_gateways.layer(timeout).layer(from_fn(count));
            let (end, ended) = oneshot::channel::<()>();
            let stop = async move { drop(ended.await) };
            gateways = Some((end, tokio::spawn(keyward_serve::serve(listener, apart, stop, settings.limits()))));
            app
        }
        None => app.merge(for_gateways),
    };
    #[cfg(feature = "github")]
    let app = match github {
        Some(alerts) => app.merge(alerts),
        None => app,
    };
    let app = match metrics_port {
        Some((listener, url)) => {
            first_line["metrics"] = json!(format!("{url}/metrics"));
            let apart = show_metrics(metrics.clone()).merge(health(management));
            tokio::spawn(keyward_serve::serve(listener, apart, std::future::pending(), settings.limits()));
            app
        }
        None => app.merge(show_metrics(metrics.clone())),
    };
    let app = app.layer(timeout).layer(from_fn(count));

    let mut output = std::io::stdout().lock();
    if output.is_terminal() {
        for line in sentences(&first_line, opened_at.as_deref()) {
            writeln!(output, "{}", visible(&line))?;
        }
    } else {
        writeln!(output, "{first_line}")?;
    }
    output.flush()?;
    drop(output);

    let maintained = tokio::spawn(maintain(management.clone(), metrics));
    let events = tokio::spawn(management.run_events());
    let requests = recorder.map(|_| {
        let management = management.clone();
        tokio::spawn(async move { management.run_recent_requests().await })
    });
    if let Some((file, number)) = audit_file {
        tokio::spawn(file.follow(management.clone(), number));
    }
    keyward_serve::serve(listener, app, stop, settings.limits()).await;
    if let Some((end, served)) = gateways {
        drop(end);
        // A panic there is no reason to lose the counts below.
        let _ = served.await;
    }
    maintained.abort();
    // Deliveries and mails that were not answered are in the queue, and are due again after a minute or two.
    events.abort();
    if let Some(requests) = requests {
        requests.abort();
    }
    limits.shutdown().await;
    verifier.shutdown().await;
    authenticator.shutdown().await;
    // One that fails does not lose the others.
    let (usage, requests) = (management.flush_usage().await, management.flush_requests().await);
    management.flush_refused().await.and(usage).and(requests)?;
    Ok(())
}

/// The first line of output, for people.
fn sentences(first_line: &Value, opened_at: Option<&str>) -> Vec<String> {
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    let listening = text(&first_line["listening"]);
    let url = opened_at.unwrap_or(&listening);
    let credentials = &first_line["credentials"];
    let mut lines = if credentials.is_object() {
        let (email, password) = (text(&credentials["email"]), text(&credentials["password"]));
        let key = text(&credentials["management_key"]);
        vec![
            format!("keyward runs. Sign in at {url}/login as {email} with the password {password}"),
            format!("The demo's management key: {key}"),
        ]
    } else {
        vec![format!("keyward runs. Sign in at {url}/login")]
    };
    for (name, what) in [("gateway", "The gateway endpoints are at"), ("metrics", "Metrics are at")] {
        if let Some(url) = first_line[name].as_str() {
            lines.push(format!("{what} {url}"));
        }
    }
    lines
}

/// If the provider is unavailable, the server starts, and asks again at the next sign-in.
#[cfg(feature = "oidc")]
async fn check_provider(provider: &keyward_manage::IdentityProvider) -> Result<(), Error> {
    let Err(error) = provider.check().await else { return Ok(()) };
    let message = format!("oidc_issuer: {}", Error::caused(ErrorKind::Usage, &error));
    if !error.is_outage() {
        return Err(Error::usage(message));
    }
    note!("warning: {message}");
    Ok(())
}

/// If the mail server is unavailable, the server starts, and mails wait.
async fn check_mailer(mailer: &Mailer) -> Result<(), Error> {
    let Err(error) = mailer.check().await else { return Ok(()) };
    let message = format!("smtp_url: {error}");
    if !error.is_outage() {
        return Err(Error::usage(message));
    }
    note!("warning: {message}");
    Ok(())
}

async fn first_owner(management: &Management, email: Option<&str>, url: &str) -> Result<(), Error> {
    let Some(email) = email else {
        note!(
            "There is no owner yet. Restart with --owner YOU@EXAMPLE.COM, or create an owner on the same database:\n  \
             keyward users create --owner --email YOU@EXAMPLE.COM --password-stdin"
        );
        return Ok(());
    };
    let invited = management.invite_first_owner(&system(), email).await?;
    if management.takes_passwords() {
        note!(
            "There is no owner yet. Open this link within a week, and choose a password:\n  {url}/register?invitation={}",
            *invited.secret
        );
    } else {
        note!("There is no owner yet. Sign in with the identity provider as {email}, and accept the invitation.");
    }
    Ok(())
}

/// For endpoints with a port of their own.
async fn bind_own(address: Option<SocketAddr>) -> Result<Option<(TcpListener, String)>, Error> {
    match address {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, String), Error> {
    let failed = |error: std::io::Error| Error::usage(format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    Ok((listener, url))
}

fn recorded(router: Router, recorder: Option<&RecentRequestsLayer>) -> Router {
    match recorder {
        Some(recorder) => router.layer(recorder.clone()),
        None => router,
    }
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
    // Bounds the number of counters: clients may invent methods.
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
            tracing::warn!(%error, "maintenance failed");
        }
    }
}
