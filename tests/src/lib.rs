//! Shared helpers.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here.

pub mod program;
pub mod service;
