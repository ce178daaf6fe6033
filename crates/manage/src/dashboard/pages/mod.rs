//! The pages, by feature.

mod account;
mod accounts;
mod audit;
pub(super) mod error;
mod home;
mod invitations;
mod keys;
mod lifetimes;
mod limits;
mod members;
mod plans;
mod settings;
mod sign_in;
mod usage;
mod users;
#[cfg(feature = "webhooks")]
mod webhooks;

use super::app::Route;
use super::assets;

/// Their order is that of the navigation.
pub(super) fn routes() -> Vec<Route> {
    let features = [
        keys::routes(),
        usage::routes(),
        members::routes(),
        #[cfg(feature = "webhooks")]
        webhooks::routes(),
        audit::routes(),
        account::routes(),
        accounts::routes(),
        plans::routes(),
        users::routes(),
        settings::routes(),
        invitations::routes(),
        sign_in::routes(),
        vec![Route::page("/dashboard/{asset}", assets::serve)],
    ];
    features.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
