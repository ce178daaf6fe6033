//! keyward behind real gateways with their configurations from `examples/gateways`, and its endpoints for gateways and
//! services.

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
