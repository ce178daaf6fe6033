#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::response::Response;
use cookie::{Cookie, SameSite};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use crate::appearance::Theme;

pub(super) const SESSION: &str = "session";
pub(super) const VISIT: &str = "visit";
pub(super) const HALF: &str = "half";
pub(super) const FLASH: &str = "note";
pub(super) const THEME: &str = "theme";
pub(super) const DEVICE: &str = "device";
pub(super) const ACCOUNT: &str = "account";
pub(super) const CHECKLIST: &str = "checklist";

/// The theme that a visitor chose, over https or on this machine.
pub(crate) fn chosen_theme(headers: &HeaderMap) -> Option<Theme> {
    [true, false].into_iter().find_map(|is_secure| Cookies::read(headers, is_secure, false).get(THEME).parse().ok())
}

#[derive(Clone)]
pub(super) struct Cookies {
    is_secure: bool,
    is_framed: bool,
    values: Vec<(String, Zeroizing<String>)>,
}

impl Cookies {
    /// Pages in a frame have cookies of other names, so that a frame never acts with the session of a window.
    pub(super) fn read(headers: &HeaderMap, is_secure: bool, is_framed: bool) -> Self {
        let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| Cookie::split_parse(field).filter_map(Result::ok));
        let values = pairs.map(|cookie| (cookie.name().to_owned(), Zeroizing::new(cookie.value().to_owned())));
        Self { is_secure, is_framed, values: values.collect() }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Returns `true` in a frame, if the settings name origins that may show one.
    pub(super) fn is_framed(&self) -> bool {
        self.is_framed
    }

    pub(super) fn get(&self, what: &str) -> &str {
        let name = self.name(what);
        self.values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    pub(super) fn set(&self, response: &mut Response, what: &str, value: &str, seconds: Option<i64>) {
        let mut cookie = Cookie::build((self.name(what), value.to_owned()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_secure());
        if self.is_framed {
            // Browsers send it in frames of other sites, and only below the site that it was set below (CHIPS). They also set it on
            // loopback addresses over http.
            cookie = cookie.same_site(SameSite::None).secure(true).partitioned(true);
        }
        if let Some(seconds) = seconds {
            cookie = cookie.max_age(cookie::time::Duration::seconds(seconds));
        }
        if let Ok(value) = HeaderValue::try_from(cookie.build().to_string()) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }

    fn name(&self, what: &str) -> String {
        let place = if self.is_framed { "framed_" } else { "" };
        if self.is_secure { format!("__Host-keyward_{place}{what}") } else { format!("keyward_{place}{what}") }
    }
}
