mod change;
mod create;
mod created;
mod deliveries;
mod details;
mod edit;
mod list;
mod place;
mod remove;
mod rotate;
mod view;

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::dashboard::words;
use crate::role::scopes;

const WEBHOOK: &str = "/accounts/{account}/webhooks/{id}";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts/{account}/webhooks", list::page)
            .menu(Menu::Account, words::shared::WEBHOOKS, scopes::WEBHOOKS_READ)
            .destination(),
        Route::page("/accounts/{account}/webhooks/new", create::page)
            .post(create::create)
            .destination()
            .asks_before(words::sign_in::CHANGE_A_WEBHOOK),
        Route::page(WEBHOOK, details::page).destination(),
        Route::page("/accounts/{account}/webhooks/{id}/edit", edit::page)
            .post(edit::edit)
            .destination()
            .asks_before(words::sign_in::CHANGE_A_WEBHOOK),
        Route::page("/accounts/{account}/webhooks/{id}/rotate", rotate::page)
            .post(rotate::rotate)
            .destination()
            .asks_before(words::sign_in::CHANGE_A_SECRET),
        Route::page("/accounts/{account}/webhooks/{id}/remove", remove::page).post(remove::remove).destination(),
        Route::action("/accounts/{account}/webhooks/{id}/disable", WEBHOOK, change::disable)
            .asks_before(words::sign_in::CHANGE_A_WEBHOOK),
        Route::action("/accounts/{account}/webhooks/{id}/enable", WEBHOOK, change::enable)
            .asks_before(words::sign_in::CHANGE_A_WEBHOOK),
        Route::action("/accounts/{account}/webhooks/{id}/test", WEBHOOK, deliveries::test),
        Route::action("/accounts/{account}/webhooks/{id}/redeliver", WEBHOOK, deliveries::redeliver),
        Route::action("/accounts/{account}/webhooks/{id}/redeliver-failed", WEBHOOK, deliveries::redeliver_failed),
        Route::page("/webhooks", home::go).destination(),
    ]
}
