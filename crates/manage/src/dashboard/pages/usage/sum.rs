//! Sums of requests.

use crate::dashboard::text::number;

/// The requests of a mode, or all.
#[derive(Clone, Copy, Default)]
pub(in crate::dashboard) struct Sum {
    pub(super) accepted: u64,
    pub(super) refused: u64,
}

impl Sum {
    pub(super) fn add(&mut self, outcome: &str, times: u64) {
        let sum = if outcome == "accepted" { &mut self.accepted } else { &mut self.refused };
        *sum = sum.saturating_add(times);
    }

    pub(super) fn all(&self) -> u64 {
        self.accepted.saturating_add(self.refused)
    }

    pub(in crate::dashboard) fn accepted(&self) -> String {
        number(self.accepted)
    }

    pub(in crate::dashboard) fn refused(&self) -> String {
        number(self.refused)
    }

    pub(super) fn requests(&self) -> String {
        number(self.all())
    }

    pub(in crate::dashboard) fn rate(&self) -> String {
        percent(self.refused, self.all())
    }
}

/// With one decimal.
pub(super) fn percent(part: u64, all: u64) -> String {
    if all == 0 {
        return "–".to_owned();
    }
    let tenths = (u128::from(part) * 1_000 + u128::from(all) / 2) / u128::from(all);
    // A single one is not nothing.
    if part > 0 && tenths == 0 { "< 0.1 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_have_one_decimal() {
        for (part, all, text) in [
            (0, 0, "–"),
            (0, 9, "0.0 %"),
            (1, 3, "33.3 %"),
            (9, 9, "100.0 %"),
            (1, 1_000_000, "< 0.1 %"),
            (u64::MAX, u64::MAX, "100.0 %"),
        ] {
            assert_eq!(percent(part, all), text);
        }
    }
}
