//! Formats of refusals. Defaults to [`ProblemJson`]:
//! ```
//! use keyward::render::CodedEnvelope;
//! use keyward::{Authenticator, MemoryStore};
//!
//! let authenticator = Authenticator::builder(MemoryStore::new()).renderer(CodedEnvelope::new()).build()?;
//! # Ok::<(), keyward::adapter::BuildError>(())
//! ```

mod current;
mod prepared;
mod renderers;

pub(crate) use current::{CurrentRequest, Entered};
pub(crate) use prepared::Challenges;
pub use renderers::{CodedEnvelope, NumericEnvelope, ProblemJson};

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::event::Event;
use crate::identity::Identity;
use crate::location::{Locations, names};
use crate::rejection::Rejection;
use crate::request_id::{RequestId, X_REQUEST_ID, any_number};
use crate::telemetry::Metrics;

const HEADERS: usize = 12;
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Writes refusals, and changes neither verdicts nor headers.
///
/// A closure `|rejection: &Rejection, id: &RequestId| Rendered::json(…)` is a renderer.
///
/// # Examples
/// ```
/// use keyward::adapter::RequestId;
/// use keyward::render::{Render, Rendered};
/// use keyward::Rejection;
///
/// struct Plain;
///
/// impl Render for Plain {
///     fn render(&self, rejection: &Rejection, _: &RequestId) -> Rendered {
///         Rendered::new(rejection.status(), "text/plain", rejection.message())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no format of refusals",
    note = "pass `ProblemJson`, `CodedEnvelope::new()` or a closure with typed parameters: `|rejection: &Rejection, id: &RequestId| Rendered::json(…)`"
)]
pub trait Render: Send + Sync + 'static {
    /// Returns the status, content type and body.
    fn render(&self, rejection: &Rejection, request_id: &RequestId) -> Rendered;
}

impl<F> Render for F
where
    F: Fn(&Rejection, &RequestId) -> Rendered + Send + Sync + 'static,
{
    fn render(&self, rejection: &Rejection, request_id: &RequestId) -> Rendered {
        self(rejection, request_id)
    }
}

/// A status, content type and body.
#[derive(Clone, Debug)]
pub struct Rendered {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

impl Rendered {
    /// Creates a body. A status below 400 becomes 500.
    #[must_use]
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let status = if status.as_u16() >= 400 { status } else { StatusCode::INTERNAL_SERVER_ERROR };
        Self { status, content_type, body: body.into() }
    }

    /// Creates a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, content_type: &'static str, body: &serde_json::Value) -> Self {
        Self::new(status, content_type, body.to_string())
    }
}

/// A refusal in a response's extensions, which an outer `AuthLayer` writes.
#[derive(Clone, Debug)]
pub struct Refusal {
    rejection: Rejection,
    request_id: RequestId,
    head: bool,
    identity: Option<Identity>,
    detached: bool,
}

impl Refusal {
    /// Creates the refusal of a request.
    #[must_use]
    pub fn new(rejection: Rejection, method: &http::Method, headers: &HeaderMap) -> Self {
        Self {
            rejection,
            request_id: RequestId::of(headers),
            head: method == http::Method::HEAD,
            identity: None,
            detached: false,
        }
    }

    /// Creates a refusal with the client's request id, for HEAD if `head`.
    #[must_use]
    pub fn of_parts(rejection: Rejection, sent_id: Option<&[u8]>, head: bool) -> Self {
        Self { rejection, request_id: RequestId::of_bytes(sent_id), head, identity: None, detached: false }
    }

    /// Creates a refusal in a place that does not know the request. It has a new request id.
    ///
    /// A [`RequestIdLayer`](crate::RequestIdLayer) adds the request's id and method, and an inner one the identity.
    #[must_use]
    pub fn detached(rejection: Rejection) -> Self {
        Self { detached: true, ..Self::of_parts(rejection, None, false) }
    }

    pub(crate) fn complete(&mut self, request: Option<CurrentRequest>) {
        if let Some(CurrentRequest { id, head, identity }) = request.filter(|_| self.detached) {
            *self = Self { request_id: id, head, identity, detached: false, rejection: self.rejection.clone() };
        }
    }

    /// Adds the identity of an accepted request, for [`Event::KeyRefused`].
    #[must_use]
    pub fn with_identity(mut self, identity: Option<&Identity>) -> Self {
        self.identity = identity.cloned();
        self
    }

    /// Returns the reason.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }

    /// Returns the request's id.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Returns a response, which an outer `AuthLayer` rewrites in its format.
    #[must_use]
    pub fn into_response<B: From<Bytes>>(mut self) -> Response<B> {
        self.complete(CurrentRequest::get());
        static DEFAULT: LazyLock<Presentation> = LazyLock::new(Presentation::default);
        let mut response = DEFAULT.write(&self).map(B::from);
        response.extensions_mut().insert(self);
        response
    }
}

