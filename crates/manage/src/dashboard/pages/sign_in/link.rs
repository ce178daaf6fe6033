//! Signing in with a link that a host application got for its user.

use askama::Template;
use axum::response::Response;
use http::header::REFERRER_POLICY;
use http::{HeaderValue, StatusCode};

use crate::dashboard::cookies::VISIT;
use crate::dashboard::csrf::EXPIRED_FORM;
use crate::dashboard::error::{FormErrors, PageError, retry_after};
use crate::dashboard::flash::Note;
use crate::dashboard::form;
use crate::dashboard::forms::AnonymousForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::links::account_path;
use crate::dashboard::site_map::HOME;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{LinkTarget, SignInStep};

#[derive(Template)]
#[template(path = "dashboard/sign_in/link.html")]
struct LinkPage {
    frame: Frame,
    link: String,
    /// The user whose session would end.
    current: Option<String>,
    /// The script sends the form without a click.
    is_sent_now: bool,
    error: Option<FormErrors>,
}

#[derive(Default)]
struct Shown {
    current: Option<String>,
    is_sent_now: bool,
    error: Option<FormErrors>,
    note: Option<Note>,
}

fn show(visitor: &Visitor, status: StatusCode, link: &str, shown: Shown) -> Result<Response, PageError> {
    let Shown { current, is_sent_now, error, note } = shown;
    let link = link.to_owned();
    let mut response = visitor.open_page(status, words::shared::SIGN_IN, |frame| {
        let frame = frame.note(note);
        LinkPage { frame, link, current, is_sent_now, error }
    })?;
    // The URL has a secret. With `no-referrer`, browsers would send the form with `Origin: null`.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    Ok(response)
}

/// Opening the page does not use the link up: programs that look at links do not send forms.
pub(super) async fn page(visitor: Visitor) -> Result<Response, PageError> {
    let query = visitor.query();
    let link = query.get("link").trim();
    let current = match visitor.app.management().session(&visitor.session(), visitor.context.clone()).await {
        Ok(actor) => Some(visitor.app.management().own_user(&actor).await?.value.name),
        Err(ManagementError::SignedOut) => None,
        Err(error) => return Err(error.into()),
    };
    if link.is_empty() {
        return match current {
            Some(_) => Ok(visitor.go(HOME)),
            None => Err(PageError::sign_in_link_ended()),
        };
    }
    // Another site must not replace the session of a window. Only named origins show the page in a frame.
    let is_framed = visitor.cookies.is_framed();
    let current = current.filter(|_| !is_framed);
    let shown = Shown { is_sent_now: current.is_none(), current, ..Shown::default() };
    show(&visitor, StatusCode::OK, link, shown)
}

pub(super) async fn sign_in(AnonymousForm { visitor, form, is_own }: AnonymousForm) -> Result<Response, PageError> {
    let link = form.get("link").trim();
    if !is_own {
        // The script does not send it again: a browser without cookies would go on forever.
        let shown = Shown { note: Some(Note::bad(EXPIRED_FORM)), ..Shown::default() };
        return show(&visitor, StatusCode::FORBIDDEN, link, shown);
    }
    let (management, visit) = (visitor.app.management(), visitor.cookies.get(VISIT));
    match management.begin_sign_in_with_link(&visitor.context, link, visit).await {
        Ok((SignInStep::Done(signed_in), target)) => {
            let mut response = visitor.go(visitor.safe_redirect(&path_of(target)));
            visitor.begin_session(&mut response, &signed_in);
            Ok(response)
        }
        Ok((SignInStep::Code(half), target)) => {
            let to = form::query("to", visitor.safe_redirect(&path_of(target)));
            let mut response = visitor.go(&format!("/login/code?{to}"));
            visitor.half_sign_in(&mut response, &half);
            Ok(response)
        }
        Err(error @ ManagementError::Throttled { .. }) => {
            let shown = Shown { error: Some(FormErrors::from(&error)), ..Shown::default() };
            let mut response = show(&visitor, error.status(), link, shown)?;
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(ManagementError::LinkEnded) => Err(PageError::sign_in_link_ended()),
        Err(error) => Err(error.into()),
    }
}

fn path_of(LinkTarget { account, path }: LinkTarget) -> String {
    let path = path.unwrap_or_else(|| HOME.to_owned());
    account.map_or_else(|| path.clone(), |account| account_path(&account, &path))
}

impl PageError {
    pub(super) fn sign_in_link_ended() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, words::sign_in::INVALID_LINK, words::sign_in::THE_LINK_HAS_ENDED)
    }
}
