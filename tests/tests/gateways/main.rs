//! keyward behind gateways that others wrote, each started for real with its configuration from `examples/gateways`, and
//! asked by services in its own words.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod caddy;
mod envoy;
mod forward_auth;
mod haproxy;
mod nginx;
mod setting;
mod table;
mod tricks;
mod verify;
