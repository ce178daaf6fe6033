//! The accounts of the deployment, for the operator.

mod create;
mod delete;
mod list;
mod suspend;

use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::dashboard::words;
use crate::role::scopes;

const SETTINGS: &str = "/accounts/{account}/settings";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts", list::page)
            .menu(Menu::Operator, words::shared::ACCOUNTS, scopes::ACCOUNTS_READ)
            .destination(),
        Route::page("/accounts/new", create::page)
            .post(create::create)
            .destination()
            .asks_before(words::sign_in::GIVE_A_PLAN),
        Route::page("/accounts/{account}/suspend", suspend::page)
            .post(suspend::suspend)
            .destination()
            .asks_before(words::sign_in::SUSPEND_AN_ACCOUNT),
        Route::page("/accounts/{account}/delete", delete::page)
            .post(delete::delete)
            .destination()
            .asks_before(words::sign_in::DELETE_AN_ACCOUNT),
        Route::action("/accounts/{account}/reinstate", SETTINGS, suspend::reinstate)
            .asks_before(words::sign_in::REINSTATE_AN_ACCOUNT),
        Route::action("/accounts/{account}/plan", SETTINGS, suspend::change_plan)
            .asks_before(words::sign_in::CHANGE_A_PLAN),
        Route::page("/account", list::switch),
    ]
}
