//! The request that a thread works on, for a record of recent requests.
//!
//! The hook of an authenticator knows the key and the verdict. A layer around it knows the method, the route and the
//! client. The layer's future states them for the time of each poll, and the hook adds its part. A service without the
//! layer and the hook pays for neither.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use smol_str::SmolStr;

use crate::event::Event;
use crate::id::{AccountId, CredentialId};
use crate::identity::{CredentialKind, Identity};
use crate::rejection::Rejection;
use crate::scope::{Requirement, Scope, first_distinct};

/// The outcome of an accepted request.
const OK: &str = "OK";

/// Longer routes count as unknown.
const MAX_ROUTE: usize = 256;

/// So that a record is small.
const MAX_MISSING: usize = 8;

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

thread_local!(static CURRENT: Cell<Option<Box<Parts>>> = const { Cell::new(None) });

/// A request with a known key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedRequest {
    /// The key.
    pub key: CredentialId,
    /// Its account.
    pub account: AccountId,
    /// The method, if it is known and one of RFC 9110 or PATCH.
    pub method: Option<&'static str>,
    /// The pattern of the route, such as `/v1/videos/{id}`, if it is known. Never the path, which may hold personal data.
    pub route: Option<SmolStr>,
    /// The client's address, if it is known.
    pub client: Option<IpAddr>,
    /// `OK`, or the [code](crate::Rejection::code) of the refusal.
    pub outcome: &'static str,
    /// The scopes that a key lacked, the first 8 of them.
    pub missing: Option<Requirement>,
}

/// A record of requests. It runs on the request's thread and must not block.
pub trait RecordRequest: Send + Sync + 'static {
    /// Records a request when its answer is known.
    fn record(&self, request: ObservedRequest);
}

impl<F: Fn(ObservedRequest) + Send + Sync + 'static> RecordRequest for F {
    fn record(&self, request: ObservedRequest) {
        self(request);
    }
}

#[derive(Default)]
struct Parts {
    method: Option<&'static str>,
    route: Option<SmolStr>,
    client: Option<IpAddr>,
    seen: Option<Seen>,
}

struct Seen {
    key: CredentialId,
    account: AccountId,
    outcome: &'static str,
    missing: Option<Requirement>,
    recorder: Arc<dyn RecordRequest>,
}

/// The known parts of a request that has no answer yet. Dropping it records the request, if a hook saw its key.
///
/// An adapter to a framework creates one for each request, and polls the inner service within it.
///
/// # Examples
/// ```
/// use std::sync::{Arc, Mutex};
/// use keyward::adapter::{Observation, ObservedRequest, RecordRequest};
/// use keyward::{Event, Identity};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let (records, identity) = (seen.clone(), Identity::api_key("key_1".parse()?, "acct_1".parse()?));
/// let recorder: Arc<dyn RecordRequest> = Arc::new(move |request: ObservedRequest| records.lock().unwrap().push(request));
/// let hook = move |event: &Event<'_>| Observation::note(event, &recorder);
///
/// let answer = async { hook(&Event::Accepted { identity: &identity }) };
/// Observation::new(Some("GET"), Some("/v1/videos/{id}"), None).over(answer).await;
/// let seen = seen.lock().unwrap();
/// assert_eq!((seen[0].outcome, seen[0].route.as_deref()), ("OK", Some("/v1/videos/{id}")));
/// # Ok(()) }
/// ```
#[must_use = "the request is recorded when this is dropped"]
pub struct Observation(Option<Box<Parts>>);

impl Observation {
    /// Begins with the method, the pattern of the route and the client's address, as far as they are known.
    pub fn new(method: Option<&str>, route: Option<&str>, client: Option<IpAddr>) -> Self {
        let mut parts = Box::<Parts>::default();
        parts.describe(method, route, client);
        Self(Some(parts))
    }

    /// Returns `true` if the thread works on an observed request.
    #[must_use]
    pub fn is_current() -> bool {
        with_current(|_| ()).is_some()
    }

    /// Replaces what is known of the thread's request, for a gateway that states the request of its client.
    pub fn describe(method: Option<&str>, route: Option<&str>, client: Option<IpAddr>) {
        with_current(|parts| parts.describe(method, route, client));
    }

    /// Adds the pattern of the route to the thread's request, for a layer inside of a router.
    pub fn note_route(route: &str) {
        with_current(|parts| parts.set_route(Some(route)));
    }

