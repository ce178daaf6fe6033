use std::fmt;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use keyward_core::adapter::AuthenticatorBuilder;
use keyward_testing::TestIdentity;

use crate::auth::{Auth, AuthService};
use crate::future::AuthFuture;

/// An [`Auth`] for tests, which authenticates every request as one [`TestIdentity`].
///
/// **Never use it in production**: it lets every request in.
///
/// Each request gets the identity's key, and then passes through a real [`Auth`]. So guards, refusals and response headers
/// are as in the service.
///
/// # Examples
/// ```
/// use actix_web::{App, test, web};
/// use keyward::actix::{Scoped, TestAuth};
/// use keyward::testing::TestIdentity;
///
/// keyward::actix::scopes! { NotesRead = "notes:read"; }
///
/// async fn list(caller: Scoped<NotesRead>) -> String {
///     format!("notes of {}", caller.account())
/// }
///
/// # #[actix_web::main] async fn main() {
/// let reader = TestIdentity::account("acct_1").scopes(["notes:read"]);
/// let app = App::new().wrap(TestAuth::new(reader)).route("/notes", web::get().to(list));
/// let app = test::init_service(app).await;
/// let body = test::call_and_read_body(&app, test::TestRequest::get().uri("/notes").to_request()).await;
/// assert_eq!(body, "notes of acct_1");
/// # }
/// ```
#[derive(Clone)]
pub struct TestAuth {
    auth: Auth,
    authorization: HeaderValue,
}

impl TestAuth {
    /// Creates a middleware with default settings.
    ///
    /// # Panics
    /// If no thread can be started.
    #[must_use]
    #[track_caller]
    pub fn new(identity: TestIdentity) -> Self {
        Self::with(identity, |builder| builder)
    }

    /// Creates a middleware with the service's settings, such as its renderer. The key format and the hasher stay the
    /// default.
    ///
    /// # Panics
    /// If the settings are invalid, or no thread can be started.
    #[must_use]
    #[track_caller]
    pub fn with(identity: TestIdentity, settings: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder) -> Self {
        let (authenticator, bearer) = keyward_testing::authenticator(identity, settings);
        let Ok(authorization) = HeaderValue::from_str(&bearer) else { unreachable!("a key is a header value") };
        Self { auth: authenticator.into(), authorization }
    }
}

impl fmt::Debug for TestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAuth").finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for TestAuth
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = TestAuthService<S>;
    type InitError = ();
    type Future = Ready<Result<TestAuthService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let inner = self.auth.new_transform(service).into_inner();
        ready(inner.map(|inner| TestAuthService { inner, authorization: self.authorization.clone() }))
    }
}

/// A service behind [`TestAuth`].
pub struct TestAuthService<S> {
    inner: AuthService<S>,
    authorization: HeaderValue,
}

impl<S> fmt::Debug for TestAuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAuthService").finish_non_exhaustive()
    }
}

impl<S, B> Service<ServiceRequest> for TestAuthService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = AuthFuture<S, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        self.inner.call(request)
    }
}
