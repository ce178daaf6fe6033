//! The dashboard in a real browser, and over plain HTTP.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod accounts;
mod audit;
mod browser;
mod first_hour;
mod frame;
mod hosts;
mod http;
mod keys;
mod lifetimes;
mod limits;
mod list;
mod load;
mod looks;
mod oidc;
mod people;
mod scopes;
mod site;
mod webhooks;
