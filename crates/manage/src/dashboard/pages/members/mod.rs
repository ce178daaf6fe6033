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
            .menu(Menu::Account, words::shared::MEMBERS, scopes::MEMBERS_READ)
            .destination(),
        Route::action("/accounts/{account}/members/{id}/role", MEMBERS, role::change).keep("id", "member"),
        Route::page("/accounts/{account}/members/{id}/remove", remove::page).post(remove::remove).destination(),
        Route::page("/accounts/{account}/members/{id}/keys", keys::page).post(keys::revoke).destination(),
        Route::page("/accounts/{account}/members/{id}/reset", reset::page).post(reset::create).destination(),
        Route::action("/accounts/{account}/invitations/{id}/withdraw", MEMBERS, invite::withdraw),
        Route::page("/members", home::go).destination(),
    ]
}
