//! A form that changes who can sign in is sent again with the second factor, even if the sign-in is recent.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::dashboard::error::{Confirm, FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::passkeys;
use crate::dashboard::visitor::Visitor;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{OwnFactors, PasskeyRequest};

/// A new proof takes their place.
const NOT_SENT_AGAIN: [&str; 4] = ["csrf", "code", "challenge", "passkey"];

#[derive(Template)]
#[template(path = "dashboard/sign_in/confirm.html")]
struct ConfirmPage {
    frame: Frame,
    why: String,
    path: String,
    back: String,
    fields: Vec<(String, String)>,
    has_app: bool,
    request: Option<PasskeyRequest>,
    /// Why the user's passkeys are not offered.
    no_passkeys: Option<String>,
    error: Option<FormErrors>,
}

pub(in crate::dashboard::pages) async fn page(
    visitor: &Visitor,
    status: StatusCode,
    form: &Form,
    confirm: Confirm,
) -> Result<Response, PageError> {
    let management = visitor.app.management();
    let actor = management.session(&visitor.session(), visitor.context.clone()).await?;
    let place = visitor.passkey_place();
    let OwnFactors { has_app, passkeys, request, .. } = management.own_factors(&actor, place.as_ref().ok()).await?;
    let no_passkeys = (!passkeys.is_empty() && request.is_none())
        .then(|| place.err().unwrap_or_else(|| words::passkeys::YOUR_PASSKEYS_ARE_OF_ANOTHER_HOST.to_owned()));
    let page = ConfirmPage {
        frame: visitor.error_frame(words::sign_in::CONFIRM_WITH_YOUR_SECOND_FACTOR).await,
        why: words::sign_in::confirm(visitor.app.site_map().sign_in_reason(visitor.page_path())),
        path: visitor.page_path().to_owned(),
        back: visitor.return_path(),
        fields: form.fields_without(&NOT_SENT_AGAIN),
        has_app,
        request,
        no_passkeys,
        error: (confirm == Confirm::Wrong).then(|| passkeys::field_error(form, &ManagementError::WrongCode)),
    };
    Ok(visitor.html(status, &page))
}

impl ConfirmPage {
    fn is_wrong(&self) -> bool {
        self.error.as_ref().is_some_and(|error| !error.is_of("passkey"))
    }
}
