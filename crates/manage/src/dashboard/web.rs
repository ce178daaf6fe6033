//! Who visits, over what, and with which form: everything that is decided before a page's own work begins.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};
use hkdf::Hkdf;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, RETRY_AFTER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use keyward_core::adapter::{RequestId, Transport};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::App;
use super::failure::Failure;
use super::form::{self, Form};
use super::member::{Member, PathParams, Place};
use super::page::Frame;
use crate::actor::{Actor, Context};
use crate::appearance::Theme;
use crate::error::ManagementError;
use crate::origin::{PublicUrl, host_of, is_loopback};
use crate::records::new_secret;
use crate::service::{Appearance, SignedIn};
use crate::web::Arrival;

const SESSION: &str = "session";
const VISIT: &str = "visit";
const NOTE: &str = "note";
const THEME: &str = "theme";
const DEVICE: &str = "device";
pub(super) const ACCOUNT: &str = "account";

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                   frame-ancestors 'none'; base-uri 'none'";
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    // Not no-referrer: with that, browsers send forms with `Origin: null`.
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
];

/// How the visitor's browser is connected, which decides what cookies are called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// By HTTPS, or by nobody knows what: cookies are `__Host-` ones, which browsers take over HTTPS alone.
    Host,
    /// In plain text, on the machine itself: without the prefix.
    Loopback,
}

/// Somebody who looks at a page, signed in or not.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) app: App,
    pub(super) context: Context,
    pub(super) theme: Theme,
    /// What the operator has the pages look like.
    pub(super) look: Appearance,
    /// The path and the query, below the dashboard's own.
    pub(super) path: String,
    host: String,
    place: Connection,
    cookies: Vec<(String, Zeroizing<String>)>,
    /// The page of the form that was sent, with what was typed into it.
    form_page: Arc<OnceLock<String>>,
}

/// Goes around every page: finds out who visits and over what, and writes the headers that all answers have.
pub(super) async fn frame(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let request_id = RequestId::of(request.headers());
    let arrival = Arrival::of(&request, app.management(), request_id.as_str());
    let (is_exposed, transport) = (arrival.is_exposed(), arrival.transport);
    let host = host_of(&request).to_owned();
    let place =
        if transport != Transport::Secure && arrival.is_loopback { Connection::Loopback } else { Connection::Host };
    let cookies = cookies(request.headers());
    let mut visitor = Visitor {
        path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        theme: Theme::default(),
        look: Appearance::default(),
        app,
        context: arrival.context,
        host,
        place,
        cookies,
        form_page: Arc::default(),
    };
    match visitor.app.management().appearance().await {
        Ok(look) => visitor.look = look.value,
        // The page itself says what is wrong.
        Err(error) => keyward_core::log_limited!(warn, %error, "a page does not look as it was set to"),
    }
    visitor.context = visitor.context.clone().device(visitor.cookie(DEVICE));
    visitor.theme = visitor.cookie(THEME).parse().unwrap_or(visitor.look.theme);
    let mut response = if is_exposed {
        // Browsers would not take the cookies, and a password is not for others on the way to read.
        Failure::plain_text().into_response()
    } else {
        request.extensions_mut().insert(visitor.clone());
        next.run(request).await
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        response = failure.page(&visitor).await;
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if transport == Transport::Secure {
        headers.insert("strict-transport-security", HeaderValue::from_static("max-age=31536000"));
    }
    response
}

fn cookies(headers: &HeaderMap) -> Vec<(String, Zeroizing<String>)> {
    let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| Cookie::split_parse(field).filter_map(Result::ok));
    pairs.map(|cookie| (cookie.name().to_owned(), Zeroizing::new(cookie.value().to_owned()))).collect()
}

/// The message for a form with the wrong token, before sign-in.
pub(super) const TOO_OLD: &str = "The page was too old, or your browser keeps no cookies. Try again.";

impl Visitor {
    /// What stands behind the question mark.
    pub(super) fn query(&self) -> Form {
        Form::parse(self.path.split_once('?').map_or("", |(_, query)| query).as_bytes())
    }

