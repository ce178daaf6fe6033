use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpResponse};
use keyward_core::adapter::CredentialFault;
use keyward_core::policy::{Policy, from_guard};
use keyward_core::{Guard, Rejection};
use pin_project_lite::pin_project;

use crate::auth_rejection::AuthRejection;
use crate::extract::caller;
use crate::own_account;

/// A middleware that applies a policy to every request.
///
/// Without an outer [`Auth`](crate::Auth), it answers 500 and logs an error.
///
/// # Examples
/// ```
/// use actix_web::web;
/// use keyward::{Requirement, Scope};
/// use keyward::actix::Require;
///
/// let jobs = web::scope("/jobs").wrap(Require::new(Requirement::all_of([Scope::from_static("jobs:write")])));
/// # let _: actix_web::Scope<_> = jobs;
/// ```
#[derive(Clone)]
pub struct Require {
    rule: Rule,
}

#[derive(Clone)]
enum Rule {
    Policy(Arc<dyn Policy>),
    OwnAccount,
}

impl Require {
    /// Creates a middleware.
    #[must_use]
    pub fn new(policy: impl Policy) -> Self {
        Self { rule: Rule::Policy(Arc::new(policy)) }
    }

    /// Creates a middleware for a guard or a scope type.
    #[must_use]
    pub fn of<G: Guard + 'static>() -> Self {
        Self::new(from_guard::<G>())
    }

    /// Creates a middleware for a scope of tenants: no handler below `{account}` can forget the check of
    /// [`OwnAccount`](crate::OwnAccount).
    ///
    /// `{account}` belongs to the scope's own path. Without it, the scope answers 500 and logs an error.
    ///
    /// # Examples
    /// ```
    /// use actix_web::web;
    /// use keyward::actix::{Require, Scoped};
    ///
    /// keyward::actix::scopes! { NotesRead = "notes:read"; }
    ///
    /// async fn notes(caller: Scoped<NotesRead>) -> String {
    ///     format!("notes of {}", caller.account())
    /// }
    ///
    /// let tenant = web::scope("/accounts/{account}").route("/notes", web::get().to(notes)).wrap(Require::own_account());
    /// # let _: actix_web::Scope<_> = tenant;
    /// ```
    #[must_use]
    pub fn own_account() -> Self {
        Self { rule: Rule::OwnAccount }
    }
}

impl fmt::Debug for Require {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require").finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for Require
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = RequireService<S>;
    type InitError = ();
    type Future = Ready<Result<RequireService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequireService { service, rule: self.rule.clone() }))
    }
}

/// A service behind [`Require`].
pub struct RequireService<S> {
    service: S,
    rule: Rule,
}

impl<S> fmt::Debug for RequireService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireService").finish_non_exhaustive()
    }
}

impl<S, B> Service<ServiceRequest> for RequireService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = RequireFuture<S::Future, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let verdict = self.rule.check(&request);
        match verdict {
            Ok(()) => RequireFuture { state: State::Inner { future: self.service.call(request) } },
            Err(rejection) => {
                // The response carries its error, so that the middleware around it can write it in its format.
                let response = HttpResponse::from_error(AuthRejection::of_request(rejection, request.request()));
                let response = ServiceResponse::new(request.into_parts().0, response).map_into_right_body();
                RequireFuture { state: State::AuthRejection { response: Some(response) } }
            }
        }
    }
}

impl Rule {
    fn check(&self, request: &ServiceRequest) -> Result<(), Rejection> {
        let identity = caller(request).inspect_err(|_| {
            let (method, path) = (request.method(), request.path());
            tracing::error!(%method, path, "request refused: no AuthLayer is around this Require; wrap the App or scope in Auth after Require");
        })?;
        match self {
            Self::Policy(policy) => policy.check(&identity.ok_or(CredentialFault::Missing)?),
            Self::OwnAccount => own_account::check(request.request()).map(drop),
        }
    }
}

pin_project! {
    /// The inner service's response, or a refusal.
    pub struct RequireFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B> {
        Inner { #[pin] future: F },
        AuthRejection { response: Option<ServiceResponse<EitherBody<B>>> },
    }
}

impl<F, B> Future for RequireFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Inner { future } => future.poll(cx).map_ok(ServiceResponse::map_into_left_body),
            StateProjection::AuthRejection { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
        }
    }
}
