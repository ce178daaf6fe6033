use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::methods::Methods;
use crate::dashboard::error::SignIn;
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

pub(in crate::dashboard::pages) fn page(visitor: &Visitor, status: StatusCode, why: SignIn) -> Response {
    let to = visitor.return_path();
    let why = match why {
        SignIn::Ended => words::sign_in::YOUR_SESSION_HAS_ENDED.to_owned(),
        SignIn::LongAgo => words::sign_in::long_ago(visitor.app.site_map().sign_in_reason(visitor.page_path())),
    };
    let methods = Methods::of(visitor, &to);
    let page = visitor.open_page(status, words::shared::SIGN_IN_AGAIN, |frame| AgainPage { frame, methods, to, why });
    page.unwrap_or_else(IntoResponse::into_response)
}
