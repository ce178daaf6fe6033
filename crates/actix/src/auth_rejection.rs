use std::fmt;

use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use keyward_core::render::Refusal;
use keyward_core::{Authenticator, Rejection};

/// A refusal, which the outer [`Auth`](crate::Auth) writes in its format.
#[derive(Clone, Debug)]
pub struct AuthRejection {
    refusal: Refusal,
    writer: Option<Authenticator>,
}

impl AuthRejection {
    pub(crate) fn new(rejection: Rejection, headers: &HeaderMap) -> Self {
        let sent = headers.get("x-request-id").or_else(|| headers.get("request-id"));
        // actix-web itself leaves the body out of an answer to HEAD.
        Self { refusal: Refusal::of_parts(rejection, sent.map(HeaderValue::as_bytes), false), writer: None }
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
        Self { refusal: self.refusal.clone(), writer: Some(authenticator.clone()) }
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
    ServiceResponse::new(request, convert(authenticator.refuse(&refused.refusal))).map_into_right_body()
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
