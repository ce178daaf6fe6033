pub(super) mod again;
mod code;
pub(super) mod confirm;
mod link;
mod login;
mod logout;
mod methods;
#[cfg(feature = "oidc")]
mod oidc;
mod register;
mod reset;

use crate::dashboard::app::Route;
use crate::dashboard::site_map::HOME;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/login", login::page).anonymous_post(login::sign_in),
        Route::page("/login/code", code::page).anonymous_post(code::check),
        Route::page("/login/link", link::page).anonymous_post(link::sign_in),
        #[cfg(feature = "oidc")]
        Route::page("/login/oidc", oidc::begin),
        #[cfg(feature = "oidc")]
        Route::page(oidc::CALLBACK, oidc::end),
        Route::action("/logout", HOME, logout::sign_out),
        Route::page("/register", register::page).anonymous_post(register::register),
        Route::page("/forgot", reset::forgot_page).anonymous_post(reset::forgot),
        Route::page("/reset", reset::page).anonymous_post(reset::reset),
    ]
}
