use std::fmt;

use crate::error::Error;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    binaries: usize,
    passed: usize,
    failed: usize,
    skipped: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(result) = line.strip_prefix("test result: ") {
            self.binaries += 1;
            self.passed += number_before(" passed", result);
            self.failed += number_before(" failed", result);
        } else if let Some((_, part)) = line.split_once("part skipped: ") {
            // libtest may have written the start of the line.
            self.skipped.push(format!("{part} (a part of it)"));
        } else if let Some((name, rest)) = line.strip_prefix("test ").and_then(|test| test.split_once(" ... ignored")) {
            let reason = rest.strip_prefix(", ").unwrap_or("no reason is given");
            self.skipped.push(format!("{name}: {reason}"));
        }
    }

    /// Returns `None` if no test binary has run: a sum of nothing would look like a success.
    pub(crate) fn counted(&self) -> Option<&Self> {
        (self.binaries > 0).then_some(self)
    }

    pub(crate) fn check_skipped(&self, must_all_run: bool) -> Result<(), Error> {
        if must_all_run && !self.skipped.is_empty() {
            return Err(Error::Skipped(self.skipped.len()));
        }
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.skipped.is_empty() {
            writeln!(f, "skipped:")?;
            for skipped in &self.skipped {
                writeln!(f, "  {skipped}")?;
            }
        }
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
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

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.add(line));
        tally
    }

    #[track_caller]
    fn check(lines: &[&str], expected: Option<&str>) {
        assert_eq!(tally(lines).counted().map(ToString::to_string).as_deref(), expected);
    }

    #[test]
    fn results_are_summed_over_all_test_binaries() {
        check(&[OK], Some("12 passed, 0 failed, 0 skipped"));
        check(&[OK, FAILED], Some("19 passed, 2 failed, 0 skipped"));
    }

    #[test]
    fn other_lines_do_not_count() {
        check(&["running 3 tests\n", "test a ... ok\n"], None);
        check(&["said a test: 9 passed; 9 failed\n", OK], Some("12 passed, 0 failed, 0 skipped"));
    }

    #[test]
    fn skipped_tests_are_listed_with_their_reasons() {
        let lines = [
            "test nginx::keeps_to_the_table ... ignored, needs nginx (apt-get install nginx)\n",
            "test a - should panic ... ignored\n",
            "test b ... part skipped: store::lists: needs PostgreSQL (apt-get install postgresql)\n",
            OK,
        ];
        let expected = "skipped:\n  nginx::keeps_to_the_table: needs nginx (apt-get install nginx)\n  \
             a - should panic: no reason is given\n  \
             store::lists: needs PostgreSQL (apt-get install postgresql) (a part of it)\n\
             12 passed, 0 failed, 3 skipped";
        check(&lines, Some(expected));
    }

    #[test]
    fn a_skipped_test_is_an_error_where_all_must_run() {
        let skipped = tally(&["test a ... ignored, needs git (apt-get install git)\n", OK]);
        assert!(skipped.check_skipped(true).is_err() && skipped.check_skipped(false).is_ok());
        assert!(tally(&[OK]).check_skipped(true).is_ok());
    }

    #[test]
    fn nothing_is_claimed_when_nothing_has_run() {
        check(&[], None);
    }
}
