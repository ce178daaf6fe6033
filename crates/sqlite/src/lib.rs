//! The embedded SQLite store of keyward.
//!
//! # Several processes
//! Any number of processes on one machine may open the same file, on a local disk.
//! All of them refuse a revoked key before [`Keys::revoke`](keyward_core::Keys::revoke) returns.
//!
//! # Durability
//! A completed write survives a crash and a power cut (`synchronous=FULL`).
//! A power cut may lose the last seconds of uses, and ends all leases.
//!
//! To restore a backup, stop every process, then remove the files that end in `-wal` and `-shm`.
//! Keys that were revoked after the backup are active again.
//!
//! # Contents of the file
//! The file has digests and hints of keys, never a key. On Unix, new files are readable by their owner only (mode 0600).
//! An existing file keeps its mode. SQLite overwrites deleted rows (`secure_delete`).
//!
//! # Blocking
//! Lookups of single rows run in the calling task. Writes need a tokio runtime.
//!
//! # Examples
//! ```
//! use keyward::{AccountRecord, AuthLayer, Keys, NewKey};
//! use keyward::sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("keys.db");
//! let store = SqliteStore::open(path)?;
//! let keys = Keys::new(store.clone());
//! let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
//! keys.put_account(&account).await?;
//! let issued = keys.issue(NewKey::secret(account.id, "production")).await?;
//! let layer = AuthLayer::new(store);
//! # let _ = (issued, layer);
//! # Ok(()) }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod changes;
mod connection;
mod error;
#[cfg(feature = "limits")]
mod limits;
mod log;
mod open;
mod poll;
mod row;
mod schema;
mod shared;
mod store;
pub mod tables;

#[cfg(feature = "limits")]
#[cfg_attr(docsrs, doc(cfg(feature = "limits")))]
pub use limits::SqliteLimits;
pub use open::OpenError;
pub use store::SqliteStore;
