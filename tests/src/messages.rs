//! The crates that the cases of `tests/messages.rs` name.

pub use {actix_web, axum, keyward, serde_json};
