use std::ops::{Deref, DerefMut};

use axum::extract::OriginalUri;
use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use http::{HeaderValue, Request, header::AUTHORIZATION};
use keyward_core::adapter::{CredentialFault, RequestConnection, Target};
use keyward_core::policy::Policy;
use keyward_core::{Authenticator, Identity, Rejection};

use crate::auth_rejection::AuthRejection;
use crate::authenticated::caller;
use crate::layer::Axum;

/// The credential of an open stream: see [`keyward_core::KeyWatch`].
///
/// The router's state holds the [`Authenticator`] of the `AuthLayer`, as in `#[derive(FromRef)]`.
///
/// # Examples
/// ```
/// use std::convert::Infallible;
///
/// use axum::Router;
/// use axum::response::sse::{Event, Sse};
/// use axum::routing::get;
/// use futures_util::{Stream, StreamExt, stream};
/// use keyward::axum::{AuthLayer, KeyWatch};
/// use keyward::{Authenticator, MemoryStore};
///
/// async fn events(mut watch: KeyWatch) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
///     let events = stream::repeat_with(|| Ok(Event::default().data("tick")));
///     Sse::new(events.take_until(async move { watch.refused().await }))
/// }
///
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let app: Router =
///     Router::new().route("/events", get(events)).layer(AuthLayer::from(authenticator.clone())).with_state(authenticator);
/// # let _ = app;
/// ```
#[derive(Clone, Debug)]
pub struct KeyWatch(keyward_core::KeyWatch);

impl KeyWatch {
    /// Adds a policy, as [`keyward_core::KeyWatch::requiring`] does.
    #[must_use]
    pub fn requiring(self, policy: impl Policy) -> Self {
        Self(self.0.requiring(policy))
    }

    /// Returns the watch.
    #[must_use]
    pub fn into_inner(self) -> keyward_core::KeyWatch {
        self.0
    }
}

impl Deref for KeyWatch {
    type Target = keyward_core::KeyWatch;

    fn deref(&self) -> &keyward_core::KeyWatch {
        &self.0
    }
}

impl DerefMut for KeyWatch {
    fn deref_mut(&mut self) -> &mut keyward_core::KeyWatch {
        &mut self.0
    }
}

impl<S: Sync> FromRequestParts<S> for KeyWatch
where
    Authenticator: FromRef<S>,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        match watch(parts, &Authenticator::from_ref(state)) {
            Ok(watch) => Ok(Self(watch)),
            Err(rejection) => Err(AuthRejection::new(rejection, parts)),
        }
    }
}

fn watch(parts: &Parts, authenticator: &Authenticator) -> Result<keyward_core::KeyWatch, Rejection> {
    let identity = caller(parts)?.ok_or(CredentialFault::Missing)?;
    let request = Request::from_parts(parts.clone(), ());
    let target = Target {
        method: parts.method.as_str(),
        path: path(parts, identity),
        preflight: false,
        connection: &RequestConnection::<Axum, _>::new(&request),
    };
    authenticator.watch(identity, target, parts.headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes))
}

/// The path by which the `AuthLayer` admitted the identity. A nested router removes its prefix, and the layer may be
/// outside or inside of it.
fn path<'a>(parts: &'a Parts, identity: &Identity) -> &'a str {
    let inner = parts.uri.path();
    let method = parts.method.as_str();
    match parts.extensions.get::<OriginalUri>() {
        Some(OriginalUri(outer)) if !identity.endpoints().iter().any(|endpoint| endpoint.covers(method, inner)) => {
            outer.path()
        }
        _ => inner,
    }
}
