use std::sync::atomic::Ordering;

use proptest::prelude::*;

use crate::model::{Command, STEPS, command};

pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) steps: u64,
    pub(crate) shrinks: u32,
}

impl Plan {
    /// From `KEYWARD_AUTHORITY_SEED` and `KEYWARD_AUTHORITY_STEPS`, which defaults to `steps`.
    pub(crate) fn of_environment(steps: u64) -> Self {
        let read = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
        Self {
            seed: read("KEYWARD_AUTHORITY_SEED").unwrap_or(1),
            steps: read("KEYWARD_AUTHORITY_STEPS").unwrap_or(steps),
            shrinks: 3_000,
        }
    }

    pub(crate) fn on_slow_store(self) -> Self {
        Self { shrinks: 300, ..self }
    }

    pub(crate) fn check(&self, run_one: impl Fn(u8, &[Command]) -> Result<(), String>) {
        use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
        const LONGEST: usize = 160;
        let is_hurried = std::env::var("KEYWARD_AUTHORITY_SHRINK").is_ok_and(|value| value == "0");
        let config = Config {
            // A sequence has half of the maximum length on average.
            cases: u32::try_from(self.steps / (LONGEST as u64 / 2)).unwrap().max(1),
            max_shrink_iters: if is_hurried { 0 } else { self.shrinks },
            failure_persistence: None,
            ..Config::default()
        };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let begun = STEPS.load(Ordering::Relaxed);
        let found = std::cell::OnceCell::new();
        let sequences = (any::<u8>(), prop::collection::vec(command(), 1..LONGEST));
        let outcome = runner.run(&sequences, |(beginning, commands)| {
            run_one(beginning, &commands).map_err(|why| {
                found.get_or_init(|| STEPS.load(Ordering::Relaxed) - begun);
                TestCaseError::fail(why)
            })
        });
        let calls = STEPS.load(Ordering::Relaxed) - begun;
        match outcome {
            Ok(()) => eprintln!("{calls} calls, seed {}", self.seed),
            Err(TestError::Fail(why, (beginning, commands))) => panic!(
                "found after {} steps, seed {}: {why}\nbeginning {beginning}, shortest sequence:\n{commands:#?}",
                found.get().unwrap_or(&calls),
                self.seed
            ),
            Err(error) => panic!("{error}"),
        }
    }
}
