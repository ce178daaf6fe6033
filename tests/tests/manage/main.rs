//! The management service.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod accounts;
mod api;
mod api_coverage;
mod api_people;
mod api_rows;
mod api_strict;
mod api_values;
mod api_webhooks;
mod audit;
mod audit_export;
mod authority;
mod clients;
mod crash;
mod deletion;
mod described;
mod events;
mod events_served;
mod full_disk;
mod github;
mod hook_bounds;
mod hook_limit;
mod hook_receivers;
mod hook_rights;
mod hook_rotation;
mod hook_secrets;
mod hook_tls;
mod introspection;
mod keys;
mod lifetimes;
mod limits;
mod mail;
mod mail_served;
mod management;
mod people;
mod requests;
mod retention;
mod second_factor;
mod serve;
mod setting;
mod sign_in_links;
mod store;
mod user_keys;
mod verify;
