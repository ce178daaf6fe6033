//! The dashboard: in a real browser as its users see it, and over plain HTTP as those see it who mean no good.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod accounts;
mod browser;
mod hosts;
mod http;
mod keys;
mod load;
mod looks;
mod oidc;
mod people;
mod site;
