use askama::Template;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};

use super::sign_in::{again, confirm};
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

/// A GET of an address that takes only forms, for instance from the browser's history. axum adds `Allow`.
pub(in crate::dashboard) async fn other_method(visitor: Visitor, method: Method) -> PageError {
    let text = match method {
        Method::GET | Method::HEAD => words::errors::THIS_ADDRESS_TAKES_FORMS.to_owned(),
        _ => words::errors::other_method(method.as_str()),
    };
    let (page, _) = visitor.app.site_map().form_page(visitor.page_path());
    let label = if page == HOME { words::errors::GO_TO_THE_KEYS } else { words::errors::OPEN_THE_PAGE };
    PageError::new(StatusCode::METHOD_NOT_ALLOWED, words::errors::NOTHING_WAS_DONE, text).button(page, label)
}

/// The page whose form was sent. The way back from a refusal, if the page exists.
fn form_page(visitor: &Visitor, status: StatusCode) -> Option<(String, &'static str)> {
    let page = visitor.sent_form().filter(|_| status != StatusCode::NOT_FOUND)?;
    Some((page, words::errors::BACK_TO_THE_FORM))
}

async fn page(error: PageError, visitor: &Visitor) -> Response {
    if let Some(why) = error.sign_in {
        return again::page(visitor, error.status, why);
    }
    if let (Some(confirm), Some(form)) = (error.confirm, visitor.kept_form())
        && let Ok(page) = confirm::page(visitor, error.status, form, confirm).await
    {
        return page;
    }
    let page = ErrorPage {
        frame: visitor.error_frame(error.title).await,
        text: error.text,
        button: error
            .button
            .or_else(|| form_page(visitor, error.status))
            .unwrap_or_else(|| (HOME.to_owned(), words::errors::GO_TO_THE_KEYS)),
    };
    let mut response = visitor.html(error.status, &page);
    retry_after(&mut response, error.retry_after);
    response
}
