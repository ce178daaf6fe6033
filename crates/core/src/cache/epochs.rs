//! Epochs: a read that races an invalidation is stale.

use super::STRIPES;
use crate::id::{AccountId, CredentialId};
use crate::key::Digest;
use crate::store::Invalidation;
use crate::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Epochs {
    current: AtomicU64,
    credentials: Box<[AtomicU64]>,
    digests: Box<[AtomicU64]>,
    accounts: Box<[AtomicU64]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FillEpoch(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stripe(u16);

impl Stripe {
    pub(crate) fn of_credential(id: &CredentialId) -> Self {
        Self::of_text(id.as_str())
    }

    pub(crate) fn of_account(id: &AccountId) -> Self {
        Self::of_text(id.as_str())
    }

    pub(crate) fn of_digest(digest: &Digest) -> Self {
        let [low, high, ..] = *digest.as_bytes();
        Self((usize::from(u16::from_le_bytes([low, high])) % STRIPES) as u16)
    }

    /// Stripes are below the number of slots.
    #[allow(clippy::indexing_slicing, reason = "a stripe is a remainder by the length of every such slice")]
    pub(crate) fn of<T>(self, slots: &[T]) -> &T {
        &slots[usize::from(self.0)]
    }

    fn of_text(text: &str) -> Self {
        Self((crc32fast::hash(text.as_bytes()) as usize % STRIPES) as u16)
    }
}

impl Epochs {
    pub(crate) fn new() -> Self {
        let stripes = || (0..STRIPES).map(|_| AtomicU64::new(0)).collect();
        Self { current: AtomicU64::new(0), credentials: stripes(), digests: stripes(), accounts: stripes() }
    }

    /// Called before the store is asked.
    pub(crate) fn begin(&self) -> FillEpoch {
        FillEpoch(self.current.load(Ordering::SeqCst))
    }

    #[inline]
    pub(crate) fn credential_holds(&self, stripe: Stripe, fill_epoch: FillEpoch) -> bool {
        Self::holds(&self.credentials, stripe, fill_epoch)
    }

    #[inline]
    pub(crate) fn account_holds(&self, stripe: Stripe, fill_epoch: FillEpoch) -> bool {
        Self::holds(&self.accounts, stripe, fill_epoch)
    }

    pub(crate) fn digest_holds(&self, stripe: Stripe, fill_epoch: FillEpoch) -> bool {
        Self::holds(&self.digests, stripe, fill_epoch)
    }

    #[inline]
    fn holds(stripes: &[AtomicU64], stripe: Stripe, fill_epoch: FillEpoch) -> bool {
        stripes.get(usize::from(stripe.0)).is_some_and(|epoch| epoch.load(Ordering::Acquire) <= fill_epoch.0)
    }

    pub(crate) fn invalidate(&self, what: &Invalidation) {
        let number = self.current.fetch_add(1, Ordering::SeqCst) + 1;
        let bump = |stripes: &[AtomicU64], stripe: Stripe| {
            if let Some(epoch) = stripes.get(usize::from(stripe.0)) {
                epoch.fetch_max(number, Ordering::SeqCst);
            }
        };
        match what {
            Invalidation::Key { id, digest } => {
                bump(&self.credentials, Stripe::of_credential(id));
                bump(&self.digests, Stripe::of_digest(digest));
            }
            Invalidation::Account(id) => bump(&self.accounts, Stripe::of_account(id)),
            Invalidation::Everything => {
                for epoch in self.credentials.iter().chain(&self.digests).chain(&self.accounts) {
                    epoch.fetch_max(number, Ordering::SeqCst);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_begun_before_an_invalidation_are_stale() {
        let epochs = Epochs::new();
        let id: CredentialId = "key_1".parse().unwrap();
        let account: AccountId = "acct_1".parse().unwrap();
        let digest = Digest::from_bytes([7; 32]);
        let holds = |fill_epoch| {
            (
                epochs.credential_holds(Stripe::of_credential(&id), fill_epoch),
                epochs.digest_holds(Stripe::of_digest(&digest), fill_epoch),
                epochs.account_holds(Stripe::of_account(&account), fill_epoch),
            )
        };
        let before = epochs.begin();
        epochs.invalidate(&Invalidation::Key { id: id.clone(), digest });
        assert_eq!(holds(before), (false, false, true));
        let between = epochs.begin();
        assert_eq!(holds(between), (true, true, true));
        epochs.invalidate(&Invalidation::Account(account.clone()));
        assert_eq!(holds(between), (true, true, false));
        let last = epochs.begin();
        epochs.invalidate(&Invalidation::Everything);
        assert_eq!(holds(last), (false, false, false));
        assert_eq!(holds(epochs.begin()), (true, true, true));
    }
}
