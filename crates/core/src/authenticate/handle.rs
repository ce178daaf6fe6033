//! The owner of an authenticator: its clones, or the process.

use std::ops::Deref;
use std::sync::Arc;

use super::Inner;

#[derive(Clone)]
pub(super) enum Handle {
    /// All clones change one counter, which processors then pass around.
    Counted(Arc<Inner>),
    Kept(&'static Inner),
}

impl Handle {
    pub(super) fn new(inner: Inner) -> Self {
        Self::Counted(Arc::new(inner))
    }

    pub(super) fn keep(self) -> Self {
        match self {
            // The pointer was counted, and this count is never given back.
            Self::Counted(inner) => Self::Kept(Box::leak(Box::new(inner))),
            kept @ Self::Kept(_) => kept,
        }
    }
}

impl Deref for Handle {
    type Target = Inner;

    #[inline]
    fn deref(&self) -> &Inner {
        match self {
            Self::Counted(inner) => inner,
            Self::Kept(inner) => inner,
        }
    }
}