    /// Adds the key and the outcome to the thread's request. Call it in a hook for
    /// [`on_event`](crate::adapter::AuthenticatorBuilder::on_event).
    ///
    /// A later refusal replaces an earlier outcome. Access tokens are not recorded.
    pub fn note(event: &Event<'_>, recorder: &Arc<dyn RecordRequest>) {
        with_current(|parts| match event {
            Event::Accepted { identity } => parts.see(identity, OK, None, recorder),
            Event::KeyRefused { identity, rejection, .. } => {
                let missing = missing(rejection, |scope| !identity.allows(scope));
                parts.see(identity, rejection.code(), missing, recorder);
            }
            Event::Refused { rejection, .. } => {
                if let Some(seen) = &mut parts.seen {
                    seen.outcome = rejection.code();
                    let known = seen.missing.take();
                    seen.missing = missing(rejection, |_| true).map(|all| known.unwrap_or(all));
                }
            }
            Event::ScopesGranted { .. } | Event::Compromised { .. } => {}
        });
    }

    /// Makes it the thread's request until the guard is dropped.
    pub fn enter(&mut self) -> EnteredObservation<'_> {
        swap(self);
        EnteredObservation(self)
    }

    /// Polls `future` within it.
    pub fn over<F: Future>(self, future: F) -> Observing<F> {
        Observing { future, observation: Some(self) }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let Some(Parts { method, route, client, seen: Some(seen) }) = self.0.take().map(|parts| *parts) else { return };
        let Seen { key, account, outcome, missing, recorder } = seen;
        recorder.record(ObservedRequest { key, account, method, route, client, outcome, missing });
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation").finish_non_exhaustive()
    }
}

impl Parts {
    fn describe(&mut self, method: Option<&str>, route: Option<&str>, client: Option<IpAddr>) {
        self.method = method.and_then(|method| METHODS.into_iter().find(|known| *known == method));
        self.client = client;
        self.set_route(route);
    }

    fn set_route(&mut self, route: Option<&str>) {
        self.route = route.filter(|route| (1..=MAX_ROUTE).contains(&route.len())).map(SmolStr::new);
    }

    fn see(
        &mut self,
        identity: &Identity,
        outcome: &'static str,
        missing: Option<Requirement>,
        recorder: &Arc<dyn RecordRequest>,
    ) {
        if identity.kind() != CredentialKind::AccessToken {
            let (key, account) = (identity.id().clone(), identity.account().clone());
            self.seen = Some(Seen { key, account, outcome, missing, recorder: Arc::clone(recorder) });
        }
    }
}

fn missing(rejection: &Rejection, lacks: impl Fn(&Scope) -> bool) -> Option<Requirement> {
    let Rejection::InsufficientScope(required) = rejection else { return None };
    let scopes = first_distinct(required.scopes(), MAX_MISSING, lacks).into_iter().cloned();
    Some(if required.is_any() { Requirement::any_of(scopes) } else { Requirement::all_of(scopes) })
}

fn with_current<T>(work: impl FnOnce(&mut Parts) -> T) -> Option<T> {
    CURRENT.with(|current| {
        let mut parts = current.take()?;
        let done = work(&mut parts);
        current.set(Some(parts));
        Some(done)
    })
}

/// The time in which an [`Observation`] is the thread's request.
pub struct EnteredObservation<'a>(&'a mut Observation);

impl Drop for EnteredObservation<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

impl fmt::Debug for EnteredObservation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnteredObservation").finish_non_exhaustive()
    }
}

/// Observations may be nested: an inner one gives the outer one back.
fn swap(observation: &mut Observation) {
    observation.0 = CURRENT.replace(observation.0.take());
}

pin_project! {
    /// A future within an [`Observation`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Observing<F> {
        #[pin]
        future: F,
        observation: Option<Observation>,
    }
}

impl<F> Observing<F> {
    /// A future that nothing observes.
    pub fn nothing(future: F) -> Self {
        Self { future, observation: None }
    }
}

impl<F: Future> Future for Observing<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let projected = self.project();
        let Some(observation) = projected.observation else { return projected.future.poll(cx) };
        let entered = observation.enter();
        let polled = projected.future.poll(cx);
        drop(entered);
        if polled.is_ready() {
            // Now, because the future itself may be kept for longer.
            *projected.observation = None;
        }
        polled
    }
}

impl<F> fmt::Debug for Observing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observing").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // An unwrap is an assertion here.
mod tests {
    use std::sync::Mutex;

    use crate::request_id::RequestId;

    use super::*;

    fn recorder() -> (Arc<Mutex<Vec<ObservedRequest>>>, Arc<dyn RecordRequest>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let records = Arc::clone(&seen);
        (seen, Arc::new(move |request| records.lock().unwrap().push(request)))
    }

    fn identity(key: &str) -> Identity {
        Identity::api_key(key.parse().unwrap(), "acct_1".parse().unwrap())
    }

