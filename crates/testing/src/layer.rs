use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use keyward_core::Authenticator;
use keyward_core::adapter::{AuthService, AuthenticatorBuilder, Http};
use keyward_core::key::{Hasher, KeyFormat};
use tower_layer::Layer;
use tower_service::Service;

use crate::{TestIdentity, TestStore};

/// A tower layer that authenticates every request as one [`TestIdentity`].
///
/// **Never use it in production**: it lets every request in.
///
/// It stands where the service has its `AuthLayer`. Each request gets the identity's key, and then passes through a real
/// `AuthLayer`. So guards, limits, refusals and response headers are as in the service. axum's variant, which also reads
/// `ConnectInfo`, is `keyward::axum::TestAuthLayer`.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use keyward::render::CodedEnvelope;
/// use keyward::testing::{TestAuthLayer, TestIdentity};
/// use keyward::{Identity, RequireLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// keyward::scopes! { NotesWrite = "notes:write"; }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let reader = TestIdentity::account("acct_1").scopes(["notes:read"]);
/// let service = ServiceBuilder::new()
///     .layer(TestAuthLayer::with(reader, |builder| builder.renderer(CodedEnvelope::new())))
///     .layer(RequireLayer::of::<NotesWrite>())
///     .service(service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new(Bytes::new()))));
/// let response = service.oneshot(Request::new(())).await.unwrap();
/// assert_eq!(response.status(), 403);
/// # }
/// ```
pub type TestAuthLayer = TestLayer<Http>;

/// A [`TestAuthLayer`] for any protocol.
pub struct TestLayer<P> {
    authenticator: Authenticator,
    authorization: HeaderValue,
    protocol: PhantomData<fn() -> P>,
}

impl<P> TestLayer<P> {
    /// Creates a layer with default settings.
    ///
    /// # Panics
    /// If no thread can be started.
    #[must_use]
    #[track_caller]
    pub fn new(identity: TestIdentity) -> Self {
        Self::with(identity, |builder| builder)
    }

    /// Creates a layer with the service's settings, such as its renderer. The key format and the hasher stay the default.
    ///
    /// # Panics
    /// If the settings are invalid, or no thread can be started.
    #[must_use]
    #[track_caller]
    pub fn with(identity: TestIdentity, settings: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder) -> Self {
        let (authenticator, bearer) = authenticator(identity, settings);
        let Ok(mut authorization) = HeaderValue::from_str(&bearer) else { unreachable!("a key is a header value") };
        authorization.set_sensitive(true);
        Self { authenticator, authorization, protocol: PhantomData }
    }

    /// Returns the authenticator.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }
}

/// Returns an authenticator, and the `Authorization` value that it accepts as `identity`.
#[doc(hidden)] // For the layers of other frameworks.
#[track_caller]
pub fn authenticator(
    identity: TestIdentity,
    settings: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder,
) -> (Authenticator, String) {
    tracing::warn!(account = %identity.account.id, "a test layer is in use: it lets every request in as this account; use it in tests only");
    let store = TestStore::new();
    let bearer = store.issue(identity).bearer();
    // The service's format and hasher would refuse the test's key.
    let builder = settings(Authenticator::builder(store)).format(KeyFormat::default()).hasher(Hasher::default());
    match builder.build() {
        Ok(authenticator) => (authenticator, bearer),
        Err(error) => panic!("cannot build the authenticator of a test layer: {error}"),
    }
}

impl<P> Clone for TestLayer<P> {
    fn clone(&self) -> Self {
        let (authenticator, authorization) = (self.authenticator.clone(), self.authorization.clone());
        Self { authenticator, authorization, protocol: PhantomData }
    }
}

impl<P> fmt::Debug for TestLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestLayer").finish_non_exhaustive()
    }
}

impl<S, P> Layer<S> for TestLayer<P> {
    type Service = TestService<S, P>;

    fn layer(&self, inner: S) -> TestService<S, P> {
        let inner = AuthService::new(inner, self.authenticator.clone());
        TestService { inner, authorization: self.authorization.clone() }
    }
}

/// The service of a [`TestLayer`].
pub struct TestService<S, P> {
    inner: AuthService<S, P>,
    authorization: HeaderValue,
}

impl<S: Clone, P> Clone for TestService<S, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), authorization: self.authorization.clone() }
    }
}

impl<S, P> fmt::Debug for TestService<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestService").finish_non_exhaustive()
    }
}

impl<S, B, P> Service<Request<B>> for TestService<S, P>
where
    AuthService<S, P>: Service<Request<B>>,
{
    type Response = <AuthService<S, P> as Service<Request<B>>>::Response;
    type Error = <AuthService<S, P> as Service<Request<B>>>::Error;
    type Future = <AuthService<S, P> as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        self.inner.call(request)
    }
}
