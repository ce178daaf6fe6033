use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Uri};
use keyward_core::rejection::RateLimit;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;

use crate::rates::RateLimiter;

const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

type Cost = dyn Fn(&Method, &Uri) -> NonZeroU32 + Send + Sync;

/// A named limit and the cost of requests, for middleware. Clones share the counters.
///
/// [`RateLimitLayer`](crate::RateLimitLayer) uses it on tower. An adapter to another framework does the same:
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use keyward::Identity;
/// use keyward::limits::{Each, RateLimits, RequestLimit};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = RateLimits::builder().limit("default", Each::Key, 7, Duration::from_secs(70)).build()?;
/// let limit = RequestLimit::new(limits, "default").cost(|_, uri| match uri.path() {
///     "/exports" => NonZeroU32::new(5).unwrap(),
///     _ => NonZeroU32::MIN,
/// });
/// let caller = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let cost = limit.cost_of(&http::Method::GET, &http::Uri::from_static("/exports"));
/// let spent = limit.spend(Some(&caller), cost).await?.unwrap();
/// let [(_, policy), (_, state)] = RequestLimit::fields(&spent);
/// assert_eq!((policy, state), (r#""default";q=7;w=70"#.parse()?, r#""default";r=2;t=50"#.parse()?));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RequestLimit(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    limiter: Arc<dyn RateLimiter>,
    limit: SmolStr,
    cost: Option<Arc<Cost>>,
}

impl RequestLimit {
    /// Limits requests with a cost of one.
    pub fn new(limiter: impl RateLimiter, limit: impl Into<SmolStr>) -> Self {
        Self(Arc::new(Inner { limiter: Arc::new(limiter), limit: limit.into(), cost: None }))
    }

    /// Sets the cost by method and target.
    #[must_use]
    pub fn cost(self, cost: impl Fn(&Method, &Uri) -> NonZeroU32 + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { cost: Some(Arc::new(cost)), ..Inner::clone(&self.0) }))
    }

    /// Returns `true` if every request costs one.
    #[must_use]
    pub fn has_one_cost(&self) -> bool {
        self.0.cost.is_none()
    }

    /// Returns a request's cost.
    #[must_use]
    pub fn cost_of(&self, method: &Method, uri: &Uri) -> NonZeroU32 {
        self.0.cost.as_ref().map_or(NonZeroU32::MIN, |cost| cost(method, uri))
    }

    /// Spends a request's cost. A request without a credential spends nothing.
    ///
    /// # Errors
    /// As for [`RateLimiter::spend`].
    pub async fn spend(&self, caller: Option<&Identity>, cost: NonZeroU32) -> Result<Option<RateLimit>, Rejection> {
        match caller {
            Some(caller) => self.0.limiter.spend(caller, &self.0.limit, cost).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns a response's `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).
    #[must_use]
    pub fn fields(spent: &RateLimit) -> [(HeaderName, HeaderValue); 2] {
        [(RATELIMIT_POLICY, spent.policy_field()), (RATELIMIT, spent.state_field())]
    }
}

impl fmt::Debug for RequestLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLimit").field("limit", &self.0.limit).finish_non_exhaustive()
    }
}