    pub(super) fn cookie(&self, what: &str) -> &str {
        let name = self.cookie_name(what);
        self.cookies.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    fn cookie_name(&self, what: &str) -> String {
        match self.place {
            Connection::Host => format!("__Host-keyward_{what}"),
            Connection::Loopback => format!("keyward_{what}"),
        }
    }

    /// Has the browser keep this; until it is closed, or for so many seconds.
    pub(super) fn set_cookie(&self, response: &mut Response, what: &str, value: &str, seconds: Option<i64>) {
        let mut cookie = Cookie::build((self.cookie_name(what), value.to_owned()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.place == Connection::Host);
        if let Some(seconds) = seconds {
            cookie = cookie.max_age(cookie::time::Duration::seconds(seconds));
        }
        if let Ok(value) = HeaderValue::try_from(cookie.build().to_string()) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }

    pub(super) fn session(&self) -> Zeroizing<String> {
        Zeroizing::new(self.cookie(SESSION).to_owned())
    }

    pub(super) fn begin_session(&self, response: &mut Response, signed_in: &SignedIn) {
        self.set_cookie(response, SESSION, &signed_in.session, None);
        self.set_cookie(response, VISIT, "", Some(0));
        if let Some(device) = &signed_in.device {
            self.keep_device(response, device);
        }
    }

    /// Has the browser keep that its user has signed in with it. Browsers keep a cookie for 400 days at most.
    fn keep_device(&self, response: &mut Response, proof: &str) {
        self.set_cookie(response, DEVICE, proof, Some(400 * 24 * 3_600));
    }

    /// Ends the session of somebody whose sessions have all ended by their own doing. Their device stays known.
    pub(super) async fn end_all_sessions(&self, response: &mut Response, actor: &Actor) {
        self.end_session(response);
        match self.app.management().device_proof(actor).await {
            Ok(proof) => self.keep_device(response, &proof),
            Err(error) => keyward_core::log_limited!(warn, %error, "a device will not be known at its next sign-in"),
        }
    }

    pub(super) fn end_session(&self, response: &mut Response) {
        self.set_cookie(response, SESSION, "", Some(0));
    }

    pub(super) fn set_theme(&self, response: &mut Response, theme: Theme) {
        self.set_cookie(response, THEME, theme.as_str(), Some(365 * 24 * 3_600));
    }

    /// Goes on to another page, which says this.
    pub(super) fn redirect_with_flash(&self, path: &str, note: &str) -> Response {
        let mut response = self.go(path);
        let page = path.split('?').next().unwrap_or_default();
        self.set_cookie(&mut response, NOTE, &format!("{note}@{page}"), Some(60));
        response
    }

    /// Goes on to the page that a page of another path has become, with what it was to say.
    pub(super) fn go_on(&self, path: &str) -> Response {
        match self.note() {
            "" => self.go(path),
            note => self.redirect_with_flash(path, note),
        }
    }

    pub(super) fn go(&self, path: &str) -> Response {
        let target = format!("{}{path}", self.app.settings().base);
        match HeaderValue::try_from(target) {
            Ok(target) => (StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response(),
            Err(_) => Failure::from(ManagementError::NotFound("page")).into_response(),
        }
    }

    /// The dashboard's own URL of a path: of its public URL, or on the machine itself. A link that leads elsewhere would hand to
    /// somebody else what it carries, so no other host of a request is believed.
    #[cfg(feature = "oidc")]
    pub(super) fn absolute(&self, path: &str) -> Result<String, Failure> {
        let own = match self.public_url()? {
            Some(url) => url,
            None => &PublicUrl::of_loopback(&self.host, self.place == Connection::Host)
                .ok_or_else(Failure::no_public_url)?,
        };
        Ok(format!("{own}{}{path}", self.app.settings().base))
    }

    /// What a link to be sent to somebody begins with: the public URL and the dashboard's own path. Without a public URL it is the path
    /// alone, in front of which the script puts the address that the browser has open.
    pub(super) fn link_base(&self) -> Result<String, Failure> {
        let own = self.public_url()?.map(ToString::to_string).unwrap_or_default();
        Ok(format!("{own}{}", self.app.settings().base))
    }

    /// The server's public URL, if there is one: for a request under that host, or on the machine itself.
    fn public_url(&self) -> Result<Option<&PublicUrl>, Failure> {
        match &self.app.settings().public_url {
            Some(url) if !url.is_of(&self.host) && !is_loopback(&self.host) => {
                Err(Failure::other_host(&url.to_string()))
            }
            url => Ok(url.as_ref()),
        }
    }

    pub(super) fn html(&self, status: StatusCode, page: &impl Template) -> Response {
        match page.render() {
            Ok(text) => {
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                let mut response = (status, [(CONTENT_TYPE, html)], text).into_response();
                if !self.note().is_empty() {
                    self.set_cookie(&mut response, NOTE, "", Some(0));
                }
                response
            }
            Err(error) => {
                tracing::error!(%error, "a page could not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// What a page before has left for this one to say, and for no other: it may be about another account.
    pub(super) fn note(&self) -> &str {
        let (note, page) = self.cookie(NOTE).split_once('@').unwrap_or_default();
        let own = self.path.split('?').next().unwrap_or_default();
        if page == own { note } else { "" }
    }

    /// Where to go on once somebody has signed in: the page of the form that they sent, or else the page that they asked for.
    pub(super) fn way_back(&self) -> String {
        self.form_page.get().unwrap_or(&self.path).clone()
    }

    /// The token of a form that somebody sends who is not signed in; with a cookie to be set if there is none.
    pub(super) fn open_token(&self) -> Result<(String, Option<Zeroizing<String>>), ManagementError> {
        let known = self.cookie(VISIT);
        if known.is_empty() {
            let fresh = new_secret("")?;
            Ok((token_of(&fresh)?, Some(fresh)))
        } else {
            Ok((token_of(known)?, None))
        }
    }

    /// A page for somebody who is not signed in.
    pub(super) fn open_page<T: Template>(
        &self,
        status: StatusCode,
        title: &str,
        page: impl FnOnce(Frame) -> T,
    ) -> Result<Response, Failure> {
        let (token, fresh) = self.open_token()?;
        let mut response = self.html(status, &page(Frame::open(self, title, token)));
        if let Some(fresh) = fresh {
            self.set_cookie(&mut response, VISIT, &fresh, None);
        }
        Ok(response)
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Failure::from(ManagementError::Internal))
    }
}

/// Goes to another site.
#[cfg(feature = "oidc")]
pub(super) fn leave(url: &str) -> Result<Response, Failure> {
    let target = HeaderValue::try_from(url).map_err(|_| Failure::from(ManagementError::Internal))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response())
}

/// The token that stands in every form, and that nobody can make without the cookie.
pub(super) fn token_of(secret: &str) -> Result<String, ManagementError> {
    let mut token = [0_u8; 32];
    Hkdf::<Sha256>::new(None, secret.as_bytes())
        .expand(b"keyward form token", &mut token)
        .map_err(|_| ManagementError::Internal)?;
    Ok(hex::encode(token))
}

pub(super) fn is_token(sent: &str, secret: &str) -> bool {
    !secret.is_empty() && token_of(secret).is_ok_and(|token| token.as_bytes().ct_eq(sent.as_bytes()).into())
}

/// Whether the browser says that the form is one of our own: by `Sec-Fetch-Site`, or by `Origin` where that is not sent.
fn is_same_origin(headers: &HeaderMap, own: &str) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text(&HeaderName::from_static("sec-fetch-site")), text(&ORIGIN)) {
        (Some("same-origin" | "none"), None) => true,
        (Some("same-origin") | None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host == Some(own)
        }
        // No browser since 2020 sends neither with a form; what is left are programs, which have no cookies of others.
        (None, None) => true,
        _ => false,
    }
}

/// A form of somebody who is not signed in.
pub(super) struct AnonymousForm {
    pub(super) visitor: Visitor,
    pub(super) form: Form,
    /// Whether the form was made for this browser.
    pub(super) is_own: bool,
}

impl FromRequest<App> for AnonymousForm {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        if !is_same_origin(&parts.headers, &visitor.host) {
            return Err(Failure::other_site());
        }
        let form = Form::read(Request::from_parts(parts, body)).await.ok_or_else(Failure::too_long)?;
        let is_own = is_token(form.get("csrf"), visitor.cookie(VISIT));
        Ok(Self { visitor, form, is_own })
    }
}

/// A form of somebody who is signed in, and what its URL says that it is about.
pub(super) struct SignedInForm<P> {
    pub(super) at: P,
    pub(super) form: Form,
}

impl<P: Place> FromRequest<App> for SignedInForm<P> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        if !is_same_origin(&parts.headers, &visitor.host) {
            return Err(Failure::other_site());
        }
        let path = PathParams::of(&mut parts, app).await;
        let form = Form::read(Request::from_parts(parts, body)).await.ok_or_else(Failure::too_long)?;
        let form_page = form_page(&visitor.path, &form);
        // Whatever comes of the form, the frame around all pages knows the way back to it.
        let _ = visitor.form_page.set(form_page.clone());
        let member = Member::of(visitor).await.map_err(|error| match error {
            ManagementError::SignedOut => Failure::signed_out(),
            error => error.into(),
        })?;
        if !is_token(form.get("csrf"), &member.session) {
            return Err(Failure::other_session(&form_page));
        }
        Ok(Self { at: P::reach(member, &path).await?, form })
    }
}

