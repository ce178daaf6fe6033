//! The default and the maximum lifetime of keys.

use std::fmt;
use std::time::Duration;

use super::{Keys, KeysError};
use crate::clock::Timestamp;
use crate::store::{KeyRecord, KeyStatus};

/// A default and a maximum lifetime of keys. Defaults to neither.
///
/// The maximum counts from the creation of a key, and for an imported key from its import. Without a default, a key without a
/// requested end lives as long as the maximum. The last day of 9999 means never.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::lifecycle::Lifetimes;
///
/// const DAY: Duration = Duration::from_secs(86_400);
/// let service = Lifetimes { default: Some(30 * DAY), maximum: Some(365 * DAY) };
/// let account = Lifetimes { default: None, maximum: Some(90 * DAY) };
/// assert_eq!(account.within(service), Lifetimes { default: Some(30 * DAY), maximum: Some(90 * DAY) });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// The lifetime of a key without a requested end.
    pub default: Option<Duration>,
    /// The longest lifetime.
    pub maximum: Option<Duration>,
}

/// A key would live longer than the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// The refused end, or `None` for never.
    pub end: Option<Timestamp>,
    /// The latest end.
    pub latest: Timestamp,
    /// The maximum lifetime.
    pub maximum: Duration,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { end, latest, maximum } = self;
        match end {
            Some(end) => write!(f, "the key would expire at {end}")?,
            None => f.write_str("the key would never expire")?,
        }
        write!(f, ": the maximum lifetime is {}, so choose an expiry until {latest}", length_text(*maximum))
    }
}

impl std::error::Error for TooLong {}

impl Lifetimes {
    /// Combines these with more general ones: the shorter maximum and the own default count. The default never exceeds the maximum.
    #[must_use]
    pub fn within(self, general: Self) -> Self {
        let maximum = shorter(self.maximum, general.maximum);
        let default = self.default.or(general.default);
        Self { default: default.and_then(|default| shorter(Some(default), maximum)), maximum }
    }

    /// Returns the end of a key that begins to live at `from`. `None` requests no particular end.
    ///
    /// # Errors
    /// [`TooLong`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use keyward::Timestamp;
    /// use keyward::lifecycle::Lifetimes;
    ///
    /// let year = Lifetimes { default: None, maximum: Some(Duration::from_secs(365 * 86_400)) };
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// assert_eq!(year.end(now, None)?, Some("2027-03-01T12:00:00Z".parse()?));
    /// assert!(year.end(now, Some(Timestamp::MAX)).is_err());
    /// assert_eq!(Lifetimes::default().end(now, Some(Timestamp::MAX))?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end(&self, from: Timestamp, requested: Option<Timestamp>) -> Result<Option<Timestamp>, TooLong> {
        match requested {
            Some(end) => self.check(from, end.as_end()),
            None => Ok(shorter(self.default, self.maximum).and_then(|life| from.saturating_add(life).as_end())),
        }
    }

    /// Returns the latest end of a key that begins to live at `from`, or `None` without a maximum.
    #[must_use]
    pub fn latest_end(&self, from: Timestamp) -> Option<Timestamp> {
        self.maximum.and_then(|life| from.saturating_add(life).as_end())
    }

    pub(super) fn check(&self, from: Timestamp, end: Option<Timestamp>) -> Result<Option<Timestamp>, TooLong> {
        match (self.maximum, self.latest_end(from)) {
            (Some(maximum), Some(latest)) if end.is_none_or(|end| end > latest) => {
                Err(TooLong { end, latest, maximum })
            }
            _ => Ok(end),
        }
    }
}

impl Keys {
    /// Sets the default and the maximum lifetime. Keys that exist keep their ends.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use keyward::lifecycle::Lifetimes;
    /// use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let year = Duration::from_secs(365 * 86_400);
    /// let keys = Keys::new(MemoryStore::new()).with_lifetimes(Lifetimes { default: None, maximum: Some(year) });
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.put_account(&account).await?;
    /// let issued = keys.issue(NewKey::secret(account.id, "production")).await?.record;
    /// assert_eq!(issued.expires_at, Some(issued.created_at.saturating_add(year)));
    /// assert!(keys.set_expiry(&issued.id, None).await.is_err());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// Returns the default and the maximum lifetime.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Returns the end that a key issued now gets.
    ///
    /// # Errors
    /// [`KeysError::TooLong`].
    pub fn new_end(&self, requested: Option<Timestamp>) -> Result<Option<Timestamp>, KeysError> {
        Ok(self.lifetimes.end(self.clock.now(), requested)?)
    }

    /// Returns the end that a rotation now gives to the successor of `key`, unless the caller chooses another.
    ///
    /// It is as far away as the end of `key` was from its creation, but at most the default lifetime, `latest_end` and the maximum. So
    /// an extension of `key` is not handed on. A key that never expires has such a successor, if the maximum allows it.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Keys::new(MemoryStore::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.put_account(&account).await?;
    /// let issued = keys.issue(NewKey::secret(account.id, "production")).await?.record;
    /// assert_eq!(keys.successor_end(&issued, None), None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn successor_end(&self, key: &KeyRecord, latest_end: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.clock.now();
        let life = key.expires_at.map(|end| end.saturating_since(key.created_at));
        let as_long =
            life.and_then(|life| shorter(Some(life), self.lifetimes.default)).map(|life| now.saturating_add(life));
        as_long.and_then(Timestamp::as_end).into_iter().chain(latest_end).chain(self.lifetimes.latest_end(now)).min()
    }

    /// An end that stays or moves earlier is never too long.
    pub(super) fn check_new_end(&self, key: &KeyRecord, end: Option<Timestamp>) -> Result<(), TooLong> {
        let known = key.expires_at.and_then(Timestamp::as_end);
        let is_later = match (end, known) {
            (Some(end), Some(known)) => end > known,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        // An imported key may say that it was created in the future.
        let from = key.created_at.min(self.clock.now());
        if is_later { self.lifetimes.check(from, end).map(drop) } else { Ok(()) }
    }

    /// A key that has ended may have had any lifetime.
    pub(super) fn check_imported_end(&self, key: &KeyRecord) -> Result<(), TooLong> {
        let now = self.clock.now();
        if matches!(key.status(now), KeyStatus::Active | KeyStatus::Disabled) {
            self.lifetimes.check(now, key.expires_at.and_then(Timestamp::as_end))?;
        }
        Ok(())
    }
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

/// Writes a length of time in its largest whole unit, such as `90 days`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keyward::lifecycle::length_text;
///
/// assert_eq!(length_text(Duration::from_secs(90 * 86_400)), "90 days");
/// ```
#[must_use]
pub fn length_text(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let whole = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (number, unit) = whole.map_or((seconds, "second"), |(unit, name)| (seconds / unit, name));
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_largest_whole_unit() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (120, "2 minutes"),
            (3_600, "1 hour"),
            (86_400, "1 day"),
            (90 * 86_400, "90 days"),
            (36 * 3_600, "36 hours"),
        ] {
            assert_eq!(length_text(Duration::from_secs(seconds)), text);
        }
    }
}
