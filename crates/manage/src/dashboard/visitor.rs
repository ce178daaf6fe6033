#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use headers::{ContentType, HeaderMapExt as _};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use keyward_core::adapter::Transport;

use super::app::App;
use super::cookies::{self, Cookies};
use super::error::PageError;
use super::form::Form;
use crate::actor::Context;
use crate::appearance::Theme;
use crate::error::ManagementError;
use crate::origin::host_of;
use crate::service::Appearance;
use crate::web::Arrival;

#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) app: App,
    pub(super) context: Context,
    pub(super) theme: Theme,
    pub(super) look: Appearance,
    pub(super) path: String,
    pub(super) host: String,
    pub(super) cookies: Cookies,
    form_page: Arc<OnceLock<String>>,
    form: Arc<OnceLock<Form>>,
}

impl Visitor {
    pub(super) fn new(app: App, request: &Request, arrival: Arrival) -> Self {
        let is_plain_loopback = arrival.is_loopback && arrival.transport != Transport::Secure;
        let is_framed = app.settings().may_be_framed() && is_in_frame(request.headers());
        let cookies = Cookies::read(request.headers(), !is_plain_loopback, is_framed);
        Self {
            path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            theme: Theme::default(),
            look: Appearance::default(),
            app,
            host: host_of(request).to_owned(),
            context: arrival.context.device(cookies.get(cookies::DEVICE)),
            cookies,
            form_page: Arc::default(),
            form: Arc::default(),
        }
    }

    /// Keeps the default without the store.
    pub(super) async fn load_look(&mut self) {
        match self.app.management().appearance().await {
            Ok(look) => self.look = look.value,
            // The page itself reports the outage.
            Err(error) => keyward_core::log_limited!(warn, %error, "a page has the default appearance"),
        }
        self.theme = self.cookies.get(cookies::THEME).parse().unwrap_or(self.look.theme);
    }

    pub(super) fn query(&self) -> Form {
        Form::parse(self.path.split_once('?').map_or("", |(_, query)| query).as_bytes())
    }

    /// The same page with a shorter query, if a field of the query is empty.
    pub(super) fn path_without_empty_fields(&self) -> Option<String> {
        let query = self.query();
        if !query.has_empty() || !self.app.site_map().is_destination(self.page_path()) {
            return None;
        }
        let kept = query.without(&[]);
        let between = if kept.is_empty() { "" } else { "?" };
        Some(format!("{}{between}{kept}", self.page_path()))
    }

    pub(super) fn page_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    pub(super) fn flash(&self) -> &str {
        let (code, page) = self.cookies.get(cookies::FLASH).split_once('@').unwrap_or_default();
        if page == self.page_path() { code } else { "" }
    }

    /// `None` if no form was sent.
    pub(super) fn sent_form(&self) -> Option<String> {
        self.form_page.get().cloned()
    }

    pub(super) fn set_form_page(&self, page: &str) {
        let _ = self.form_page.set(page.to_owned());
    }

    /// A form whose user has to confirm it is shown again, to be sent with the second factor.
    pub(super) fn keep_form(&self, form: &Form) {
        let _ = self.form.set(form.clone());
    }

    pub(super) fn kept_form(&self) -> Option<&Form> {
        self.form.get()
    }

    pub(super) fn return_path(&self) -> String {
        self.form_page.get().unwrap_or(&self.path).clone()
    }

    pub(super) fn html(&self, status: StatusCode, page: &impl Template) -> Response {
        match page.render() {
            Ok(text) => {
                let mut response = (status, text).into_response();
                response.headers_mut().typed_insert(ContentType::html());
                if !self.flash().is_empty() {
                    self.cookies.set(&mut response, cookies::FLASH, "", Some(0));
                }
                response
            }
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Browsers that partition cookies send the field, also with forms. Scripts cannot set it. A page can be in other elements than
/// `iframe`, too: only a window and a page's own script count as outside.
fn is_in_frame(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_some_and(|place| place != "document" && place != "empty")
}

impl FromRequestParts<App> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, PageError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| PageError::from(ManagementError::Internal))
    }
}
