//! The request that a [`RequestIdLayer`](crate::RequestIdLayer) works on.
//!
//! A handler's refusal does not know its request. The layer may be outside of the `AuthLayer` that writes the refusal, so
//! the id cannot travel in the response. The layer's future states it for the time of each poll.

use std::cell::Cell;

use crate::identity::Identity;
use crate::request_id::RequestId;

thread_local!(static CURRENT: Cell<Option<CurrentRequest>> = const { Cell::new(None) });

#[derive(Clone)]
pub(crate) struct CurrentRequest {
    pub(crate) id: RequestId,
    pub(crate) head: bool,
    pub(crate) identity: Option<Identity>,
}

impl CurrentRequest {
    /// Returns the innermost layer's request.
    pub(crate) fn get() -> Option<Self> {
        CURRENT.with(|current| {
            let request = current.take();
            current.set(request.clone());
            request
        })
    }
}

/// The time in which `request` is the current one.
pub(crate) struct Entered<'a>(&'a mut Option<CurrentRequest>);

impl<'a> Entered<'a> {
    pub(crate) fn new(request: &'a mut Option<CurrentRequest>) -> Self {
        swap(request);
        Self(request)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Layers may be nested: an inner one gives the outer one's request back.
fn swap(request: &mut Option<CurrentRequest>) {
    *request = CURRENT.replace(request.take());
}
