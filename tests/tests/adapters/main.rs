//! Every adapter answers the same table of hostile requests alike.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

mod actix;
mod axum_extractors;
mod axum_routing;
mod axum_table;
mod browsers;
mod hyper;
mod locations;
mod openapi;
mod own_rejections;
mod protected_resource;
mod request_ids;
mod spans;
mod tenant_routers;
mod tonic;
mod tonic_wire;
