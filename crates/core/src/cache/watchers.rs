//! Tasks that wait for invalidations.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::STRIPES;
use super::epochs::Stripe;
use crate::store::Invalidation;

/// Nothing is allocated before the first task waits.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Option<Arc<Bells>>>);

/// A bell rings for each invalidation of its stripe.
pub(crate) struct Bells {
    credentials: Box<[Notify]>,
    accounts: Box<[Notify]>,
}

impl Watchers {
    pub(crate) fn bells(&self) -> Arc<Bells> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.get_or_insert_with(|| {
            let stripes = || (0..STRIPES).map(|_| Notify::new()).collect();
            Arc::new(Bells { credentials: stripes(), accounts: stripes() })
        }))
    }

    /// Called after the epochs were bumped, so that a woken task finds its answer stale.
    pub(crate) fn wake(&self, what: &Invalidation) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(bells) = bells else { return };
        match what {
            Invalidation::Key { id, .. } => Stripe::of_credential(id).of(&bells.credentials).notify_waiters(),
            Invalidation::Account(id) => Stripe::of_account(id).of(&bells.accounts).notify_waiters(),
            Invalidation::Everything => {
                bells.credentials.iter().chain(&bells.accounts).for_each(Notify::notify_waiters);
            }
        }
    }
}

impl Bells {
    /// Hears every bell from now on.
    pub(crate) fn listen(&self, credential: Stripe, account: Stripe) -> (Notified<'_>, Notified<'_>) {
        (credential.of(&self.credentials).notified(), account.of(&self.accounts).notified())
    }
}
