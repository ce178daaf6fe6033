//! One copy for each thread, without contention.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads get numbers in the order of their first request, so some workers would share a copy without spare ones.
const SLOTS: usize = 2;

pub(crate) struct PerThread<T>(Box<[Arc<Aligned<T>>]>);

pub(crate) type Share<T> = Arc<Aligned<T>>;

/// Processors fetch two adjacent lines together.
#[repr(align(128))]
pub(crate) struct Aligned<T>(T);

impl<T> Aligned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> std::ops::Deref for Aligned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> PerThread<T> {
    pub(crate) fn new(value: &T) -> Self
    where
        T: Clone,
    {
        Self::of(|| value.clone())
    }

    pub(crate) fn of(make: impl Fn() -> T) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).next_power_of_two() * SLOTS;
        Self((0..threads).map(|_| Arc::new(Aligned(make()))).collect())
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|copy| &copy.0)
    }

    #[inline]
    pub(crate) fn share(&self) -> Share<T> {
        Arc::clone(self.local())
    }

    #[inline]
    pub(crate) fn local(&self) -> &Share<T> {
        // The number of copies is a power of two, so the index is in bounds.
        &self.0[thread_number() & (self.0.len() - 1)]
    }
}

fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) });
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}
