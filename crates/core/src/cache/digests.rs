//! How the cache and the store find one token.

use super::fingerprint::Fingerprint;
use crate::key::{Digest, MAX_PEPPERS, Mode};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Digests {
    mode: Mode,
    fingerprint: Fingerprint,
    first: Digest,
    older: [Option<Digest>; MAX_PEPPERS - 1],
}

impl Digests {
    pub(crate) fn new(
        mode: Mode,
        fingerprint: Fingerprint,
        first: Digest,
        older: impl Iterator<Item = Digest>,
    ) -> Self {
        let mut slots = [None; MAX_PEPPERS - 1];
        slots.iter_mut().zip(older).for_each(|(slot, digest)| *slot = Some(digest));
        Self { mode, fingerprint, first, older: slots }
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(crate) fn first(&self) -> &Digest {
        &self.first
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Digest> {
        std::iter::once(&self.first).chain(self.older.iter().flatten())
    }
}