pub(crate) type Hook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Presentation {
    pub(crate) challenges: Challenges,
    pub(crate) renderer: Arc<dyn Render>,
    pub(crate) private: bool,
    pub(crate) vary_always: bool,
    pub(crate) hook: Option<Hook>,
    pub(crate) metrics: Metrics,
    pub(crate) locations: Option<Arc<Locations>>,
}

impl Default for Presentation {
    fn default() -> Self {
        Self {
            challenges: Challenges::new("api"),
            renderer: Arc::new(ProblemJson),
            private: true,
            vary_always: false,
            hook: None,
            metrics: Metrics::default(),
            locations: None,
        }
    }
}

impl Presentation {
    pub(crate) fn refuse(&self, refusal: &Refusal) -> Response<Bytes> {
        if refusal.detached
            && let request @ Some(_) = CurrentRequest::get()
        {
            let mut refusal = refusal.clone();
            refusal.complete(request);
            return self.refuse_completed(&refusal);
        }
        self.refuse_completed(refusal)
    }

    fn refuse_completed(&self, refusal: &Refusal) -> Response<Bytes> {
        self.metrics.rejected(&refusal.rejection, refusal.request_id.as_str());
        if let Some(hook) = &self.hook {
            if let Some(identity) = &refusal.identity {
                hook(&Event::KeyRefused { identity, rejection: &refusal.rejection, accepted: true });
            }
            hook(&Event::Refused { rejection: &refusal.rejection, request_id: &refusal.request_id });
        }
        self.write(refusal)
    }

    /// Neither counts nor reports it.
    pub(crate) fn write(&self, refusal: &Refusal) -> Response<Bytes> {
        let explained = self.explain(&refusal.rejection);
        let rejection = explained.as_ref().unwrap_or(&refusal.rejection);
        let rendered = self.renderer.render(rejection, &refusal.request_id);
        let length = rendered.body.len();
        let mut response = Response::new(if refusal.head { Bytes::new() } else { rendered.body });
        *response.status_mut() = rendered.status;
        let headers = response.headers_mut();
        // Reserved at once: otherwise the seventh header, which a server adds, would grow the table.
        headers.reserve(HEADERS);
        if refusal.head {
            // RFC 9110 section 8.6: the length that GET would have. Otherwise a server would state 0.
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(rendered.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.vary_always {
            let alone = || HeaderValue::from_static("authorization");
            headers.insert(VARY, self.locations.as_ref().map_or_else(alone, |locations| locations.vary()));
        }
        headers.insert(X_REQUEST_ID, refusal.request_id.to_header());
        if let Some(challenge) = self.challenges.of(&refusal.rejection) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match &refusal.rejection {
            Rejection::RateLimitExceeded(limit) => {
                headers.insert(RETRY_AFTER, limit.retry_after_seconds().into());
                headers.insert(RATELIMIT_POLICY, limit.policy_field());
                headers.insert(RATELIMIT, limit.state_field());
            }
            Rejection::BudgetExhausted(budget) => {
                if let Some(seconds) = budget.resets_in_seconds() {
                    headers.insert(RETRY_AFTER, seconds.into());
                }
                headers.insert(RATELIMIT_POLICY, budget.policy_field());
                headers.insert(RATELIMIT, budget.state_field());
            }
            Rejection::ConcurrencyLimitExceeded(_) | Rejection::StoreUnavailable => {
                headers.insert(RETRY_AFTER, jittered_seconds().into());
            }
            Rejection::Custom(custom) => {
                if let Some(seconds) = custom.retry_after_seconds() {
                    headers.insert(RETRY_AFTER, seconds.into());
                }
            }
            _ => {}
        }
        response
    }

    pub(crate) fn finish<B>(&self, response: &mut Response<B>, authenticated: bool) {
        if !self.private {
            return;
        }
        let headers = response.headers_mut();
        // A cache can select a stored answer only if the handler lets it store one, or for an anonymous request.
        if authenticated && !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, const { HeaderValue::from_static("private, no-store") });
            if !self.vary_always {
                return;
            }
        } else if authenticated && self.locations.is_some() {
            Locations::keep_from_shared_caches(headers);
        }
        match &self.locations {
            None => vary(headers),
            Some(locations) => locations.add_to_vary(headers),
        }
    }

    pub(crate) fn explain(&self, rejection: &Rejection) -> Option<Rejection> {
        self.locations.as_ref()?.explain(rejection)
    }
}

fn vary(headers: &mut HeaderMap) {
    if !names(headers.get_all(VARY), AUTHORIZATION.as_str()) {
        headers.append(VARY, const { HeaderValue::from_static("authorization") });
    }
}

/// Spreads retries.
fn jittered_seconds() -> u64 {
    1 + any_number() % 3
}
