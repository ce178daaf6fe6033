use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Uri};
use keyward_core::rejection::RateLimit;
use keyward_core::{Identity, Rejection};
use smol_str::SmolStr;

use crate::limits::{Limits, RATELIMIT, RATELIMIT_POLICY, Spent};
use crate::rates::RateLimiter;
use crate::rules::RateRule;

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
    source: Source,
    cost: Option<Arc<Cost>>,
}

#[derive(Clone)]
enum Source {
    Limiter { limiter: Arc<dyn RateLimiter>, limit: SmolStr },
    Rules { limits: Limits, rates: Vec<SmolStr>, budgets: bool },
}

impl RequestLimit {
    /// Limits requests with a cost of one.
    ///
    /// A limiter that does not [name its limits](RateLimiter::limits) refuses each request with a wrong name:
    /// [`Rejection::NotConfigured`].
    ///
    /// # Panics
    /// If the limiter names its limits, and none has this name.
    pub fn new(limiter: impl RateLimiter, limit: impl Into<SmolStr>) -> Self {
        let limit = limit.into();
        if let Some(known) = limiter.limits() {
            known.assert_has(&limit);
        }
        let source = Source::Limiter { limiter: Arc::new(limiter), limit };
        Self(Arc::new(Inner { source, cost: None }))
    }

    /// Limits requests by [`LimitRules`](crate::LimitRules): by the rate `default`, and by budgets.
    ///
    /// # Examples
    /// ```
    /// use keyward::limits::{Limits, MemoryLimits, RateLimitLayer, RequestLimit};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limits = Limits::start(MemoryLimits::new()).await?;
    /// let everything: RateLimitLayer = RequestLimit::from_rules(limits.clone()).into();
    /// // Inside of it, for some routes: their own rate in addition, and no second charge.
    /// let exports: RateLimitLayer = RequestLimit::from_rules(limits).rates(["exports"]).without_budgets().into();
    /// # let _ = (everything, exports);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn from_rules(limits: Limits) -> Self {
        let source = Source::Rules { limits, rates: vec!["default".into()], budgets: true };
        Self(Arc::new(Inner { source, cost: None }))
    }

    /// Sets the names of the rates, for [`from_rules`](Self::from_rules). Defaults to `default`.
    ///
    /// A name that no rule has limits nothing, and the first request logs a warning with the names that rules have: rules are data, so
    /// one with this name may come later.
    ///
    /// # Panics
    /// If no rule can have a name, such as `a b`.
    #[must_use]
    pub fn rates<N: Into<SmolStr>>(self, names: impl IntoIterator<Item = N>) -> Self {
        let mut inner = Inner::clone(&self.0);
        if let Source::Rules { rates, .. } = &mut inner.source {
            *rates = names.into_iter().map(Into::into).collect();
            if let Some(malformed) = rates.iter().find(|name| !RateRule::is_name(name)) {
                panic!("no rule can have the rate {malformed:?}: expected 1 to 32 of `a-z A-Z 0-9 _ -`");
            }
        }
        Self(Arc::new(inner))
    }

    /// Spends no credits, for [`from_rules`](Self::from_rules).
    #[must_use]
    pub fn without_budgets(self) -> Self {
        let mut inner = Inner::clone(&self.0);
        if let Source::Rules { budgets, .. } = &mut inner.source {
            *budgets = false;
        }
        Self(Arc::new(inner))
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
        let spent = self.spend_all(caller, cost).await?;
        Ok(spent.rates.into_iter().min_by_key(|rate| rate.remaining))
    }

    /// Spends a request's cost as [`spend`](Self::spend) does. Returns what is left of every rate, and of the budget.
    ///
    /// # Errors
    /// As for [`RateLimiter::spend`] and [`Limits::spend`].
    pub async fn spend_all(&self, caller: Option<&Identity>, cost: NonZeroU32) -> Result<Spent, Rejection> {
        let Some(caller) = caller else { return Ok(Spent::default()) };
        match &self.0.source {
            Source::Limiter { limiter, limit } => limiter.spend(caller, limit, cost).await.map(Spent::from),
            Source::Rules { limits, rates, budgets } => limits.spend_from(caller, rates, *budgets, cost).await,
        }
    }

    /// Finds out whether [`spend_all`](Self::spend_all) would refuse. It spends nothing, except with a [`RateLimiter`] that accepts.
    ///
    /// # Errors
    /// As for [`spend_all`](Self::spend_all).
    pub async fn check(&self, caller: Option<&Identity>, cost: NonZeroU32) -> Result<(), Rejection> {
        match (&self.0.source, caller) {
            (Source::Rules { limits, rates, budgets }, Some(caller)) => {
                limits.check_from(caller, rates, *budgets, cost).await
            }
            _ => self.spend_all(caller, cost).await.map(drop),
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
        match &self.0.source {
            Source::Limiter { limit, .. } => {
                f.debug_struct("RequestLimit").field("limit", limit).finish_non_exhaustive()
            }
            Source::Rules { rates, .. } => f.debug_struct("RequestLimit").field("rates", rates).finish_non_exhaustive(),
        }
    }
}
