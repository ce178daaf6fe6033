//! A note on the page of a key that is often refused.

use std::time::Duration;

use keyward_core::Timestamp;

use super::missing::{self, Remedy};
use super::scopes::ApiScopes;
use crate::dashboard::member::AtKey;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::service::{INSUFFICIENT_SCOPE, UsageScope, UsageTotal};

/// Today and yesterday.
pub(super) const DAYS: u32 = 2;
const RECENT: Duration = Duration::from_secs(DAYS as u64 * 24 * 3_600);
const FEW: u64 = 5;
/// Of all requests, as a divisor: 5 %.
const SMALL_PART: u64 = 20;

pub(super) struct Refusals {
    pub(super) text: String,
    /// Another scope helps, and a rotation does not.
    pub(super) lacks_scope: bool,
    pub(super) remedy: Remedy,
}

impl Refusals {
    /// `None` if few requests were refused.
    pub(super) fn of(days: &[UsageTotal], now: Timestamp) -> Option<Self> {
        let recent: Vec<&UsageTotal> = days.iter().filter(|day| now.saturating_since(day.day) < RECENT).collect();
        let refused: Vec<&UsageTotal> = recent.iter().filter(|day| day.outcome != "accepted").copied().collect();
        let sum = |days: &[&UsageTotal]| days.iter().fold(0_u64, |sum, day| sum.saturating_add(day.times));
        let (all, count) = (sum(&recent), sum(&refused));
        if count < FEW || count < all / SMALL_PART {
            return None;
        }
        let of = |outcome: &str| refused.iter().filter(|day| day.outcome == outcome).map(|day| day.times).sum::<u64>();
        let most = refused.iter().max_by_key(|day| of(&day.outcome))?;
        Some(Self {
            text: words::keys::many_refusals(count, words::charts::meaning(&most.outcome)),
            lacks_scope: most.outcome == INSUFFICIENT_SCOPE,
            remedy: Remedy::default(),
        })
    }

    /// `None` if the counts show that the key has the scopes by now.
    pub(super) async fn with_missing_scopes(
        self,
        member: &AtKey,
        counts: Vec<UsageScope>,
    ) -> Result<Option<Self>, ManagementError> {
        if !self.lacks_scope {
            return Ok(Some(self));
        }
        let now = member.management().now();
        let recent: Vec<UsageScope> =
            counts.into_iter().filter(|count| now.saturating_since(count.day) < RECENT).collect();
        // Without counts by scope, the scopes are not known, and the user ticks them.
        let scopes = match missing::missing_scopes(member, &recent).await? {
            Some(scopes) if scopes.is_empty() => return Ok(None),
            scopes => scopes.unwrap_or_default(),
        };
        let remedy = Remedy::of(member, &ApiScopes::of(member).await?, &scopes, false);
        let text = match scopes.as_slice() {
            [] => self.text,
            scopes => words::keys::refused_without(&self.text, &scopes.join(", ")),
        };
        Ok(Some(Self { text, remedy, lacks_scope: true }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_refusals_name_the_most_frequent_reason() {
        let now: Timestamp = "2026-03-03T12:00:00Z".parse().unwrap();
        let scope = ("insufficient_scope", true);
        for (days, found) in [
            (vec![("03-03", "accepted", 100)], None),
            (vec![("03-03", "accepted", 100), ("03-03", "insufficient_scope", 4)], None),
            (vec![("03-03", "accepted", 1_000), ("03-03", "insufficient_scope", 20)], None),
            (vec![("03-01", "insufficient_scope", 500)], None),
            (vec![("03-02", "accepted", 10), ("03-02", "insufficient_scope", 9)], Some((9, scope))),
            (
                vec![
                    ("03-02", "key_expired", 6),
                    ("03-02", "insufficient_scope", 5),
                    ("03-03", "insufficient_scope", 2),
                ],
                Some((13, scope)),
            ),
            (vec![("03-03", "key_expired", 6), ("03-03", "insufficient_scope", 5)], Some((11, ("key_expired", false)))),
        ] {
            let days: Vec<UsageTotal> = days
                .iter()
                .map(|(day, outcome, times)| UsageTotal {
                    day: format!("2026-{day}T00:00:00Z").parse().unwrap(),
                    outcome: (*outcome).to_owned(),
                    times: *times,
                })
                .collect();
            let note = Refusals::of(&days, now).map(|note| (note.text, note.lacks_scope));
            let expected = found.map(|(count, (reason, lacks_scope))| {
                (words::keys::many_refusals(count, words::charts::meaning(reason)), lacks_scope)
            });
            assert_eq!(note, expected, "{days:?}");
        }
    }
}
