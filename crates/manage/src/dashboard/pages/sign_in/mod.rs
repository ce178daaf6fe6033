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
        Route::page("/login", login::page).post(login::sign_in),
        Route::page("/login/code", code::page).post(code::check),
        Route::page("/login/link", link::page).post(link::sign_in),
        #[cfg(feature = "oidc")]
        Route::page("/login/oidc", oidc::begin),
        #[cfg(feature = "oidc")]
        Route::page(oidc::CALLBACK, oidc::end),
        Route::action("/logout", HOME, logout::sign_out),
        Route::page("/register", register::page).post(register::register),
        Route::page("/forgot", reset::forgot_page).post(reset::forgot),
        Route::page("/reset", reset::page).post(reset::reset),
    ]
}
