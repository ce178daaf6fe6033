//! The usage of an account's keys.

mod by_scope;
mod export;
mod page;
mod range;
mod sum;

pub(super) use by_scope::{Scopes, lacked};

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::dashboard::words;
use crate::role::scopes;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts/{account}/usage", page::page)
            .menu(Menu::Account, words::usage::USAGE, scopes::USAGE_READ)
            .destination(),
        Route::page("/accounts/{account}/usage/export", export::export).destination(),
        Route::page("/usage", home::go).destination(),
    ]
}
