//! The sum of the tests that passed and failed, read from what `cargo test` prints.

use std::fmt;

/// Tests counted over all test binaries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    binaries: usize,
    passed: usize,
    failed: usize,
}

impl Tally {
    /// Adds a line of `cargo test`; only the result line of a test binary counts.
    pub(crate) fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        self.binaries += 1;
        self.passed += number_before(" passed", result);
        self.failed += number_before(" failed", result);
    }

    /// The tally, unless no test binary has run: a sum of nothing would read like a success.
    pub(crate) fn counted(&self) -> Option<&Self> {
        (self.binaries > 0).then_some(self)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

fn number_before(word: &str, text: &str) -> usize {
    text.split_once(word)
        .and_then(|(before, _)| before.rsplit(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Tally;

    const OK: &str = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s\n";
    const FAILED: &str =
        "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n";

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        let mut tally = Tally::default();
        for line in lines {
            tally.add(line);
        }
        assert_eq!(tally.counted().map(ToString::to_string).as_deref(), expected);
    }

    #[test]
    fn results_are_summed_over_all_test_binaries() {
        check(&[OK], Some("12 passed, 0 failed"));
        check(&[OK, FAILED], Some("19 passed, 2 failed"));
    }

    #[test]
    fn other_lines_do_not_count() {
        check(&["running 3 tests\n", "test a ... ok\n"], None);
        check(&["said a test: 9 passed; 9 failed\n", OK], Some("12 passed, 0 failed"));
    }

    #[test]
    fn nothing_is_claimed_when_nothing_has_run() {
        check(&[], None);
    }
}
