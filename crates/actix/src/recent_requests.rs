use std::fmt;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actix_web::dev::{Service, ServiceRequest, Transform};
use keyward_core::Authenticator;
use keyward_core::adapter::{Observation, Observing};

use crate::auth::Seen;

/// A middleware that states each request's method, route and client, for a record of recent requests.
///
/// Wrap it directly after [`Auth`](crate::Auth), around it. A hook that calls [`Observation::note`] adds the key and the outcome.
///
/// # Examples
/// ```
/// use actix_web::{App, web};
/// use keyward::actix::{Auth, RecentRequests};
/// use keyward::manage::{Management, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).recent_requests().build()?;
/// let authenticator = management.verifier()?;
/// let app = App::new()
///     .route("/v1/videos/{id}", web::get().to(async || "a video"))
///     .wrap(Auth::from(authenticator.clone()))
///     .wrap(RecentRequests::new(&authenticator));
/// # let _ = app;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct RecentRequests {
    authenticator: Authenticator,
}

impl RecentRequests {
    /// Creates the middleware. The client's address is read as `authenticator` reads it.
    #[must_use]
    pub fn new(authenticator: &Authenticator) -> Self {
        Self { authenticator: authenticator.clone() }
    }
}

impl<S: Service<ServiceRequest>> Transform<S, ServiceRequest> for RecentRequests {
    type Response = S::Response;
    type Error = S::Error;
    type Transform = RecentRequestsService<S>;
    type InitError = ();
    type Future = Ready<Result<RecentRequestsService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RecentRequestsService { service, authenticator: self.authenticator.clone() }))
    }
}

/// A service behind [`RecentRequests`].
pub struct RecentRequestsService<S> {
    service: S,
    authenticator: Authenticator,
}

impl<S> fmt::Debug for RecentRequestsService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecentRequestsService").field("authenticator", &self.authenticator).finish_non_exhaustive()
    }
}

impl<S: Service<ServiceRequest>> Service<ServiceRequest> for RecentRequestsService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Observing<S::Future>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let client = self.authenticator.client(&Seen(request.request()));
        let route = request.match_pattern();
        let mut observation = Observation::new(Some(request.method().as_str()), route.as_deref(), client);
        let entered = observation.enter();
        let future = self.service.call(request);
        drop(entered);
        observation.over(future)
    }
}
