use std::fmt;

use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use keyward_core::render::Refusal;
use keyward_core::{Authenticator, Identity, Rejection, RequestId};

/// A refusal, which the outer [`Auth`](crate::Auth) writes in its format.
///
/// A handler returns its own refusals as this type: `?` converts a [`Rejection`] or
/// [`CustomRejection`](keyward_core::CustomRejection).
///
/// # Examples
/// ```
/// use actix_web::{HttpResponse, web};
/// use keyward::actix::{AuthRejection, Authenticated};
/// use keyward::limits::TaskPermits;
///
/// async fn render(permits: web::Data<TaskPermits>, caller: Authenticated) -> Result<HttpResponse, AuthRejection> {
///     let permit = permits.acquire(&caller).await?;
///     actix_web::rt::spawn(async move { drop(permit) }); // the task holds it until it ends
///     Ok(HttpResponse::Accepted().finish())
/// }
/// # let _ = web::post().to(render);
/// ```
#[derive(Clone, Debug)]
pub struct AuthRejection {
    refusal: Box<Refusal>,
    writer: Option<Authenticator>,
    /// Created by a handler, which does not know the request.
    detached: bool,
}

impl AuthRejection {
    pub(crate) fn new(rejection: Rejection, headers: &HeaderMap) -> Self {
        Self { refusal: Box::new(of_headers(rejection, headers)), writer: None, detached: false }
    }

    pub(crate) fn of_request(rejection: Rejection, request: &HttpRequest) -> Self {
        Self::new(rejection, request.headers()).with_identity(request.extensions().get())
    }

    /// Adds the identity, for [`Event::KeyRefused`](keyward_core::adapter::Event::KeyRefused).
    pub(crate) fn with_identity(self, identity: Option<&Identity>) -> Self {
        Self { refusal: Box::new(self.refusal.with_identity(identity)), ..self }
    }

    /// Returns the reason.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        self.refusal.rejection()
    }

    pub(crate) fn of_error(error: &Error) -> Option<&Self> {
        error.as_error::<Self>().filter(|refused| refused.writer.is_none())
    }

    pub(crate) fn written_by(&self, authenticator: &Authenticator) -> Self {
        Self { refusal: self.refusal.clone(), writer: Some(authenticator.clone()), detached: self.detached }
    }
}

impl<E: Into<Rejection>> From<E> for AuthRejection {
    fn from(rejection: E) -> Self {
        Self { refusal: Box::new(Refusal::detached(rejection.into())), writer: None, detached: true }
    }
}

impl fmt::Display for AuthRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.rejection(), f)
    }
}

impl std::error::Error for AuthRejection {}

impl ResponseError for AuthRejection {
    fn status_code(&self) -> StatusCode {
        status(self.rejection().status())
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        convert(match &self.writer {
            Some(authenticator) => authenticator.refuse(&self.refusal),
            None => self.refusal.clone().into_response(),
        })
    }
}

pub(crate) fn refuse<B>(
    authenticator: &Authenticator,
    request: HttpRequest,
    refused: &AuthRejection,
) -> ServiceResponse<EitherBody<B>> {
    let response = if refused.detached {
        let refusal = of_headers(refused.rejection().clone(), request.headers());
        let identity = request.extensions().get().cloned();
        authenticator.refuse(&refusal.with_identity(identity.as_ref()))
    } else {
        authenticator.refuse(&refused.refusal)
    };
    ServiceResponse::new(request, convert(response)).map_into_right_body()
}

fn of_headers(rejection: Rejection, headers: &HeaderMap) -> Refusal {
    // actix-web itself leaves the body out of an answer to HEAD.
    Refusal::of_parts(rejection, sent_id(headers), false)
}

pub(crate) fn id_of(headers: &HeaderMap) -> RequestId {
    RequestId::of_bytes(sent_id(headers))
}

fn sent_id(headers: &HeaderMap) -> Option<&[u8]> {
    let sent = headers.get("x-request-id").or_else(|| headers.get("request-id"));
    sent.map(HeaderValue::as_bytes)
}

/// actix-web uses an older `http`.
fn convert(response: http::Response<Bytes>) -> HttpResponse<BoxBody> {
    let (parts, body) = response.into_parts();
    let mut converted = HttpResponse::build(status(parts.status)).body(body);
    let headers = converted.headers_mut();
    for (name, value) in &parts.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.insert(name, value);
        }
    }
    converted
}

fn status(status: http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
