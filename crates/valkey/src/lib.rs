//! The Valkey and Redis store of keyward.
//!
//! Published messages only wake nodes: if every message is lost, revocations become slower, not weaker.
//!
//! # Requirements
//! - The server keeps every acknowledged write (`appendonly yes`, `appendfsync always`) and evicts no keys.
//!   [`ValkeyStore::connect`] checks this. [`ValkeyOptions::accept_loss`] accepts a server that may lose writes.
//! - A failover may undo the last revocations, unless writes [wait for replicas](ValkeyOptions::wait_for_replicas).
//!
//! # Connection strings
//! | connection string | server |
//! | --- | --- |
//! | `redis://[user:password@]host:port[/database]` | one server |
//! | `redis+sentinel://[user:password@]host:port[,host:port…]/service[/database]` | the primary that these sentinels name |
//! | `redis+cluster://[user:password@]host:port[,host:port…]` | the primary of the slot |
//!
//! `valkey` is the same as `redis`. `rediss` selects TLS, verified against the system's roots. User and password are not for the sentinels.
//! A node notices a failover within a second, and checks the new primary.
//!
//! # Features
//! `limits` adds [`ValkeyPermits`] and [`ValkeyRates`], which all nodes share.
//!
//! # Examples
//! ```no_run
//! use keyward::AuthLayer;
//! use keyward::valkey::ValkeyStore;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let store = ValkeyStore::connect("redis://127.0.0.1/").await?;
//! let layer = AuthLayer::new(store);
//! # let _ = layer;
//! # Ok(()) }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod connect;
#[cfg(feature = "limits")]
mod limits;
mod listen;
mod log;
mod primary;
mod script;
mod store;
mod task;
mod value;

pub use connect::{ConnectError, ValkeyOptions};
#[cfg(feature = "limits")]
pub use limits::{ValkeyLimits, ValkeyPermits, ValkeyRates};
pub use store::ValkeyStore;
