use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, LogNormal};

use crate::settings::{Time, nanos};

/// Of the logarithm of the time for the same work.
const WORK_SIGMA: f64 = 0.3;

pub(crate) struct Chance {
    numbers: Xoshiro256PlusPlus,
    work: Option<LogNormal<f64>>,
    delay: Option<LogNormal<f64>>,
}

impl Chance {
    /// `network` is the median time of a message in milliseconds.
    pub(crate) fn new(seed: u64, network: f64, sigma: f64) -> Self {
        Self {
            // A named generator gives the same numbers in every release and on every machine.
            numbers: Xoshiro256PlusPlus::seed_from_u64(seed),
            // This median gives a mean of 1.
            work: LogNormal::new(-WORK_SIGMA * WORK_SIGMA / 2.0, WORK_SIGMA).ok(),
            delay: LogNormal::new(network.max(1e-6).ln(), sigma.max(0.0)).ok(),
        }
    }

    pub(crate) fn work(&mut self, mean: f64) -> Time {
        nanos(mean * self.work.map_or(1.0, |work| work.sample(&mut self.numbers)))
    }

    pub(crate) fn delay(&mut self) -> Time {
        nanos(self.delay.map_or(0.0, |delay| delay.sample(&mut self.numbers)))
    }

    pub(crate) fn before(&mut self, end: Time) -> Time {
        use rand::RngExt as _;
        self.numbers.random_range(0..end.max(1))
    }
}
