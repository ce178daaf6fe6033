use std::fmt;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL,
};
use actix_web::{Error, HttpMessage, HttpRequest};
use keyward_core::adapter::{Admission, Check, Connection, Pending, Target};
use keyward_core::store::KeyStore;
use keyward_core::{Anonymous, AuthLayer, Authenticator, Identity, Rejection};

use crate::auth_rejection::{AuthRejection, refuse};
use crate::future::{AuthFuture, Shared};

/// A middleware that protects an `App` or a scope.
///
/// # Examples
/// ```
/// use actix_web::{App, web};
/// use keyward::{Authenticator, MemoryStore};
/// use keyward::actix::Auth;
///
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let app = App::new().service(web::scope("/v1").wrap(Auth::from(authenticator)));
/// # let _ = app;
/// ```
#[derive(Clone, Debug)]
pub struct Auth {
    authenticator: Authenticator,
}

impl Auth {
    /// Creates a middleware with the default settings. Workers share an [`Authenticator`] only through its clones.
    ///
    /// # Panics
    /// If no thread can be started. See [`Authenticator::builder`].
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Authenticator::new(store).into()
    }
}

impl From<Authenticator> for Auth {
    fn from(authenticator: Authenticator) -> Self {
        Self { authenticator }
    }
}

/// Shares the layer's authenticator and cache.
impl From<AuthLayer> for Auth {
    fn from(layer: AuthLayer) -> Self {
        layer.authenticator().clone().into()
    }
}

impl<S, B> Transform<S, ServiceRequest> for Auth
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = AuthService<S>;
    type InitError = ();
    type Future = Ready<Result<AuthService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(AuthService(Rc::new(Shared { service, authenticator: self.authenticator.clone() }))))
    }
}

/// A service behind [`Auth`].
pub struct AuthService<S>(Rc<Shared<S>>);

impl<S> fmt::Debug for AuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("authenticator", &self.0.authenticator).finish_non_exhaustive()
    }
}

impl<S, B> Service<ServiceRequest> for AuthService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = AuthFuture<S, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.service.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let shared = &self.0;
        let target = Target {
            method: request.method().as_str(),
            path: request.path(),
            preflight: is_preflight(&request),
            connection: &Seen(request.request()),
        };
        let fields = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
        match shared.authenticator.check(target, fields) {
            Check::Done(Ok(admission)) => {
                let authenticated = admit(&shared.authenticator, &mut request, admission);
                AuthFuture::inner(shared.service.call(request), Rc::clone(shared), authenticated)
            }
            Check::Done(Err(rejection)) => refused(shared, request, rejection),
            Check::Pending(pending) => miss(Rc::clone(shared), request, pending),
        }
    }
}

#[cold]
fn refused<S, B>(shared: &Shared<S>, request: ServiceRequest, rejection: Rejection) -> AuthFuture<S, B>
where
    S: Service<ServiceRequest>,
{
    let refused = AuthRejection::new(rejection, request.headers());
    AuthFuture::refused(refuse(&shared.authenticator, request.into_parts().0, &refused))
}

/// Boxed, so that a warm hit's future stays small.
#[cold]
fn miss<S, B>(shared: Rc<Shared<S>>, mut request: ServiceRequest, pending: Pending) -> AuthFuture<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    AuthFuture::resolving(Box::pin(async move {
        match shared.authenticator.resolve(pending).await {
            Ok(admission) => {
                let authenticated = admit(&shared.authenticator, &mut request, admission);
                let inner = shared.service.call(request);
                AuthFuture::inner(inner, shared, authenticated).await
            }
            Err(rejection) => {
                let refused = AuthRejection::new(rejection, request.headers());
                Ok(refuse(&shared.authenticator, request.into_parts().0, &refused))
            }
        }
    }))
}

#[inline]
fn admit(authenticator: &Authenticator, request: &mut ServiceRequest, admission: Admission) -> bool {
    if authenticator.accepts_other_locations() {
        hide_credentials(authenticator, request);
    }
    let mut extensions = request.extensions_mut();
    match admission {
        Admission::Identity(identity) => {
            extensions.insert(identity);
            true
        }
        Admission::Anonymous => {
            extensions.remove::<Identity>();
            extensions.insert(Anonymous);
            false
        }
    }
}

/// As core's [`Authenticator::hide_credentials`], on another type.
#[cold]
fn hide_credentials(authenticator: &Authenticator, request: &mut ServiceRequest) {
    let others = authenticator.other_subprotocols(&Seen(request.request()));
    let headers = request.headers_mut();
    for field in authenticator.credential_fields() {
        let Ok(name) = HeaderName::from_bytes(field.as_str().as_bytes()) else { continue };
        let values: Vec<HeaderValue> = headers.remove(&name).collect();
        for mut value in values {
            value.set_sensitive(true);
            headers.append(name.clone(), value);
        }
    }
    if let Some(others) = others {
        headers.remove(SEC_WEBSOCKET_PROTOCOL).for_each(drop);
        if let Some(others) = HeaderValue::from_bytes(&others).ok().filter(|others| !others.is_empty()) {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, others);
        }
    }
}

fn is_preflight(request: &ServiceRequest) -> bool {
    *request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

pub(crate) struct Seen<'a>(pub(crate) &'a HttpRequest);

impl Connection for Seen<'_> {
    fn peer(&self) -> Option<IpAddr> {
        self.0.peer_addr().map(|peer| peer.ip())
    }

    fn is_tls(&self) -> bool {
        self.0.app_config().secure()
    }

    fn visit(&self, name: &str, visitor: &mut dyn FnMut(&[u8])) {
        self.0.headers().get_all(name).for_each(|value| visitor(value.as_bytes()));
    }
}
