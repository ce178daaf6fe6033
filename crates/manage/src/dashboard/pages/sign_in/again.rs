use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::methods::Methods;
use crate::dashboard::frame::Frame;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;

#[derive(Template)]
#[template(path = "dashboard/sign_in/again.html")]
struct AgainPage {
    frame: Frame,
    methods: Methods,
    to: String,
    why: String,
}

pub(in crate::dashboard::pages) fn page(visitor: &Visitor, status: StatusCode, why: &str) -> Response {
    let to = visitor.return_path();
    let (methods, why) = (Methods::of(visitor, &to), why.to_owned());
    let page = visitor.open_page(status, words::shared::SIGN_IN_AGAIN, |frame| AgainPage { frame, methods, to, why });
    page.unwrap_or_else(IntoResponse::into_response)
}
