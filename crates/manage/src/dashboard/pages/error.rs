use askama::Template;
use axum::response::Response;
use http::HeaderValue;
use http::header::SET_COOKIE;

use super::sign_in::again;
use crate::dashboard::error::{PageError, retry_after};
use crate::dashboard::frame::Frame;
use crate::dashboard::site_map::HOME;
use crate::dashboard::visitor::Visitor;

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

async fn page(error: PageError, visitor: &Visitor) -> Response {
    if error.needs_sign_in {
        return again::page(visitor, error.status, &error.text);
    }
    let page = ErrorPage {
        frame: visitor.error_frame(error.title).await,
        text: error.text,
        button: error.button.unwrap_or_else(|| (HOME.to_owned(), "Go to the keys")),
    };
    let mut response = visitor.html(error.status, &page);
    retry_after(&mut response, error.retry_after);
    response
}
