//! sendook: an inbox service with API keys and access tokens in one header, on hyper and tower. Run it with
//! `SEED_DEMO=1 cargo run -p sendook`.
//!
//! | request | credential |
//! | --- | --- |
//! | `POST /auth/register`, `POST /auth/login` | none |
//! | `GET /auth/user`, `POST /auth/refresh`, `POST /auth/logout` | access token |
//! | `…/organizations/{id}/api_keys` and below | access token of a user of that organization |
//! | `…/v1/api_keys`, `…/v1/inboxes` and below | API key |
//!
//! Messages are at `GET …/v1/inboxes/{id}/messages` (`?query=` searches), `GET …/messages/{id}`, `POST …/messages/send` and
//! `POST …/messages/{id}/reply`. They stay on this machine: a recipient gets a message if it has an inbox here.
//!
//! A token that begins with `sat_` is looked up among access tokens, and one that begins with `sendook_` among API keys. Any other
//! token is refused without a lookup.
//!
//! Choices where sendook's page is silent:
//! - Objects have `_id` beside `id`, because clients read both. `to` may be a list or one address, and is answered as a list.
//! - There are no threads, attachments, domains of your own, or webhooks.
//! - Access tokens live for an hour. Refreshing a token ends the old one.
//! - A deleted key stays in the list, with `revokedAt`.
//! - Registering also returns the default key as `apiKey`, because it cannot be shown later.
//! - A credential of the wrong kind gets 403. So does another organization in the path, whether it exists or not.
//! - A key or inbox of another organization gets 404.

mod answer;
mod api_keys;
mod data;
mod demo;
mod inboxes;
mod messages;
mod password;
mod tokens;
mod users;

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use example_support::{Announcement, Environment};
use http::{Method, Request};
use hyper::body::Incoming;
use keyward::key::{Hasher, KeyFormat, KeyKind};
use keyward::render::CodedEnvelope;
use keyward::serve::{Limits, serve, shutdown_signal};
use keyward::{AuthLayer, Authenticator, CredentialKind, Identity, Keys, Mode, TrustedProxies};
use tower::{ServiceBuilder, service_fn};

use crate::answer::{Answer, Response};
use crate::data::Data;
use crate::password::Passwords;
use crate::tokens::Tokens;

/// `sendook_`, then 32 characters.
fn key_format() -> Result<KeyFormat, keyward::key::FormatError> {
    KeyFormat::builder().prefix("sendook", KeyKind::Secret).implicit_mode(Mode::Live).build()
}

struct Sendook {
    keys: Keys,
    data: Data,
    tokens: Tokens,
    passwords: Passwords,
}

impl Sendook {
    async fn answer(&self, request: Request<Incoming>) -> Response {
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let caller = request.extensions().get::<Identity>().cloned();
        let answer = match (caller, segments.as_slice()) {
            (None, ["auth", "register"]) => users::register(self, request).await,
            (None, ["auth", "login"]) => users::login(self, request).await,
            (None, _) => Err(Answer::NotFound),
            (Some(caller), ["auth", rest @ ..]) => match caller.kind() {
                CredentialKind::AccessToken => users::manage(self, &caller, rest, request).await,
                _ => Err(Answer::NeedsAccessToken),
            },
            (Some(caller), ["organizations", organization, "api_keys", rest @ ..]) => match caller.kind() {
                CredentialKind::AccessToken if caller.account().as_str() == *organization => {
                    api_keys::manage(self, &caller, rest, request).await
                }
                CredentialKind::AccessToken => Err(Answer::OtherOrganization),
                _ => Err(Answer::NeedsAccessToken),
            },
            (Some(caller), ["v1", collection, rest @ ..]) => match (caller.kind(), *collection) {
                (CredentialKind::AccessToken, _) => Err(Answer::NeedsApiKey),
                (_, "api_keys") => api_keys::manage(self, &caller, rest, request).await,
                (_, "inboxes") => inboxes::manage(self, &caller, rest, request).await,
                _ => Err(Answer::NotFound),
            },
            (Some(_), _) => Err(Answer::NotFound),
        };
        answer.unwrap_or_else(Answer::into_response)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    example_support::log_to_stderr();
    example_support::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_env()?;
    let store = environment.open_store()?;
    let data = Data::open(store.path())?;
    let sendook = Arc::new(Sendook {
        keys: Keys::new(store.clone()).with_format(key_format()?),
        tokens: Tokens::new(data.clone())?,
        passwords: Passwords::new()?,
        data,
    });
    let authenticator = Authenticator::builder(store)
        .format(key_format()?)
        .add_store(sendook.tokens.clone(), tokens::format()?, Hasher::default())
        .exempt(Method::POST, "/auth/register")
        .exempt(Method::POST, "/auth/login")
        .trusted_proxies(TrustedProxies::new(environment.trust_proxy.iter().copied()))
        .renderer(CodedEnvelope::new().invalid_request_as_invalid_key())
        .last_used_interval(Duration::from_secs(1))
        .build()?;

    let listener = environment.listen().await?;
    let mut announcement = Announcement::new(listener.local_addr()?);
    if environment.seed_demo {
        demo::seed(&sendook, &mut announcement).await?;
    }
    let stop = shutdown_signal()?;
    announcement.write()?;

    let service = ServiceBuilder::new().layer(AuthLayer::from(authenticator.clone())).service(service_fn(
        move |request: Request<Incoming>| {
            let sendook = Arc::clone(&sendook);
            async move { Ok::<_, Infallible>(sendook.answer(request).await) }
        },
    ));
    serve(listener, service, stop, Limits::default()).await;
    authenticator.shutdown().await;
    Ok(())
}
