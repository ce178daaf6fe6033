mod factor;
mod invite;
mod keys;
mod list;
mod remove;
mod reset;
mod role;
mod row;

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::site_map::Menu;
use crate::dashboard::words;
use crate::role::scopes;

const MEMBERS: &str = "/accounts/{account}/members";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page(MEMBERS, list::page)
            .post(invite::invite)
            .asks_before(words::sign_in::INVITE_A_MEMBER)
            .menu(Menu::Account, words::shared::MEMBERS, scopes::MEMBERS_READ)
            .destination(),
        Route::action("/accounts/{account}/members/{id}/role", MEMBERS, role::change)
            .keep("id", "member")
            .asks_before(words::sign_in::CHANGE_A_ROLE),
        Route::page("/accounts/{account}/members/{id}/remove", remove::page).post(remove::remove).destination(),
        Route::page("/accounts/{account}/members/{id}/keys", keys::page).post(keys::revoke).destination(),
        Route::page("/accounts/{account}/members/{id}/reset", reset::page)
            .post(reset::create)
            .destination()
            .asks_before(words::sign_in::CREATE_A_LINK),
        Route::page("/accounts/{account}/members/{id}/second-factor", factor::page)
            .post(factor::remove)
            .destination()
            .asks_before(words::sign_in::REMOVE_A_SECOND_FACTOR),
        Route::action("/accounts/{account}/invitations/{id}/withdraw", MEMBERS, invite::withdraw),
        Route::page("/members", home::go).destination(),
    ]
}
