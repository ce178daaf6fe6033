use askama::Template;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use keyward_core::Timestamp;
use qrcode::QrCode;
use qrcode::render::svg;

use crate::dashboard::compression::Uncompressed;
use crate::dashboard::error::{FormErrors, PageError, retry_after};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::Member;
use crate::dashboard::once::{self, RevealedSecret};
use crate::dashboard::passkeys;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{BegunPasskey, OwnFactors, PasskeyRequest, PasskeyView, SecondFactorSetUp};

pub(super) const PAGE: &str = "/settings/second-factor";
/// The form with the answer of the browser.
pub(super) const NEW_PASSKEY: &str = "new-passkey";

enum App {
    None,
    Begun {
        /// Has the secret.
        image: String,
        /// In groups of four characters.
        secret: String,
    },
    On,
}

#[derive(Template)]
#[template(path = "dashboard/settings/factor.html")]
struct FactorPage {
    frame: Frame,
    /// A user without a password has the second factor of the identity provider.
    has_password: bool,
    on: Option<On>,
    /// The accounts that stay closed without one.
    required_by: Vec<String>,
    app: App,
    passkeys: Vec<PasskeyRow>,
    may_add: bool,
    begun: Option<BegunPasskey>,
    request: Option<PasskeyRequest>,
    /// Why there are no passkeys here.
    no_passkeys: Option<String>,
    typed_name: String,
    form_id: String,
    error: Option<(&'static str, FormErrors)>,
}

struct On {
    since: When,
    codes: usize,
}

struct PasskeyRow {
    id: String,
    name: String,
    about: String,
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

async fn app_of(member: &Member, has_app: bool) -> Result<App, PageError> {
    if has_app {
        return Ok(App::On);
    }
    let set_up = member.management().second_factor_set_up(&member.actor, member.visitor.provider()).await?;
    Ok(match set_up {
        Some(set_up) => App::Begun { image: image_of(&set_up)?, secret: grouped(&set_up.secret) },
        None => App::None,
    })
}

pub(super) async fn show(
    member: &Member,
    status: StatusCode,
    form: &Form,
    error: Option<(&'static str, FormErrors)>,
) -> Result<Response, PageError> {
    let (management, actor) = (member.management(), &member.actor);
    let (place, now) = (member.visitor.passkey_place(), management.now());
    let OwnFactors { has_app, passkeys, may_add, begun, request } =
        management.own_factors(actor, place.as_ref().ok()).await?;
    let on = management.own_second_factor(actor).await?;
    let on = on.map(|on| On { since: When::at(on.since, now), codes: on.recovery_codes });
    let (app, has_password) = (app_of(member, has_app).await?, management.has_password(actor).await?);
    let required_by = if on.is_none() && has_password { member.requiring_factor().await? } else { Vec::new() };
    let (passkeys, form_id) =
        (passkeys.iter().map(|passkey| PasskeyRow::of(passkey, now)).collect(), once::new_form()?);
    let typed_name = form.get("name").to_owned();
    let no_passkeys = place.err();
    let page = |frame| FactorPage {
        frame,
        has_password,
        on,
        required_by,
        app,
        passkeys,
        may_add,
        begun,
        request,
        no_passkeys,
        typed_name,
        form_id,
        error,
    };
    let mut response = member.page_with(status, words::shared::SECOND_FACTOR, page);
    // The page may show the secret, and repeats its address.
    response.extensions_mut().insert(Uncompressed);
    Ok(response)
}

pub(super) async fn page(member: Member) -> Result<Response, PageError> {
    // The page may show the secret that makes all codes.
    member.require_recent_sign_in().await?;
    show(&member, StatusCode::OK, &Form::default(), None).await
}

pub(super) async fn begin(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    match member.management().begin_second_factor(&member.actor, form.get("password")).await {
        Ok(()) => Ok(member.visitor.go(PAGE)),
        Err(error) => refuse(&member, &form, "begin", error).await,
    }
}

pub(super) async fn refuse(
    member: &Member,
    form: &Form,
    which: &'static str,
    error: ManagementError,
) -> Result<Response, PageError> {
    match error {
        ManagementError::WrongCode
        | ManagementError::CodeRequired
        | ManagementError::WrongCredentials
        | ManagementError::Invalid { .. }
        | ManagementError::Throttled { .. } => {
            let shown = match (which, &error) {
                (_, ManagementError::WrongCredentials) => {
                    FormErrors::of("password", words::settings::THE_CURRENT_PASSWORD_IS_WRONG)
                }
                (NEW_PASSKEY, ManagementError::WrongCode) => {
                    FormErrors::of("passkey", words::passkeys::THE_NEW_PASSKEY_WAS_NOT_ACCEPTED)
                }
                _ => passkeys::field_error(form, &error),
            };
            let mut response = show(member, error.status(), form, Some((which, shown))).await?;
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

pub(super) async fn reveal(
    member: &Member,
    form: &Form,
    which: &'static str,
    codes: impl Future<Output = Result<Vec<String>, ManagementError>> + Send + 'static,
) -> Result<Response, PageError> {
    let codes = match once::once(member, form, codes).await {
        // Recovery codes come with the first factor only.
        Ok(RevealedSecret::Now(codes) | RevealedSecret::Before(codes)) if codes.is_empty() => {
            return Ok(member.visitor.redirect_with_flash(PAGE, "factor-added"));
        }
        Ok(RevealedSecret::Now(codes)) => Some(codes),
        Ok(RevealedSecret::Before(_)) => None,
        Err(error) => return refuse(member, form, which, error).await,
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
    let (management, actor) = (member.management().clone(), member.actor.clone());
    let (place, sent) = (member.visitor.passkey_place().ok(), form.clone());
    let codes = async move {
        let binding = actor.holder().unwrap_or_default();
        let proof = passkeys::proof(&sent, &binding, place.as_ref());
        let codes = management.renew_recovery_codes_with(&actor, proof).await?;
        Ok(codes.iter().map(|code| code.to_string()).collect())
    };
    reveal(&member, &form, "codes", codes).await
}

pub(super) async fn remove(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let (binding, place) = (member.actor.holder().unwrap_or_default(), member.visitor.passkey_place().ok());
    let proof = passkeys::proof(&form, &binding, place.as_ref());
    match member.management().remove_own_second_factor_with(&member.actor, proof).await {
        Ok(()) => removed(&member).await,
        Err(error) => refuse(&member, &form, "remove", error).await,
    }
}

pub(super) async fn remove_app(SignedInForm { at: member, form }: SignedInForm<Member>) -> Result<Response, PageError> {
    let (binding, place) = (member.actor.holder().unwrap_or_default(), member.visitor.passkey_place().ok());
    let proof = passkeys::proof(&form, &binding, place.as_ref());
    match member.management().remove_own_app(&member.actor, proof).await {
        Ok(()) => removed(&member).await,
        Err(error) => refuse(&member, &form, "app", error).await,
    }
}

pub(super) async fn removed(member: &Member) -> Result<Response, PageError> {
    let is_on = member.management().own_second_factor(&member.actor).await?.is_some();
    let (page, code) = if is_on { (PAGE, "factor-part-removed") } else { ("/settings", "factor-removed") };
    Ok(member.visitor.redirect_with_flash(page, code))
}

impl PasskeyRow {
    fn of(passkey: &PasskeyView, now: Timestamp) -> Self {
        let created = When::at(passkey.created_at, now).near;
        let used = When::maybe(passkey.last_used_at, now).map(|used| used.near);
        Self {
            id: passkey.id.clone(),
            name: passkey.name.clone(),
            about: words::passkeys::use_of(&created, used.as_deref(), &passkey.host),
        }
    }
}

impl FactorPage {
    fn error_of(&self, which: &str) -> Option<&FormErrors> {
        self.error.as_ref().filter(|(form, _)| *form == which).map(|(_, error)| error)
    }

    /// A refused passkey has no field.
    fn is_wrong(&self, which: &str) -> bool {
        self.error_of(which).is_some_and(|error| !error.is_of("passkey"))
    }
}
