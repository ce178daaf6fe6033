//! How a refusal is written: status, headers and body.

mod prepared;
mod renderers;

pub(crate) use prepared::Challenges;
pub use renderers::{CodedEnvelope, NumericEnvelope, ProblemJson};

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, Entry, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::event::Event;
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::request_id::{REQUEST_ID, RequestId, X_REQUEST_ID, any_number};
use crate::telemetry::Metrics;

/// As many headers as there can be, and what a server adds.
const HEADERS: usize = 12;
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Writes the body of a refusal. The headers are keyward's own, and so is the verdict.
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
pub trait Render: Send + Sync + 'static {
    /// The status, content type and body for this rejection. Called for every refusal, never for what is let in.
    fn render(&self, rejection: &Rejection, request_id: &RequestId) -> Rendered;
}

/// A refusal's status, content type and body.
#[derive(Clone, Debug)]
pub struct Rendered {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

impl Rendered {
    /// A body of this type. A status that is no refusal (below 400) becomes 500: nothing is let in by a renderer.
    #[must_use]
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let status = if status.as_u16() >= 400 { status } else { StatusCode::INTERNAL_SERVER_ERROR };
        Self { status, content_type, body: body.into() }
    }

    /// A JSON body.
    #[must_use]
    pub fn json(status: StatusCode, content_type: &'static str, body: &serde_json::Value) -> Self {
        Self::new(status, content_type, body.to_string())
    }
}

/// A refusal on its way out: put into a response's extensions by extractors and inner layers, so that the `AuthLayer`
/// around them writes it in its own format.
#[derive(Clone, Debug)]
pub struct Refusal {
    rejection: Rejection,
    request_id: RequestId,
    head: bool,
    identity: Option<Identity>,
}

impl Refusal {
    /// The refusal of a request with these headers and this method.
    #[must_use]
    pub fn new(rejection: Rejection, method: &http::Method, headers: &HeaderMap) -> Self {
        Self { rejection, request_id: RequestId::of(headers), head: method == http::Method::HEAD, identity: None }
    }

    /// The refusal of a request of which the id that its client sent is known, if it sent one, and whether it is HEAD.
    #[must_use]
    pub fn of_parts(rejection: Rejection, sent_id: Option<&[u8]>, head: bool) -> Self {
        Self { rejection, request_id: RequestId::of_bytes(sent_id), head, identity: None }
    }

    /// With the credential that was known and is refused, for [`Event::KeyRefused`].
    #[must_use]
    pub fn with_identity(mut self, identity: Option<&Identity>) -> Self {
        self.identity = identity.cloned();
        self
    }

    /// Why the request is refused.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }

    /// A response in the default format that carries this refusal, for an `AuthLayer` further out to write anew.
    #[must_use]
    pub fn into_response<B: From<Bytes>>(self) -> Response<B> {
        if self.rejection == Rejection::NotConfigured {
            tracing::error!(
                "a handler asks for an identity on a route that no AuthLayer stands around: every request to it is refused"
            );
        }
        static DEFAULT: LazyLock<Presentation> = LazyLock::new(Presentation::default);
        let mut response = DEFAULT.write(&self).map(B::from);
        response.extensions_mut().insert(self);
        response
    }
}

/// Is told of events.
pub(crate) type Hook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// What decides how refusals look, and who hears of them.
#[derive(Clone)]
pub(crate) struct Presentation {
    pub(crate) challenges: Challenges,
    pub(crate) renderer: Arc<dyn Render>,
    pub(crate) private: bool,
    pub(crate) hook: Option<Hook>,
    pub(crate) metrics: Metrics,
}

impl Default for Presentation {
    fn default() -> Self {
        Self {
            challenges: Challenges::new("api"),
            renderer: Arc::new(ProblemJson),
            private: true,
            hook: None,
            metrics: Metrics::default(),
        }
    }
}

impl Presentation {
    /// Counts and reports a refusal, and writes it.
    pub(crate) fn refuse(&self, refusal: &Refusal) -> Response<Bytes> {
        self.metrics.rejected(&refusal.rejection);
        if let Some(hook) = &self.hook {
            if let Some(identity) = &refusal.identity {
                hook(&Event::KeyRefused { identity, rejection: &refusal.rejection });
            }
            hook(&Event::Refused { rejection: &refusal.rejection, request_id: &refusal.request_id });
        }
        self.write(refusal)
    }

    fn write(&self, refusal: &Refusal) -> Response<Bytes> {
        let rendered = self.renderer.render(&refusal.rejection, &refusal.request_id);
        let length = rendered.body.len();
        let mut response = Response::new(if refusal.head { Bytes::new() } else { rendered.body });
        *response.status_mut() = rendered.status;
        let headers = response.headers_mut();
        // At once: the table would otherwise be made anew for the seventh, which servers add.
        headers.reserve(HEADERS);
        if refusal.head {
            // RFC 9110 section 8.6: the length that GET would have, which a server would otherwise say is 0.
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(rendered.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("authorization"));
        let id = refusal.request_id.to_header();
        headers.insert(X_REQUEST_ID, id.clone());
        headers.insert(REQUEST_ID, id);
        if let Some(challenge) = self.challenges.of(&refusal.rejection) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match &refusal.rejection {
            Rejection::RateLimitExceeded(limit) => {
                headers.insert(RETRY_AFTER, limit.retry_after_seconds().into());
                headers.insert(RATELIMIT_POLICY, limit.policy_field());
                headers.insert(RATELIMIT, limit.state_field());
            }
            Rejection::ConcurrencyLimitExceeded(_) | Rejection::StoreUnavailable => {
                headers.insert(RETRY_AFTER, jittered_seconds().into());
            }
            _ => {}
        }
        response
    }

    /// Marks what was made for one caller as theirs alone, unless the handler has said otherwise.
    pub(crate) fn finish<B>(&self, response: &mut Response<B>, authenticated: bool) {
        if !self.private {
            return;
        }
        let headers = response.headers_mut();
        if authenticated {
            headers.entry(CACHE_CONTROL).or_insert(const { HeaderValue::from_static("private, no-store") });
        }
        match headers.entry(VARY) {
            Entry::Vacant(vary) => {
                vary.insert(const { HeaderValue::from_static("authorization") });
            }
            Entry::Occupied(mut vary) => {
                if !vary.iter().any(names_authorization) {
                    vary.append(const { HeaderValue::from_static("authorization") });
                }
            }
        }
    }
}

fn names_authorization(vary: &HeaderValue) -> bool {
    vary.as_bytes()
        .split(|&b| b == b',')
        .map(<[u8]>::trim_ascii)
        .any(|name| name == b"*" || name.eq_ignore_ascii_case(b"authorization"))
}

/// One to three seconds, so that clients that were refused together do not come back together.
fn jittered_seconds() -> u64 {
    1 + any_number() % 3
}
