//! Shared helpers.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here.

pub mod faults;
pub mod gateways;
pub mod identity_provider;
pub mod node;
pub mod postgres;
pub mod program;
pub mod rejections;
pub mod service;
pub mod valkey;
pub mod watched;

/// The code in README.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The code in docs/gateways.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/gateways.md")]
pub struct Gateways;

/// The code in docs/import.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/import.md")]
pub struct Import;
