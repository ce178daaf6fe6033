use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use keyward_core::rejection::RateLimit;
use keyward_core::render::Refusal;
use keyward_core::{Anonymous, Identity, Rejection};
use smol_str::SmolStr;
use tower_layer::Layer;
use tower_service::Service;

use crate::rates::RateLimiter;

const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

type Cost = dyn Fn(&http::Method, &http::Uri) -> NonZeroU32 + Send + Sync;

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
#[derive(Clone)]
pub struct RateLimitLayer(Arc<Limiting>);

struct Limiting {
    limiter: Arc<dyn RateLimiter>,
    limit: SmolStr,
    cost: Arc<Cost>,
}

impl RateLimitLayer {
    /// Creates a layer that spends one unit per request.
    pub fn new(limiter: impl RateLimiter, limit: impl Into<SmolStr>) -> Self {
        Self(Arc::new(Limiting {
            limiter: Arc::new(limiter),
            limit: limit.into(),
            cost: Arc::new(|_, _| NonZeroU32::MIN),
        }))
    }

    /// Sets the cost by method and target.
    #[must_use]
    pub fn cost(self, cost: impl Fn(&http::Method, &http::Uri) -> NonZeroU32 + Send + Sync + 'static) -> Self {
        Self(Arc::new(Limiting {
            limiter: Arc::clone(&self.0.limiter),
            limit: self.0.limit.clone(),
            cost: Arc::new(cost),
        }))
    }
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer").field("limit", &self.0.limit).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimitService<S>;

    fn layer(&self, inner: S) -> RateLimitService<S> {
        RateLimitService { inner, limiting: Arc::clone(&self.0) }
    }
}

/// A service behind a [`RateLimitLayer`].
#[derive(Clone)]
pub struct RateLimitService<S> {
    inner: S,
    limiting: Arc<Limiting>,
}

impl<S: fmt::Debug> fmt::Debug for RateLimitService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The future of [`RateLimitService`].
pub type RateLimitFuture<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RateLimitService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    ReqBody: Send + 'static,
    ResBody: From<Bytes>,
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
        let limiting = Arc::clone(&self.limiting);
        let caller = request.extensions().get::<Identity>().cloned();
        let is_anonymous = request.extensions().get::<Anonymous>().is_some();
        let cost = (limiting.cost)(request.method(), request.uri());
        Box::pin(async move {
            let spent = match caller {
                Some(caller) => limiting.limiter.spend(&caller, &limiting.limit, cost).await.map(Some),
                None if is_anonymous => Ok(None),
                None => {
                    let (method, path) = (request.method(), request.uri().path());
                    tracing::error!(%method, path, "request refused: no AuthLayer is around this RateLimitLayer; make AuthLayer the outer one, in Router::layer the later one");
                    Err(Rejection::NotConfigured)
                }
            };
            match spent {
                Ok(spent) => {
                    let mut response = ready.call(request).await?;
                    if let Some(limit) = spent {
                        write(&limit, &mut response);
                    }
                    Ok(response)
                }
                Err(rejection) => {
                    let refusal = Refusal::new(rejection, request.method(), request.headers());
                    Ok(refusal.with_identity(request.extensions().get()).into_response())
                }
            }
        })
    }
}

fn write<B>(limit: &RateLimit, response: &mut Response<B>) {
    response.headers_mut().append(RATELIMIT_POLICY, limit.policy_field());
    response.headers_mut().append(RATELIMIT, limit.state_field());
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

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
