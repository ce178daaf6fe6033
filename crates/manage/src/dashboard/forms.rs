//! Sent forms, with checked origin and token.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;

use super::app::App;
use super::cookies::VISIT;
use super::csrf::{is_same_origin, is_token};
use super::error::PageError;
use super::form::{self, Form};
use super::member::{Member, Place};
use super::passkeys;
use super::path_params::PathParams;
use super::visitor::Visitor;
use crate::error::ManagementError;

pub(super) struct AnonymousForm {
    pub(super) visitor: Visitor,
    pub(super) form: Form,
    pub(super) is_own: bool,
}

impl FromRequest<App> for AnonymousForm {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &App) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let visitor = of_this_site(&mut parts, app).await?;
        let form = Form::read(Request::from_parts(parts, body)).await.ok_or_else(PageError::too_long)?;
        let is_own = is_token(form.get("csrf"), visitor.cookies.get(VISIT));
        Ok(Self { visitor, form, is_own })
    }
}

pub(super) struct SignedInForm<P> {
    pub(super) at: P,
    pub(super) form: Form,
}

impl<P: Place> FromRequest<App> for SignedInForm<P> {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &App) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let visitor = of_this_site(&mut parts, app).await?;
        let path = PathParams::of(&mut parts, app).await;
        let form = Form::read(Request::from_parts(parts, body)).await.ok_or_else(PageError::too_long)?;
        let form_page = form_page(&visitor, &form);
        // Any later error can lead back to the form.
        visitor.set_form_page(&form_page);
        visitor.keep_form(&form);
        let mut member = signed_in(visitor).await?;
        if !is_token(form.get("csrf"), &member.session) {
            return Err(PageError::other_session(&form_page));
        }
        member.actor.context.shown = passkeys::shown(&form, member.visitor.passkey_place().ok());
        Ok(Self { at: P::reach(member, &path).await?, form })
    }
}

impl SignedInForm<Member> {
    /// Reads a form with a file, which may be long. Only a member for whom `require` passes makes the server read it.
    pub(super) async fn with_file(
        app: &App,
        request: Request,
        require: impl FnOnce(&Member) -> Result<(), ManagementError>,
    ) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let visitor = of_this_site(&mut parts, app).await?;
        visitor.set_form_page(&form_page(&visitor, &Form::default()));
        let path = PathParams::of(&mut parts, app).await;
        let member = Member::reach(signed_in(visitor).await?, &path).await?;
        require(&member)?;
        let _place = app.upload().ok_or_else(PageError::too_many_uploads)?;
        let form = Form::read(Request::from_parts(parts, body)).await.ok_or_else(PageError::too_long)?;
        if !is_token(form.get("csrf"), &member.session) {
            return Err(PageError::other_session(&form_page(&member.visitor, &form)));
        }
        Ok(Self { at: member, form })
    }
}

async fn of_this_site(parts: &mut Parts, app: &App) -> Result<Visitor, PageError> {
    let visitor = Visitor::from_request_parts(parts, app).await?;
    if is_same_origin(&parts.headers, &visitor.host) { Ok(visitor) } else { Err(PageError::other_site()) }
}

async fn signed_in(visitor: Visitor) -> Result<Member, PageError> {
    Member::of(visitor).await.map_err(|error| match error {
        ManagementError::SignedOut => PageError::signed_out(),
        error => error.into(),
    })
}

fn form_page(visitor: &Visitor, form: &Form) -> String {
    let (page, kept) = visitor.app.site_map().form_page(visitor.page_path());
    let kept = kept.map(|(field, value)| form::query(field, &value)).unwrap_or_default();
    let query = form::joined(&kept, &form.draft());
    if query.is_empty() { page } else { format!("{page}?{query}") }
}
