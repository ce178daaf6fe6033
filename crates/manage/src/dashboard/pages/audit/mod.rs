//! The audit log, in sentences.

mod changes;
mod export;
mod filter;
mod names;
mod page;
mod sentences;

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::role::scopes;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts/{account}/audit", page::page)
            .menu(Menu::Account, "Audit log", scopes::AUDIT_READ)
            .destination(),
        Route::page("/accounts/{account}/audit/export", export::export).destination(),
        Route::page("/audit", home::go).destination(),
    ]
}
