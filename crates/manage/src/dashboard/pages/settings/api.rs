use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::Member;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{ApiDescription, ExampleUrl};

#[derive(Template)]
#[template(path = "dashboard/settings/api.html")]
struct ApiPage {
    frame: Frame,
    scopes: String,
    example_url: String,
    configured_url: String,
    docs_url: String,
    configured_docs_url: String,
    has_configured_scopes: bool,
    version: u64,
    error: Option<FormErrors>,
}

async fn show(
    member: &Member,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    member.operator_rights()?.require(&scopes::ACCOUNTS_WRITE)?;
    let known = member.management().api_description().await?;
    let settings = member.visitor.app.settings();
    let scopes = known.scopes.as_ref().unwrap_or(&settings.scopes).to_string();
    let url = known.example_url.as_ref().map(ToString::to_string).unwrap_or_default();
    let docs_url = known.docs_url.as_ref().map(ToString::to_string).unwrap_or_default();
    let page = |frame| ApiPage {
        frame,
        scopes: form.typed("scopes", scopes),
        example_url: form.typed("example_url", url),
        configured_url: settings.example_url.clone(),
        docs_url: form.typed("docs_url", docs_url),
        configured_docs_url: settings.api_docs_url.as_ref().map(ToString::to_string).unwrap_or_default(),
        has_configured_scopes: settings.scopes.scopes().next().is_some(),
        version: known.version,
        error,
    };
    Ok(member.page_with(status, words::settings::SCOPES_AND_EXAMPLE, page))
}

pub(super) async fn page(member: Member) -> Result<Response, PageError> {
    show(&member, StatusCode::OK, &Form::default(), None).await
}

fn read(member: &Member, form: &Form) -> Result<ApiDescription, FormErrors> {
    let mut errors = FormErrors::default();
    let scopes = form.get("scopes").trim();
    let scopes = scopes.parse().map_err(|error| ManagementError::invalid("scopes", format!("{error}")));
    // Scopes that equal the configuration follow it.
    let scopes = errors.check(scopes).filter(|scopes| *scopes != member.visitor.app.settings().scopes);
    let url = |field: &'static str| -> Result<Option<ExampleUrl>, ManagementError> {
        let url = Some(form.get(field).trim()).filter(|url| !url.is_empty());
        url.map(|url| url.parse().map_err(|error| ManagementError::invalid(field, format!("{error}")))).transpose()
    };
    let example_url = errors.check(url("example_url")).flatten();
    let docs_url = errors.check(url("docs_url")).flatten();
    errors.none()?;
    Ok(ApiDescription { scopes, example_url, docs_url })
}

pub(super) async fn change(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    let changed = async {
        let description = read(&member, &form)?;
        Ok::<_, Refused>(member.management().set_api_description(&member.actor, &description, version).await?)
    };
    match changed.await {
        Ok(()) => Ok(member.visitor.redirect_with_flash("/settings/api", "api")),
        Err(refused) => {
            let (status, errors) = refused.on_edit()?;
            show(&member, status, &form, errors).await
        }
    }
}
