use askama::Template;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use qrcode::QrCode;
use qrcode::render::svg;

use crate::dashboard::compression::Uncompressed;
use crate::dashboard::error::{FieldError, PageError, retry_after};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::Member;
use crate::dashboard::once::{self, RevealedSecret};
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{SecondFactor, SecondFactorSetUp};

pub(super) const PAGE: &str = "/settings/second-factor";

enum State {
    /// A user without a password has the second factor of the identity provider.
    WithoutPassword,
    None,
    Begun {
        /// Has the secret.
        image: String,
        /// In groups of four characters.
        secret: String,
    },
    On {
        since: When,
        codes: usize,
    },
}

#[derive(Template)]
#[template(path = "dashboard/settings/factor.html")]
struct FactorPage {
    frame: Frame,
    state: State,
    form_id: String,
    error: Option<(&'static str, FieldError)>,
}

#[derive(Template)]
#[template(path = "dashboard/settings/recovery.html")]
struct RecoveryPage {
    frame: Frame,
    /// `None` if already revealed.
    codes: Option<Vec<String>>,
    download: String,
}

/// An image in the page: the policy of the pages allows no style in a vector image's own elements.
fn image_of(set_up: &SecondFactorSetUp) -> Result<String, ManagementError> {
    let code = QrCode::new(set_up.url.as_bytes()).map_err(|_| ManagementError::Internal)?;
    let image = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    Ok(format!("data:image/svg+xml;base64,{}", STANDARD.encode(image)))
}

fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

async fn state_of(member: &Member) -> Result<State, PageError> {
    let (management, actor) = (member.management(), &member.actor);
    if let Some(SecondFactor { since, recovery_codes, .. }) = management.own_second_factor(actor).await? {
        return Ok(State::On { since: When::at(since, management.now()), codes: recovery_codes });
    }
    if !management.has_password(actor).await? {
        return Ok(State::WithoutPassword);
    }
    Ok(match management.second_factor_set_up(actor, member.visitor.provider()).await? {
        Some(set_up) => State::Begun { image: image_of(&set_up)?, secret: grouped(&set_up.secret) },
        None => State::None,
    })
}

async fn show(
    member: &Member,
    status: StatusCode,
    error: Option<(&'static str, FieldError)>,
) -> Result<Response, PageError> {
    let (state, form_id) = (state_of(member).await?, once::new_form()?);
    let page = |frame| FactorPage { frame, state, form_id, error };
    let mut response = member.page_with(status, words::shared::SECOND_FACTOR, page);
    // The page may show the secret, and repeats its address.
    response.extensions_mut().insert(Uncompressed);
    Ok(response)
}

pub(super) async fn page(member: Member) -> Result<Response, PageError> {
    // The page may show the secret that makes all codes.
    member.require_recent_sign_in().await?;
    show(&member, StatusCode::OK, None).await
}

pub(super) async fn begin(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    match member.management().begin_second_factor(&member.actor, form.get("password")).await {
        Ok(()) => Ok(member.visitor.go(PAGE)),
        Err(error) => refuse(&member, "begin", error).await,
    }
}

async fn refuse(member: &Member, which: &'static str, error: ManagementError) -> Result<Response, PageError> {
    match error {
        ManagementError::WrongCode
        | ManagementError::CodeRequired
        | ManagementError::WrongCredentials
        | ManagementError::Throttled { .. } => {
            let mut shown = FieldError::from(&error);
            if matches!(error, ManagementError::WrongCredentials) {
                words::settings::THE_CURRENT_PASSWORD_IS_WRONG.clone_into(&mut shown.text);
            }
            let mut response = show(member, error.status(), Some((which, shown))).await?;
            retry_after(&mut response, error.retry_after());
            Ok(response)
        }
        // The set-up has expired, or another tab has ended it.
        ManagementError::LinkEnded | ManagementError::Duplicate(_) | ManagementError::NotFound(_) => {
            Ok(member.visitor.go(PAGE))
        }
        error => Err(error.into()),
    }
}

async fn reveal(
    member: &Member,
    form: &Form,
    which: &'static str,
    codes: impl Future<Output = Result<Vec<String>, ManagementError>> + Send + 'static,
) -> Result<Response, PageError> {
    let codes = match once::once(member, form, codes).await {
        Ok(RevealedSecret::Now(codes)) => Some(codes),
        Ok(RevealedSecret::Before(_)) => None,
        Err(error) => return refuse(member, which, error).await,
    };
    let text = codes.as_ref().map(|codes| codes.join("\n")).unwrap_or_default();
    let download = format!("data:text/plain;base64,{}", STANDARD.encode(format!("{text}\n")));
    let mut response = member.page(words::settings::RECOVERY_CODES, |frame| RecoveryPage { frame, codes, download });
    member.visitor.renew_device(&mut response, &member.actor).await;
    Ok(response)
}

pub(super) async fn confirm(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let (management, actor, code) = (member.management().clone(), member.actor.clone(), form.get("code").to_owned());
    let codes = async move {
        let codes = management.confirm_second_factor(&actor, &code).await?;
        Ok(codes.iter().map(|code| code.to_string()).collect())
    };
    reveal(&member, &form, "confirm", codes).await
}

pub(super) async fn renew(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let (management, actor, code) = (member.management().clone(), member.actor.clone(), form.get("code").to_owned());
    let codes = async move {
        let codes = management.renew_recovery_codes(&actor, &code).await?;
        Ok(codes.iter().map(|code| code.to_string()).collect())
    };
    reveal(&member, &form, "codes", codes).await
}

pub(super) async fn remove(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    match member.management().remove_own_second_factor(&member.actor, form.get("code")).await {
        Ok(()) => Ok(member.visitor.redirect_with_flash("/settings", "factor-removed").into_response()),
        Err(error) => refuse(&member, "remove", error).await,
    }
}

impl FactorPage {
    fn error_of(&self, which: &str) -> Option<&FieldError> {
        self.error.as_ref().filter(|(form, _)| *form == which).map(|(_, error)| error)
    }
}
