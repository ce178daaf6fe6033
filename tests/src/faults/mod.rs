//! A deployment under faults: three nodes on one store, clients that never stop asking, and a proof from what they saw.
//!
//! [`schedule`] draws the faults from a seed, [`deployment`] carries them out on real processes, [`traffic`] issues, asks and
//! revokes, [`history`] keeps what was seen and when, and [`check`] judges it.

pub mod check;
pub mod deployment;
pub mod history;
pub mod namespace;
pub mod proxy;
pub mod schedule;
pub mod store;
pub mod traffic;

/// Nodes of the deployment.
pub const NODES: usize = 3;
