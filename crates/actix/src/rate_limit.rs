use std::fmt;
use std::future::{Future, Ready, ready};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{Error, HttpResponse};
use http::{Method, Uri};
use keyward_limits::{Limits, RateLimiter, RequestLimit};

use crate::auth_rejection::AuthRejection;
use crate::extract::caller;

/// A middleware that spends from a named limit for every request, as `keyward::limits::RateLimitLayer` does on tower.
///
/// Without an outer [`Auth`](crate::Auth), it answers 500 and logs an error. It does not limit requests without a credential.
///
/// Create the limits outside of `HttpServer`'s closure: otherwise each worker counts alone.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use actix_web::App;
/// use keyward::{Authenticator, MemoryStore};
/// use keyward::actix::{Auth, RateLimit};
/// use keyward::limits::{Each, RateLimits};
///
/// let authenticator = Authenticator::new(MemoryStore::new());
/// let limits = RateLimits::builder().limit("default", Each::Key, 100, Duration::from_secs(60)).for_plan("Pro", 1_000).build()?;
/// let app = App::new()
///     .wrap(RateLimit::new(limits, "default"))
///     .wrap(Auth::from(authenticator)); // outermost
/// # let _ = app;
/// # Ok::<(), keyward::limits::RateLimitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateLimit(RequestLimit);

impl RateLimit {
    /// Creates a middleware that spends one unit per request.
    ///
    /// # Panics
    /// If the limiter names its limits, and none has this name.
    pub fn new(limiter: impl RateLimiter, limit: impl Into<String>) -> Self {
        Self(RequestLimit::new(limiter, limit.into()))
    }

    /// Creates a middleware that enforces limits as data, as `RequestLimit::from_rules` does.
    #[must_use]
    pub fn from_rules(limits: Limits) -> Self {
        RequestLimit::from_rules(limits).into()
    }

    /// Sets the cost by method and target, in the types of `keyward::http`.
    #[must_use]
    pub fn cost(self, cost: impl Fn(&Method, &Uri) -> NonZeroU32 + Send + Sync + 'static) -> Self {
        Self(self.0.cost(cost))
    }
}

/// Shares the counters.
impl From<RequestLimit> for RateLimit {
    fn from(limit: RequestLimit) -> Self {
        Self(limit)
    }
}

impl<S, B> Transform<S, ServiceRequest> for RateLimit
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = RateLimitService<S>;
    type InitError = ();
    type Future = Ready<Result<RateLimitService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RateLimitService { service: Rc::new(service), limit: self.0.clone() }))
    }
}

/// A service behind [`RateLimit`].
pub struct RateLimitService<S> {
    service: Rc<S>,
    limit: RequestLimit,
}

impl<S> fmt::Debug for RateLimitService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitService").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The future of [`RateLimitService`].
pub type RateLimitFuture<B> = Pin<Box<dyn Future<Output = Result<ServiceResponse<EitherBody<B>>, Error>>>>;

impl<S, B> Service<ServiceRequest> for RateLimitService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = RateLimitFuture<B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, limit) = (Rc::clone(&self.service), self.limit.clone());
        Box::pin(async move {
            let caller = caller(&request).inspect_err(|_| {
                let (method, path) = (request.method(), request.path());
                tracing::error!(%method, path, "request refused: no AuthLayer is around this RateLimit; wrap the App or scope in Auth after RateLimit");
            });
            let spent = match &caller {
                Ok(caller) => limit.spend_all(caller.as_ref(), cost(&limit, &request)).await,
                Err(rejection) => Err(rejection.clone()),
            };
            match spent {
                Ok(spent) => {
                    let mut response = service.call(request).await?;
                    for (name, value) in spent.fields() {
                        if let (Ok(name), Ok(value)) =
                            (HeaderName::try_from(name.as_str()), HeaderValue::from_bytes(value.as_bytes()))
                        {
                            response.headers_mut().append(name, value);
                        }
                    }
                    Ok(response.map_into_left_body())
                }
                Err(rejection) => {
                    let identity = caller.ok().flatten();
                    let refused = AuthRejection::new(rejection, request.headers()).with_identity(identity.as_ref());
                    // The response carries its error, so that the middleware around it can write it in its format.
                    let response = HttpResponse::from_error(refused);
                    Ok(ServiceResponse::new(request.into_parts().0, response).map_into_right_body())
                }
            }
        })
    }
}

/// actix-web uses an older `http`, which accepts the same methods and targets.
fn cost(limit: &RequestLimit, request: &ServiceRequest) -> NonZeroU32 {
    if limit.has_one_cost() {
        return NonZeroU32::MIN;
    }
    let method = Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or_default();
    limit.cost_of(&method, &request.uri().to_string().parse().unwrap_or_default())
}
