//! Shared test helpers.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here.
#![allow(missing_docs, reason = "only tests use these helpers, and most names need no comment")]

pub mod faults;
pub mod gateways;
pub mod identity_provider;
pub mod log;
pub mod mail;
pub mod messages;
pub mod node;
pub mod openapi;
pub mod postgres;
pub mod program;
pub mod rejections;
pub mod service;
pub mod valkey;
pub mod watched;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../guide/src/protect-a-service.md")]
    pub struct ProtectAService;

    #[doc = include_str!("../../guide/src/actix.md")]
    pub struct Actix;

    #[doc = include_str!("../../guide/src/other-frameworks.md")]
    pub struct OtherFrameworks;

    #[doc = include_str!("../../guide/src/mcp.md")]
    pub struct Mcp;

    #[doc = include_str!("../../guide/src/mail.md")]
    pub struct Mail;

    #[doc = include_str!("../../guide/src/key-locations.md")]
    pub struct KeyLocations;

    #[doc = include_str!("../../guide/src/openapi.md")]
    pub struct OpenApi;

    #[doc = include_str!("../../guide/src/scopes.md")]
    pub struct Scopes;

    #[doc = include_str!("../../guide/src/limits.md")]
    pub struct Limits;

    #[doc = include_str!("../../guide/src/metrics.md")]
    pub struct Metrics;

    #[doc = include_str!("../../guide/src/streams.md")]
    pub struct Streams;

    #[doc = include_str!("../../guide/src/testing.md")]
    pub struct Testing;

    #[doc = include_str!("../../guide/src/own-store.md")]
    pub struct OwnStore;

    #[doc = include_str!("../../guide/src/many-nodes.md")]
    pub struct ManyNodes;

    #[doc = include_str!("../../guide/src/gateway.md")]
    pub struct Gateway;

    #[doc = include_str!("../../guide/src/introspection.md")]
    pub struct Introspection;

    #[doc = include_str!("../../guide/src/managing-keys.md")]
    pub struct ManagingKeys;

    #[doc = include_str!("../../guide/src/lifetimes.md")]
    pub struct Lifetimes;

    #[doc = include_str!("../../guide/src/dashboard.md")]
    pub struct Dashboard;

    #[doc = include_str!("../../guide/src/peppers.md")]
    pub struct Peppers;

    #[doc = include_str!("../../guide/src/import.md")]
    pub struct Import;

    #[doc = include_str!("../../guide/src/from-jwt.md")]
    pub struct FromJwt;

    #[doc = include_str!("../../guide/src/from-unkey.md")]
    pub struct FromUnkey;

    #[doc = include_str!("../../guide/src/from-a-table.md")]
    pub struct FromATable;
}