/// The page that a form stands on, with what was typed into it.
fn form_page(path: &str, form: &Form) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let page = match path.rsplit_once('/') {
        Some((above, "rename" | "disable" | "enable")) => above,
        // The roles of all members are on one page.
        Some((member, "role")) => {
            let (members, id) = member.rsplit_once('/').unwrap_or(("/keys", ""));
            return format!("{members}?{}&{}", form::query("member", id), form::query("role", form.get("role")));
        }
        Some(("/settings", "theme" | "name" | "password")) => "/settings",
        Some(("", "logout")) | None => "/keys",
        _ => path,
    };
    let draft = form.draft();
    if draft.is_empty() { page.to_owned() } else { format!("{page}?{draft}") }
}

/// Where somebody is to go who has signed in: a page of ours, whatever a link says.
pub(super) fn safe_redirect(to: &str) -> &str {
    let ours = ["/keys", "/usage", "/members", "/users", "/accounts", "/audit", "/settings", "/invitations"];
    let path = to.split('?').next().unwrap_or_default();
    let fits =
        ours.iter().any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
            && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if fits { to } else { "/keys" }
}

/// The way to sign in, and back to this page.
pub(super) fn login_path(to: &str) -> String {
    if to == "/keys" { "/login".to_owned() } else { format!("/login?{}", form::query("to", to)) }
}

