mod activity;
mod api;
mod appearance;
mod factor;
mod own;
mod passkey;
mod sessions;

use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::dashboard::words;
use crate::role::scopes;

const SETTINGS: &str = "/settings";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page(SETTINGS, own::page).menu(Menu::User, words::settings::SETTINGS, None).destination(),
        Route::action("/settings/theme", SETTINGS, own::change_theme),
        Route::action("/settings/name", SETTINGS, own::change_name),
        Route::action("/settings/password", SETTINGS, own::change_password),
        Route::action("/settings/sessions/end", SETTINGS, sessions::end),
        Route::action("/settings/sessions/end-others", SETTINGS, sessions::end_others),
        Route::page(factor::PAGE, factor::page)
            .post(factor::begin)
            .destination()
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::action("/settings/second-factor/confirm", factor::PAGE, factor::confirm)
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::action("/settings/second-factor/codes", factor::PAGE, factor::renew)
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::action("/settings/second-factor/remove", factor::PAGE, factor::remove)
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::action("/settings/second-factor/app/remove", factor::PAGE, factor::remove_app)
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::action("/settings/second-factor/passkeys", factor::PAGE, passkey::begin)
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::action("/settings/second-factor/passkeys/confirm", factor::PAGE, passkey::confirm)
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::page(passkey::PASSKEY, passkey::page)
            .post(passkey::rename)
            .destination()
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::action("/settings/second-factor/passkeys/{passkey}/remove", passkey::PASSKEY, passkey::remove)
            .asks_before(words::sign_in::SET_UP_A_SECOND_FACTOR),
        Route::page("/settings/api", api::page)
            .post(api::change)
            .menu(Menu::Operator, words::settings::SCOPES_AND_EXAMPLE, scopes::ACCOUNTS_WRITE)
            .destination(),
        Route::page("/settings/appearance", appearance::page)
            .post(appearance::change)
            .takes_a_file()
            .menu(Menu::Operator, words::settings::APPEARANCE, scopes::ACCOUNTS_WRITE)
            .destination(),
    ]
}
