//! Redirects, to the dashboard's own pages only.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::response::{IntoResponse, Redirect, Response};

use super::cookies::{FLASH, SESSION};
use super::form;
use super::site_map::HOME;
use super::visitor::Visitor;

const FLASH_SECONDS: i64 = 60;

impl Visitor {
    pub(super) fn go(&self, path: &str) -> Response {
        Redirect::to(&format!("{}{path}", self.app.settings().base)).into_response()
    }

    pub(super) fn redirect_with_flash(&self, path: &str, code: &str) -> Response {
        let mut response = self.go(path);
        let page = path.split('?').next().unwrap_or_default();
        self.cookies.set(&mut response, FLASH, &format!("{code}@{page}"), Some(FLASH_SECONDS));
        response
    }

    pub(super) fn go_on(&self, path: &str) -> Response {
        match self.flash() {
            "" => self.go(path),
            code => self.redirect_with_flash(path, code),
        }
    }

    pub(super) fn safe_redirect<'t>(&self, to: &'t str) -> &'t str {
        self.app.site_map().destination(to)
    }

    pub(super) fn go_to_sign_in(&self) -> Response {
        let page = match self.safe_redirect(&self.path) {
            HOME => "/login".to_owned(),
            to => format!("/login?{}", form::query("to", to)),
        };
        // A browser without a session never had one, or signed out.
        let had_session = !self.cookies.get(SESSION).is_empty();
        if had_session { self.redirect_with_flash(&page, "session-over") } else { self.go(&page) }
    }
}
