//! Real gateways with the configurations of `examples/gateways`, and keyward's endpoints.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod caddy;
mod envoy;
mod forward_auth;
mod haproxy;
mod introspect;
mod locations;
mod nginx;
mod setting;
mod table;
mod tricks;
mod verify;
mod websockets;
