use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, VARY};
use keyward_core::Authenticator;
use pin_project_lite::pin_project;

use crate::auth_rejection::{AuthRejection, refuse};

pub(crate) struct Shared<S> {
    pub(crate) service: S,
    pub(crate) authenticator: Authenticator,
}

type Resolving<B> = Pin<Box<dyn Future<Output = Result<ServiceResponse<EitherBody<B>>, Error>>>>;

pin_project! {
    /// The inner service's response, or a refusal.
    pub struct AuthFuture<S, B>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S, S::Future, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, B> {
        Inner { #[pin] future: F, shared: Rc<Shared<S>>, authenticated: bool },
        Resolving { future: Resolving<B> },
        AuthRejection { response: Option<ServiceResponse<EitherBody<B>>> },
    }
}

impl<S, B> AuthFuture<S, B>
where
    S: Service<ServiceRequest>,
{
    pub(crate) fn inner(future: S::Future, shared: Rc<Shared<S>>, authenticated: bool) -> Self {
        Self { state: State::Inner { future, shared, authenticated } }
    }

    pub(crate) fn resolving(future: Resolving<B>) -> Self {
        Self { state: State::Resolving { future } }
    }

    pub(crate) fn refused(response: ServiceResponse<EitherBody<B>>) -> Self {
        Self { state: State::AuthRejection { response: Some(response) } }
    }
}

impl<S, B> Future for AuthFuture<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Inner { future, shared, authenticated } => {
                let mut response = match ready!(future.poll(cx)) {
                    Ok(response) => response,
                    Err(error) => return Poll::Ready(Err(rewrite(error, shared))),
                };
                // This middleware writes refusals of extractors and inner middlewares, so all have one format.
                if let Some(refused) = response.response().error().and_then(AuthRejection::of_error).cloned() {
                    return Poll::Ready(Ok(refuse(&shared.authenticator, response.into_parts().0, &refused)));
                }
                if shared.authenticator.marks_responses() {
                    mark(response.headers_mut(), *authenticated, &shared.authenticator);
                }
                Poll::Ready(Ok(response.map_into_left_body()))
            }
            StateProjection::Resolving { future } => future.as_mut().poll(cx),
            StateProjection::AuthRejection { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
        }
    }
}

#[cold]
fn rewrite<S>(error: Error, shared: &Shared<S>) -> Error {
    match AuthRejection::of_error(&error) {
        Some(refused) => refused.written_by(&shared.authenticator).into(),
        None => error,
    }
}

/// As core's `Presentation::finish`, on another type.
fn mark(headers: &mut HeaderMap, authenticated: bool, authenticator: &Authenticator) {
    if authenticated && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, const { HeaderValue::from_static("private, no-store") });
        if !authenticator.varies_always() {
            return;
        }
    } else if authenticated && authenticator.must_add_private(headers.get_all(CACHE_CONTROL).map(HeaderValue::as_bytes))
    {
        headers.append(CACHE_CONTROL, const { HeaderValue::from_static("private") });
    }
    for field in authenticator.credential_fields() {
        let varies = headers
            .get_all(VARY)
            .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .any(|name| name == b"*" || name.eq_ignore_ascii_case(field.as_str().as_bytes()));
        if !varies && let Ok(value) = HeaderValue::from_str(field.as_str()) {
            headers.append(VARY, value);
        }
    }
}
