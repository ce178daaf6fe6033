//! What chance decides, from a seed.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, LogNormal};

use crate::settings::{Time, nanos};

/// How much the time for the same work varies: the standard deviation of its logarithm.
const WORK_SIGMA: f64 = 0.3;

pub(crate) struct Chance {
    numbers: Xoshiro256PlusPlus,
    work: Option<LogNormal<f64>>,
    delay: Option<LogNormal<f64>>,
}

impl Chance {
    /// Messages take so many milliseconds in the median, with this spread.
    pub(crate) fn new(seed: u64, network: f64, sigma: f64) -> Self {
        Self {
            // A named generator: the same numbers in every release and on every machine.
            numbers: Xoshiro256PlusPlus::seed_from_u64(seed),
            // With this median its mean is 1.
            work: LogNormal::new(-WORK_SIGMA * WORK_SIGMA / 2.0, WORK_SIGMA).ok(),
            delay: LogNormal::new(network.max(1e-6).ln(), sigma.max(0.0)).ok(),
        }
    }

    /// How long work takes that takes so many milliseconds in the mean.
    pub(crate) fn work(&mut self, mean: f64) -> Time {
        nanos(mean * self.work.map_or(1.0, |work| work.sample(&mut self.numbers)))
    }

    /// How long a message is under way.
    pub(crate) fn delay(&mut self) -> Time {
        nanos(self.delay.map_or(0.0, |delay| delay.sample(&mut self.numbers)))
    }

    /// A time before this one.
    pub(crate) fn before(&mut self, end: Time) -> Time {
        use rand::RngExt as _;
        self.numbers.random_range(0..end.max(1))
    }
}
