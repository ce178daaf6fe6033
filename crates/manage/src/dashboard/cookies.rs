//! The dashboard's cookies.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::response::Response;
use cookie::{Cookie, SameSite};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// The session of a signed-in user.
pub(super) const SESSION: &str = "session";
/// The secret behind the forms of a visitor who is not signed in.
pub(super) const VISIT: &str = "visit";
/// A flash message.
pub(super) const FLASH: &str = "note";
pub(super) const THEME: &str = "theme";
/// The proof that a user has signed in with this browser.
pub(super) const DEVICE: &str = "device";
/// The account that the user looked at last.
pub(super) const ACCOUNT: &str = "account";

/// The cookies of a request.
#[derive(Clone)]
pub(super) struct Cookies {
    /// Whether the names have the prefix `__Host-`, which browsers accept over HTTPS only. For plain HTTP on this machine
    /// they have none.
    is_secure: bool,
    values: Vec<(String, Zeroizing<String>)>,
}

impl Cookies {
    /// Reads the cookies of a request.
    pub(super) fn read(headers: &HeaderMap, is_secure: bool) -> Self {
        let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| Cookie::split_parse(field).filter_map(Result::ok));
        let values = pairs.map(|cookie| (cookie.name().to_owned(), Zeroizing::new(cookie.value().to_owned())));
        Self { is_secure, values: values.collect() }
    }

    /// Returns `true` if the cookies have the prefix `__Host-`.
    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// A cookie, or an empty text.
    pub(super) fn get(&self, what: &str) -> &str {
        let name = self.name(what);
        self.values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// Sets a cookie for so many seconds, or until the browser closes.
    pub(super) fn set(&self, response: &mut Response, what: &str, value: &str, seconds: Option<i64>) {
        let mut cookie = Cookie::build((self.name(what), value.to_owned()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_secure());
        if let Some(seconds) = seconds {
            cookie = cookie.max_age(cookie::time::Duration::seconds(seconds));
        }
        if let Ok(value) = HeaderValue::try_from(cookie.build().to_string()) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }

    fn name(&self, what: &str) -> String {
        if self.is_secure { format!("__Host-keyward_{what}") } else { format!("keyward_{what}") }
    }
}
