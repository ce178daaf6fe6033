mod api;
mod appearance;
mod factor;
mod own;

use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::dashboard::words;

const SETTINGS: &str = "/settings";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page(SETTINGS, own::page).menu(Menu::User, words::settings::SETTINGS, None).destination(),
        Route::action("/settings/theme", SETTINGS, own::change_theme),
        Route::action("/settings/name", SETTINGS, own::change_name),
        Route::action("/settings/password", SETTINGS, own::change_password),
        Route::page(factor::PAGE, factor::page).post(factor::begin).destination(),
        Route::action("/settings/second-factor/confirm", factor::PAGE, factor::confirm),
        Route::action("/settings/second-factor/codes", factor::PAGE, factor::renew),
        Route::action("/settings/second-factor/remove", factor::PAGE, factor::remove),
        Route::page("/settings/api", api::page).post(api::change).destination(),
        Route::page("/settings/appearance", appearance::page).post(appearance::change).destination(),
    ]
}
