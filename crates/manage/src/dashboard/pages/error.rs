use askama::Template;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{ACCEPT, SET_COOKIE};

use super::sign_in::again;
use crate::dashboard::error::{PageError, retry_after};
use crate::dashboard::frame::Frame;
use crate::dashboard::site_map::HOME;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::web::Problem;

#[derive(Template)]
#[template(path = "dashboard/error/error.html")]
struct ErrorPage {
    frame: Frame,
    text: String,
    button: (String, &'static str),
}

pub(in crate::dashboard) async fn render(error: PageError, visitor: &Visitor, cookies: Vec<HeaderValue>) -> Response {
    let mut page = page(error, visitor).await;
    for cookie in cookies {
        page.headers_mut().append(SET_COOKIE, cookie);
    }
    page
}

/// Browsers name `text/html` in `Accept`. Other clients get the answer of the HTTP API.
pub(in crate::dashboard) async fn unknown_path(request: Request) -> Response {
    let accepts = request.headers().get_all(ACCEPT);
    let is_browser =
        accepts.iter().filter_map(|accept| accept.to_str().ok()).any(|accept| accept.contains("text/html"));
    if is_browser {
        PageError::from(ManagementError::NotFound("page")).into_response()
    } else {
        Problem::NoSuchPath.into_response()
    }
}

async fn page(error: PageError, visitor: &Visitor) -> Response {
    if let Some(why) = error.sign_in {
        return again::page(visitor, error.status, why);
    }
    let page = ErrorPage {
        frame: visitor.error_frame(error.title).await,
        text: error.text,
        button: error.button.unwrap_or_else(|| (HOME.to_owned(), words::errors::GO_TO_THE_KEYS)),
    };
    let mut response = visitor.html(error.status, &page);
    retry_after(&mut response, error.retry_after);
    response
}
