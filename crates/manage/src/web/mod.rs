//! The code that the API, the dashboard and the GitHub receiver share.

mod caller;
mod context;
mod etag;
mod extract;
mod file;
mod idempotency;
mod problem;
mod transport;

pub(crate) use caller::Caller;
pub(crate) use context::{Origin, request_context};
pub(crate) use etag::Tagged;
pub(crate) use extract::{Input, NoInput, OptionalInput, PathParam, QueryParams};
#[cfg(feature = "github")]
pub(crate) use extract::{Object, unreadable_body};
pub(crate) use file::{IMMUTABLE, short_hash};
pub(crate) use idempotency::{answer, no_content};
#[cfg(feature = "github")]
pub(crate) use problem::Refusal;
pub(crate) use problem::{Problem, no_such_path, other_method};
#[cfg(feature = "dashboard")]
pub(crate) use problem::{sentence, write_pending};
#[cfg(feature = "dashboard")]
pub(crate) use transport::Arrival;
