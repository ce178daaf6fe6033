mod chain;
mod change;
mod checklist;
mod create;
mod created;
mod creators;
mod details;
mod edit;
mod expiry;
mod export;
mod filter;
mod list;
mod missing;
mod refusals;
mod requests;
mod revoke;
mod rotate;
mod scopes;
mod selected;
mod sorting;
mod test_call;
mod view;

pub(in crate::dashboard) use revoke::{Reason, reasons, revocation};
pub(in crate::dashboard) use scopes::{Picker, read as read_scopes};

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::dashboard::words;
use crate::role::scopes as management_scopes;

const KEY: &str = "/accounts/{account}/keys/{id}";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts/{account}/keys", list::page)
            .menu(Menu::Account, words::shared::KEYS, management_scopes::KEYS_READ)
            .destination(),
        Route::page("/accounts/{account}/keys/new", create::page)
            .post(create::create)
            .destination()
            .asks_before(words::sign_in::CREATE_A_KEY),
        Route::action("/accounts/{account}/keys/checklist", "/accounts/{account}/keys", checklist::hide),
        Route::page("/accounts/{account}/keys/export", export::export).destination(),
        Route::page("/accounts/{account}/keys/selected", selected::page)
            .post(selected::change)
            .destination()
            .asks_before(words::sign_in::ENABLE_KEYS),
        Route::page("/accounts/{account}/keys/test", test_call::page).post(test_call::test).destination(),
        Route::page("/accounts/{account}/keys/{id}/edit", edit::page)
            .post(edit::change)
            .destination()
            .asks_before(words::sign_in::CHANGE_A_KEY),
        Route::page(KEY, details::page).destination(),
        Route::action("/accounts/{account}/keys/{id}/rename", KEY, change::rename)
            .asks_before(words::sign_in::CHANGE_A_KEY),
        Route::action("/accounts/{account}/keys/{id}/enable", KEY, change::enable)
            .asks_before(words::sign_in::ENABLE_KEYS),
        Route::action("/accounts/{account}/keys/{id}/limits", KEY, change::limits)
            .asks_before(words::sign_in::CHANGE_LIMITS),
        Route::page("/accounts/{account}/keys/{id}/requests", requests::page).destination(),
        Route::page("/accounts/{account}/keys/{id}/rotate", rotate::page)
            .post(rotate::rotate)
            .destination()
            .asks_before(words::sign_in::ROTATE_A_KEY),
        Route::page("/accounts/{account}/keys/{id}/revoke", revoke::page).post(revoke::revoke).destination(),
        Route::page("/keys", home::go).destination(),
        Route::page("/keys/new", home::go).destination(),
        Route::page("/keys/{id}", home::go_to_key).destination(),
    ]
}