    #[test]
    fn the_last_refusal_of_a_known_key_is_its_outcome() {
        let (key, id) = (identity("key_1"), RequestId::of_bytes(None));
        let accepted = Event::Accepted { identity: &key };
        let of_key = Event::KeyRefused { identity: &key, rejection: &Rejection::KeyRevoked, accepted: false };
        let of_handler = Event::Refused { rejection: &Rejection::StoreUnavailable, request_id: &id };
        for (events, outcome) in [
            (&[][..], None),
            (&[of_handler], None),
            (&[accepted], Some("OK")),
            (&[of_key], Some("API_KEY_REVOKED")),
            (&[accepted, of_key], Some("API_KEY_REVOKED")),
            (&[accepted, of_handler], Some("SERVICE_UNAVAILABLE")),
        ] {
            let (seen, recorder) = recorder();
            let mut observation = Observation::new(Some("GET"), None, None);
            let entered = observation.enter();
            events.iter().for_each(|event| Observation::note(event, &recorder));
            drop(entered);
            assert!(seen.lock().unwrap().is_empty(), "its answer is not known yet");
            drop(observation);
            assert_eq!(seen.lock().unwrap().first().map(|request| request.outcome), outcome);
        }
    }

    #[test]
    fn the_missing_scopes_are_kept_unless_another_refusal_follows() {
        let many: Vec<String> = (0..10).map(|number| format!("a{number}:read")).collect();
        let scopes = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Scope>>();
        let all = |names: &[&str]| Requirement::all_of(scopes(names));
        let any = |names: &[&str]| Requirement::any_of(scopes(names));
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let key = identity("key_1").with_scopes("jobs:read".parse().unwrap());
        let id = RequestId::of_bytes(None);
        for (required, then, kept) in [
            (all(&["jobs:read", "jobs:write"]), None, Some(all(&["jobs:write"]))),
            // Each scope once.
            (all(&[["jobs:write"; 9].as_slice(), &["a:read"]].concat()), None, Some(all(&["jobs:write", "a:read"]))),
            (any(&["a:read", "b:read"]), None, Some(any(&["a:read", "b:read"]))),
            (all(&many), None, Some(all(&many[..MAX_MISSING]))),
            (all(&["jobs:write"]), Some(Rejection::StoreUnavailable), None),
        ] {
            let (seen, recorder) = recorder();
            let refused = Rejection::InsufficientScope(required);
            let mut observation = Observation::new(Some("GET"), None, None);
            let entered = observation.enter();
            let of_key = Event::KeyRefused { identity: &key, rejection: &refused, accepted: true };
            let of_request = Event::Refused { rejection: then.as_ref().unwrap_or(&refused), request_id: &id };
            [of_key, of_request].iter().for_each(|event| Observation::note(event, &recorder));
            drop(entered);
            drop(observation);
            assert_eq!(seen.lock().unwrap()[0].missing, kept);
        }
    }

    #[test]
    fn only_known_methods_and_short_routes_are_kept() {
        let long = "/".repeat(MAX_ROUTE + 1);
        for (method, route, kept) in [
            (Some("PATCH"), Some("/v1/{id}"), (Some("PATCH"), Some("/v1/{id}"))),
            (Some("get"), Some(""), (None, None)),
            (Some("PROPFIND"), Some(long.as_str()), (None, None)),
            (None, None, (None, None)),
        ] {
            let observation = Observation::new(method, route, None);
            let parts = observation.0.as_ref().unwrap();
            assert_eq!((parts.method, parts.route.as_deref()), kept);
        }
    }

    #[tokio::test]
    async fn a_nested_request_is_recorded_apart_from_the_outer_one() {
        let (seen, recorder) = recorder();
        let (inner, outer) = (identity("key_inner"), identity("key_outer"));
        let note = |key: &Identity| Observation::note(&Event::Accepted { identity: key }, &recorder);
        let work = async {
            Observation::new(Some("POST"), None, None).over(async { note(&inner) }).await;
            tokio::task::yield_now().await;
            note(&outer);
            Observation::note_route("/outer");
        };
        Observation::new(Some("GET"), None, None).over(work).await;
        note(&outer);
        let seen = seen.lock().unwrap();
        let seen: Vec<_> = seen.iter().map(|seen| (seen.key.as_str(), seen.method, seen.route.as_deref())).collect();
        assert_eq!(seen, [("key_inner", Some("POST"), None), ("key_outer", Some("GET"), Some("/outer"))]);
        assert!(!Observation::is_current());
    }

    #[tokio::test]
    async fn a_request_whose_client_left_is_recorded() {
        let (seen, recorder) = recorder();
        let key = identity("key_1");
        let work = async {
            Observation::note(&Event::Accepted { identity: &key }, &recorder);
            std::future::pending::<()>().await;
        };
        let mut observing = Box::pin(Observation::new(Some("GET"), None, None).over(work));
        assert!(futures_util::poll!(&mut observing).is_pending());
        assert!(seen.lock().unwrap().is_empty());
        drop(observing);
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
}
