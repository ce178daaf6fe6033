//! The last requests of each key, if a service records them. A request only adds to a buffer in memory, and a task writes it.

mod buffer;
mod read;
mod record;

pub use keyward_api_types::RecentRequest;

pub(super) use buffer::RequestBuffer;
