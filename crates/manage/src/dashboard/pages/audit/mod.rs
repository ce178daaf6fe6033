//! The audit log, in sentences.

mod changes;
mod export;
mod filter;
mod names;
mod of_key;
mod page;
mod sentences;

pub(in crate::dashboard) use of_key::{Events, events_of_key};

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::dashboard::words;
use crate::role::scopes;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts/{account}/audit", page::page)
            .menu(Menu::Account, words::audit::AUDIT_LOG, scopes::AUDIT_READ)
            .destination(),
        Route::page("/accounts/{account}/audit/export", export::export).destination(),
        Route::page("/audit", home::go).destination(),
    ]
}