/// After how many seconds to try again.
pub(super) fn retry_after(response: &mut Response, seconds: u64) {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_our_own_are_gone_to() {
        for (to, gone_to) in [
            ("/keys/new?name=a", "/keys/new?name=a"),
            ("/audit", "/audit"),
            ("//evil.example", "/keys"),
            ("https://evil.example/keys", "/keys"),
            ("/keysevil", "/keys"),
            ("/login", "/keys"),
            ("/keys\\@evil", "/keys"),
            ("/keys\r\nX: y", "/keys"),
        ] {
            assert_eq!(safe_redirect(to), gone_to, "{to}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_told_by_what_the_browser_says() {
        for (site, origin, own) in [
            (Some("same-origin"), Some("https://a.example"), true),
            (Some("same-origin"), None, true),
            (Some("none"), None, true),
            (None, Some("https://a.example"), true),
            (None, None, true),
            (None, Some("null"), false),
            (None, Some("https://b.example"), false),
            (Some("same-origin"), Some("https://b.example"), false),
            (Some("same-site"), Some("https://a.example"), false),
            (Some("cross-site"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_same_origin(&headers, "a.example"), own, "{site:?} {origin:?}");
        }
    }

    #[test]
    fn tokens_are_of_their_session() {
        let token = token_of("kws_1").unwrap();
        assert!(is_token(&token, "kws_1"));
        assert!(!is_token(&token, "kws_2"));
        assert!(!is_token("", ""));
        assert!(!is_token(&token_of("").unwrap(), ""));
    }
}
