use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::factor::{self, NEW_PASSKEY, PAGE, refuse, removed, reveal};
use crate::dashboard::error::{FormErrors, PageError, retry_after};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::Member;
use crate::dashboard::passkeys;
use crate::dashboard::path_params::NamedPasskey;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{PasskeyRequest, PasskeyView};

pub(super) const PASSKEY: &str = "/settings/second-factor/passkeys/{passkey}";

#[derive(Template)]
#[template(path = "dashboard/settings/passkey.html")]
struct PasskeyPage {
    frame: Frame,
    id: String,
    name: String,
    typed_name: String,
    is_last: bool,
    request: Option<PasskeyRequest>,
    error: Option<(&'static str, FormErrors)>,
}

pub(super) async fn begin(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let Ok(place) = member.visitor.passkey_place() else { return Ok(member.visitor.go(PAGE)) };
    let (name, password) = (form.get("name"), form.get("password"));
    let wrong = match member.management().begin_passkey(&member.actor, name, password, &place).await {
        Ok(wrong) => wrong,
        Err(error) => return refuse(&member, &form, "passkey", error).await,
    };
    let Some(first) = wrong.first() else { return Ok(member.visitor.go(PAGE)) };
    // The form of the app has a field for the password, too.
    let errors = FormErrors::with_password(&wrong, "passkey-password").rename("name", "passkey-name");
    let errors = errors.sorted(&["passkey-name", "passkey-password"]);
    factor::show(&member, first.status(), &form, Some(("passkey", errors))).await
}

pub(super) async fn confirm(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let Ok(place) = member.visitor.passkey_place() else { return Ok(member.visitor.go(PAGE)) };
    let (management, actor, answer) =
        (member.management().clone(), member.actor.clone(), form.get("passkey").to_owned());
    let codes = async move {
        let codes = management.confirm_passkey(&actor, &answer, &place).await?;
        Ok(codes.iter().map(|code| code.to_string()).collect())
    };
    reveal(&member, &form, NEW_PASSKEY, codes).await
}

async fn show(
    member: &Member,
    id: &str,
    status: StatusCode,
    form: &Form,
    error: Option<(&'static str, FormErrors)>,
) -> Result<Response, PageError> {
    member.require_recent_sign_in().await?;
    let place = member.visitor.passkey_place().ok();
    let own = member.management().own_factors(&member.actor, place.as_ref()).await?;
    let is_last = own.passkeys.len() == 1 && !own.has_app;
    let known = own.passkeys.into_iter().find(|passkey| passkey.id == id);
    let PasskeyView { id, name, .. } = known.ok_or(ManagementError::NotFound("passkey"))?;
    let (typed_name, request) = (form.typed("name", &name), own.request);
    let page = |frame| PasskeyPage { frame, id, name, typed_name, is_last, request, error };
    Ok(member.page_with(status, words::passkeys::PASSKEY, page))
}

pub(super) async fn page(member: Member, NamedPasskey(id): NamedPasskey) -> Result<Response, PageError> {
    show(&member, &id, StatusCode::OK, &Form::default(), None).await
}

pub(super) async fn rename(
    NamedPasskey(id): NamedPasskey,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    match member.management().rename_passkey(&member.actor, &id, form.get("name")).await {
        Ok(()) => Ok(member.visitor.redirect_with_flash(PAGE, "renamed")),
        Err(error @ ManagementError::Invalid { .. }) => {
            show(&member, &id, error.status(), &form, Some(("rename", FormErrors::from(&error)))).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn remove(
    NamedPasskey(id): NamedPasskey,
    SignedInForm { at: member, form }: SignedInForm<Member>,
) -> Result<Response, PageError> {
    let (binding, place) = (member.actor.holder().unwrap_or_default(), member.visitor.passkey_place().ok());
    let proof = passkeys::proof(&form, &binding, place.as_ref());
    match member.management().remove_own_passkey(&member.actor, &id, proof).await {
        Ok(()) => removed(&member).await,
        Err(
            error @ (ManagementError::WrongCode | ManagementError::CodeRequired | ManagementError::Throttled { .. }),
        ) => {
            let shown = Some(("remove", passkeys::field_error(&form, &error)));
            let mut response = show(&member, &id, error.status(), &form, shown).await?;
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

impl PasskeyPage {
    fn error_of(&self, which: &str) -> Option<&FormErrors> {
        self.error.as_ref().filter(|(form, _)| *form == which).map(|(_, error)| error)
    }

    fn is_wrong(&self, which: &str) -> bool {
        self.error_of(which).is_some_and(|error| !error.is_of("passkey"))
    }

    fn remove_path(&self) -> String {
        format!("{PAGE}/passkeys/{}/remove", self.id)
    }
}
