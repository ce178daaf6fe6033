use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use keyward_core::adapter::{self, Http, RespondInside};
use keyward_core::render::Refusal;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;
use tower_layer::Layer;
use tower_service::Service;

use crate::limits::Limits;
use crate::rates::RateLimiter;
use crate::request::RequestLimit;

/// Spends from a named limit for every request.
///
/// Without an outer [`keyward_core::AuthLayer`], it answers 500. It does not limit requests without a credential.
///
/// Responses have `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), refusals also `Retry-After`.
///
/// # Examples
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use keyward::limits::{Each, RateLimitLayer, RateLimits};
///
/// let limits = RateLimits::builder().limit("default", Each::Key, 100, Duration::from_secs(60)).build()?;
/// let layer = RateLimitLayer::new(limits, "default")
///     .cost(|method, _| if method == "POST" { NonZeroU32::new(5).unwrap() } else { NonZeroU32::MIN });
/// # let _ = layer;
/// # Ok::<(), keyward::limits::RateLimitError>(())
/// ```
pub struct RateLimitLayer<P = Http> {
    limit: RequestLimit,
    protocol: PhantomData<fn() -> P>,
}

impl RateLimitLayer {
    /// Creates a layer that spends one unit per request.
    ///
    /// # Panics
    /// As [`RequestLimit::new`]: if the limiter names its limits, and none has this name.
    pub fn new(limiter: impl RateLimiter, limit: impl Into<SmolStr>) -> Self {
        RequestLimit::new(limiter, limit).into()
    }

    /// Creates a layer that enforces [`LimitRules`](crate::LimitRules), as [`RequestLimit::from_rules`] does.
    #[must_use]
    pub fn from_rules(limits: Limits) -> Self {
        RequestLimit::from_rules(limits).into()
    }
}

impl<P> RateLimitLayer<P> {
    /// Sets the cost by method and target.
    #[must_use]
    pub fn cost(self, cost: impl Fn(&http::Method, &http::Uri) -> NonZeroU32 + Send + Sync + 'static) -> Self {
        self.limit.cost(cost).into()
    }

    /// Writes refusals for another protocol, such as `keyward::tonic::Grpc`.
    #[must_use]
    pub fn protocol<Q>(self) -> RateLimitLayer<Q> {
        self.limit.into()
    }
}

/// Shares the counters.
impl<P> From<RequestLimit> for RateLimitLayer<P> {
    fn from(limit: RequestLimit) -> Self {
        Self { limit, protocol: PhantomData }
    }
}

impl<P> Clone for RateLimitLayer<P> {
    fn clone(&self) -> Self {
        self.limit.clone().into()
    }
}

impl<P> fmt::Debug for RateLimitLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<S, P> Layer<S> for RateLimitLayer<P> {
    type Service = RateLimitService<S, P>;

    fn layer(&self, inner: S) -> RateLimitService<S, P> {
        RateLimitService { inner, limit: self.limit.clone(), protocol: PhantomData }
    }
}

/// A service behind a [`RateLimitLayer`].
pub struct RateLimitService<S, P = Http> {
    inner: S,
    limit: RequestLimit,
    protocol: PhantomData<fn() -> P>,
}

impl<S: Clone, P> Clone for RateLimitService<S, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limit: self.limit.clone(), protocol: PhantomData }
    }
}

impl<S: fmt::Debug, P> fmt::Debug for RateLimitService<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The future of [`RateLimitService`].
pub type RateLimitFuture<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

impl<S, P, ReqBody, ResBody> Service<Request<ReqBody>> for RateLimitService<S, P>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    P: RespondInside<Response<ResBody>>,
    ReqBody: Send + 'static,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = RateLimitFuture<ResBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let limit = self.limit.clone();
        let caller = caller(&request);
        let cost = limit.cost_of(request.method(), request.uri());
        Box::pin(async move {
            let spent = match caller {
                Ok(caller) => limit.spend_all(caller.as_ref(), cost).await,
                Err(rejection) => Err(rejection),
            };
            match spent {
                Ok(spent) => {
                    let mut response = ready.call(request).await?;
                    for (name, value) in spent.fields() {
                        response.headers_mut().append(name, value);
                    }
                    Ok(response)
                }
                Err(rejection) => {
                    let refusal = Refusal::new(rejection, request.method(), request.headers());
                    Ok(P::refuse_inside(refusal.with_identity(request.extensions().get())))
                }
            }
        })
    }
}

fn caller<B>(request: &Request<B>) -> Result<Option<Identity>, Rejection> {
    let caller = adapter::caller(request.extensions()).inspect_err(|_| {
        let (method, path) = (request.method(), request.uri().path());
        tracing::error!(%method, path, "request refused: no AuthLayer is around this RateLimitLayer; make AuthLayer the outer one: the later one in Router::layer, the earlier one in ServiceBuilder and tonic's Server");
    })?;
    Ok(caller.cloned())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use bytes::Bytes;
    use keyward_core::{AccountRecord, AuthLayer, Keys, MemoryStore, NewKey};
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::{Each, RateLimits};

    #[tokio::test]
    async fn responses_state_the_rest_and_refusals_use_the_outer_format() {
        let store = MemoryStore::new();
        let keys = Keys::new(store.clone());
        let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
        keys.put_account(&account).await.unwrap();
        let key = keys.issue(NewKey::secret(account.id, "a")).await.unwrap().key.expose_once();
        let limits = RateLimits::builder().limit("default", Each::Key, 7, Duration::from_secs(70)).build().unwrap();
        let limit = RateLimitLayer::new(limits, "default")
            .cost(|_, uri| if uri.path() == "/dear" { NonZeroU32::new(5).unwrap() } else { NonZeroU32::MIN });
        let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
        let unprotected = limit.layer(inner);
        let service = AuthLayer::new(store).layer(limit.layer(inner));
        let call = async |path: &str| {
            let request = Request::get(path).header("authorization", format!("Bearer {}", *key)).body(()).unwrap();
            service.clone().oneshot(request).await.unwrap()
        };
        let first = call("/").await;
        assert_eq!(first.headers()["ratelimit-policy"], r#""default";q=7;w=70"#);
        assert_eq!(first.headers()["ratelimit"], r#""default";r=6;t=10"#);
        assert_eq!(call("/dear").await.headers()["ratelimit"], r#""default";r=1;t=60"#);
        let refused = call("/dear").await;
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers()["ratelimit-policy"], r#""default";q=7;w=70"#);
        let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((35..=40).contains(&seconds), "{seconds}");
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        assert_eq!(call("/").await.status(), 200, "a refused request cost something");
        let open = unprotected.oneshot(Request::new(())).await.unwrap();
        assert_eq!(open.status(), 500, "a request passed without an AuthLayer");
    }
}
