//! The dashboard in a real browser, and over plain HTTP.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod accounts;
mod activity;
mod audit;
mod browser;
mod canaries;
mod compression;
mod directions;
mod docs;
mod embedding;
mod first_hour;
mod form_errors;
mod frame;
mod hosts;
mod http;
mod invitations;
mod key_events;
mod keys;
mod large_site;
mod layout;
mod lifetimes;
mod limits;
mod list;
mod load;
mod looks;
mod looks_states;
mod mail;
mod newcomer;
mod oidc;
mod operator;
mod passkey_answers;
mod passkeys;
mod people;
mod plan_scopes;
mod requests;
mod routes;
mod scopes;
mod security;
mod security_key;
mod sessions;
mod site;
mod snippets;
mod speed;
mod usage;
mod webhooks;
