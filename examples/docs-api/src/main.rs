//! docs-api: resources, jobs and webhook endpoints with scopes. Each account has a live pair and a test pair of keys.
//! Run it with `SEED_DEMO=1 TRUST_PROXY=127.0.0.0/8 cargo run -p docs-api`.
//!
//! | request | scope |
//! | --- | --- |
//! | `GET /v1/resources`, `GET /v1/resources/{id}` | `resources:read` |
//! | `POST /v1/resources`, `PATCH` and `DELETE /v1/resources/{id}` | `resources:write` |
//! | `POST /v1/jobs`, `DELETE /v1/jobs/{id}` | `jobs:write` |
//! | `GET` and `POST /v1/webhook_endpoints`, `DELETE /v1/webhook_endpoints/{id}` | `webhooks:write` |
//!
//! `sk_…` keys may do everything. `pk_…` keys only read resources. `rk_…` keys have the rights of their scopes. Only test keys see
//! objects that were created with a test key.
//!
//! The API requires HTTPS. Without a trusted proxy this program serves plain HTTP. Then every request fails with 403
//! `HTTPS_REQUIRED`, and the key in it is marked as compromised. Behind a trusted proxy, send `X-Forwarded-Proto: https`.
//!
//! A secret or restricted key that a browser sends is refused with 403 `SECRET_KEY_IN_BROWSER`: a page needs a `pk_…` key.
//!
//! Choices where the provider's page is silent:
//! - Errors are RFC 9457 problem documents.
//! - An object of another account or another mode is answered with 404, as an unknown one.
//! - Listing webhook endpoints needs `webhooks:write`, because managing them does.

mod demo;
mod objects;
mod routes;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use example_support::{Announcement, Environment};
use keyward::actix::Auth;
use keyward::key::{KeyFormat, KeyKind};
use keyward::policy::ByMode;
use keyward::serve::shutdown_signal;
use keyward::{Authenticator, HttpsOnly, Keys, TrustedProxies};

use crate::objects::Objects;

/// Returns the key format: `sk_live_`, `pk_test_`, `rk_live_` and so on, then 32 characters.
fn format() -> Result<KeyFormat, keyward::key::FormatError> {
    KeyFormat::builder()
        .prefix("sk", KeyKind::Secret)
        .prefix("pk", KeyKind::Publishable)
        .prefix("rk", KeyKind::Restricted)
        .build()
}

#[actix_web::main]
async fn main() -> ExitCode {
    example_support::log_to_stderr();
    example_support::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_env()?;
    let store = environment.open_store()?;
    let objects =
        ByMode::new(Objects::open(store.path(), "live_objects")?, Objects::open(store.path(), "test_objects")?);
    let keys = Keys::new(store.clone()).with_format(format()?);
    // All workers share one authenticator.
    let authenticator = Authenticator::builder(store)
        .format(format()?)
        .trusted_proxies(TrustedProxies::new(environment.trust_proxy.iter().copied()))
        .refuse_secret_keys_in_browsers()
        .https_only(HttpsOnly::new().mark_compromised(keys.clone()))
        .build()?;

    let listener = environment.listen().await?;
    let mut announcement = Announcement::new(listener.local_addr()?);
    if environment.seed_demo {
        demo::seed(&keys, &mut announcement).await?;
    }
    let stop = shutdown_signal()?;
    let auth = authenticator.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(objects.clone()))
            .app_data(web::JsonConfig::default().limit(64 * 1024))
            .configure(routes::configure)
            .default_service(web::to(routes::no_such_endpoint))
            .wrap(Auth::from(auth.clone()))
    })
    .workers(2)
    .client_request_timeout(Duration::from_secs(10))
    .shutdown_timeout(10)
    .disable_signals()
    .listen(listener.into_std()?)?
    .run();
    announcement.write()?;

    let handle = server.handle();
    actix_web::rt::spawn(async move {
        stop.await;
        handle.stop(true).await;
    });
    server.await?;
    authenticator.shutdown().await;
    Ok(())
}
