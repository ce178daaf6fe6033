use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::lifetimes::parse_seconds;
use crate::strict::{whole, whole_or_null, word};

/// The holder of a rate's quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RatePer {
    /// The account's keys share the quota.
    #[default]
    Account,
    /// Each key has the quota.
    Key,
}

/// A text is not a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LimitTextError(String);

/// A rate limit. As text: `default=100/60s`, and optionally `,key` and `,strict`.
///
/// # Examples
/// ```
/// use keyward_api_types::{Rate, RatePer};
///
/// let rate: Rate = "exports=5/1h,key".parse()?;
/// assert_eq!((rate.quota, rate.window_seconds, rate.per), (5, 3_600, RatePer::Key));
/// # Ok::<(), keyward_api_types::LimitTextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(description = "A rate limit."))]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Name, by which a service selects it.
    #[cfg_attr(
        feature = "utoipa",
        schema(min_length = 1, max_length = 32, pattern = "^[A-Za-z0-9_-]+$", example = "default")
    )]
    pub name: String,
    /// Holder of the quota. Defaults to `account`. In the limits of a key, only `key` is valid.
    #[serde(default, deserialize_with = "word")]
    pub per: RatePer,
    /// Units of a window.
    #[cfg_attr(feature = "utoipa", schema(minimum = 1, maximum = 1_000_000_000))]
    #[serde(deserialize_with = "whole")]
    pub quota: u32,
    /// Length of the window in seconds.
    #[cfg_attr(feature = "utoipa", schema(minimum = 1, maximum = 86_400))]
    #[serde(deserialize_with = "whole")]
    pub window_seconds: u32,
    /// Whether no window admits more than the quota, wherever it begins. Otherwise, one window can admit twice the quota.
    #[serde(default)]
    pub strict: bool,
}

/// When a budget is refilled, at midnight UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Refill {
    /// Never.
    #[default]
    Never,
    /// Every day.
    Day,
    /// Every Monday.
    Week,
    /// On the first of every month.
    Month,
}

/// A budget of credits. As text: `500`, `10000/month`, or `10000/month,rollover=2000`.
///
/// # Examples
/// ```
/// use keyward_api_types::{Budget, Refill};
///
/// let budget: Budget = "10000/month,rollover=2000".parse()?;
/// assert_eq!(budget, Budget { credits: 10_000, refill: Refill::Month, rollover: 2_000 });
/// assert_eq!(budget.to_string(), "10000/month,rollover=2000");
/// # Ok::<(), keyward_api_types::LimitTextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(description = "A budget of credits."))]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Credits of one period.
    #[cfg_attr(feature = "utoipa", schema(maximum = 1_000_000_000_000_i64))]
    #[serde(deserialize_with = "whole")]
    pub credits: u64,
    /// When the budget is refilled. Defaults to `never`.
    #[serde(default, deserialize_with = "word")]
    pub refill: Refill,
    /// The most unspent credits that the next period gets in addition. Defaults to 0.
    #[cfg_attr(feature = "utoipa", schema(maximum = 1_000_000_000_000_i64))]
    #[serde(default, deserialize_with = "whole")]
    pub rollover: u64,
}

/// The new limits of a plan, an account or a key. They replace all that were set. An empty object removes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutLimits {
    /// Rate limits.
    #[cfg_attr(feature = "utoipa", schema(max_items = 16))]
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// Budget of credits.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// The most tasks that run at once.
    #[cfg_attr(feature = "utoipa", schema(maximum = 100_000))]
    #[serde(default, deserialize_with = "whole_or_null")]
    pub tasks: Option<u32>,
}

/// The rest of a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct CreditsLeft {
    /// Credits of the current period, with those that were carried over.
    pub credits: u64,
    /// Credits that no node has taken.
    pub remaining: u64,
    /// Seconds until the refill, if any.
    pub resets_in_seconds: Option<u64>,
}

/// The limits of a plan, an account or a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Rate limits.
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// Budget of credits.
    pub budget: Option<Budget>,
    /// The most tasks that run at once.
    pub tasks: Option<u32>,
    /// Rest of the budget. For an account without its own budget, of its plan's. Null for a plan.
    pub left: Option<CreditsLeft>,
    /// Version, for updates. 0 if no limits were set. Each change gives it another number.
    pub version: u64,
}

impl Limits {
    /// Returns a label and a text for each limit and for the rest of the budget.
    ///
    /// `number` writes quantities, and `span` the seconds until a refill, if they are worth showing.
    ///
    /// # Examples
    /// ```
    /// # use keyward_api_types::{Budget, Limits, Rate};
    /// let budget: Budget = "10000/month".parse()?;
    /// let limits = Limits { rates: vec!["default=100/60s,key".parse()?], budget: Some(budget), tasks: None, left: None, version: 1 };
    /// let lines = limits.lines(|number| number.to_string(), |seconds| Some(format!("{seconds} s")));
    /// assert_eq!(lines[0], ("Rate", "100 requests a minute for each key".to_owned()));
    /// assert_eq!(lines[1], ("Budget", "10000 credits a month".to_owned()));
    /// # Ok::<(), keyward_api_types::LimitTextError>(())
    /// ```
    #[must_use]
    pub fn lines(
        &self,
        number: impl Fn(u64) -> String,
        span: impl Fn(u64) -> Option<String>,
    ) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for rate in &self.rates {
            let per = if rate.per == RatePer::Key { " for each key" } else { "" };
            let strict = if rate.strict { ", strict" } else { "" };
            let name = if rate.name == "default" { String::new() } else { format!("{}: ", rate.name) };
            let noun = if rate.quota == 1 { "request" } else { "requests" };
            let (quota, window) = (number(rate.quota.into()), window_text(rate.window_seconds));
            lines.push(("Rate", format!("{name}{quota} {noun} {window}{per}{strict}")));
        }
        if let Some(budget) = &self.budget {
            let refill = match budget.refill {
                Refill::Never => "without a refill",
                Refill::Day => "a day",
                Refill::Week => "a week",
                Refill::Month => "a month",
            };
            let rollover = match budget.rollover {
                0 => String::new(),
                most => format!(", up to {} carried over", number(most)),
            };
            lines.push(("Budget", format!("{} credits {refill}{rollover}", number(budget.credits))));
        }
        if let Some(left) = &self.left {
            let reset = left.resets_in_seconds.and_then(span);
            let reset = reset.map(|span| format!(", refilled in {span}")).unwrap_or_default();
            lines.push(("Left", format!("{} of {} credits{reset}", number(left.remaining), number(left.credits))));
        }
        if let Some(tasks) = self.tasks {
            lines.push(("Tasks", format!("{} at once", number(tasks.into()))));
        }
        lines
    }
}

/// "a minute", "in 5 minutes", "in 90 seconds".
fn window_text(seconds: u32) -> String {
    match seconds {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3_600 => "an hour".to_owned(),
        86_400 => "a day".to_owned(),
        _ => {
            let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
            let whole = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
            let (number, unit) = whole.map_or((seconds, "seconds"), |(unit, name)| (seconds / unit, name));
            format!("in {number} {unit}")
        }
    }
}

impl From<Limits> for PutLimits {
    fn from(limits: Limits) -> Self {
        Self { rates: limits.rates, budget: limits.budget, tasks: limits.tasks }
    }
}

const RATE: &str =
    "expected NAME=QUOTA/WINDOW such as default=100/60s, and optionally `,key` for a quota of each key or `,strict`";
const BUDGET: &str =
    "expected CREDITS, or CREDITS/REFILL such as 10000/month (day, week or month), and optionally `,rollover=CREDITS`";
impl FromStr for Rate {
    type Err = LimitTextError;

    fn from_str(text: &str) -> Result<Self, LimitTextError> {
        let expected = || LimitTextError(format!("{text:?} is no rate: {RATE}"));
        let mut parts = text.split(',');
        let (name, rest) = parts.next().and_then(|part| part.split_once('=')).ok_or_else(expected)?;
        let (quota, window) = rest.split_once('/').ok_or_else(expected)?;
        let seconds = parse_seconds(window);
        let mut rate = Self {
            name: name.to_owned(),
            per: RatePer::Account,
            quota: quota.parse().map_err(|_| LimitTextError(format!("{quota:?} is no quota: {RATE}")))?,
            window_seconds: seconds
                .ok_or_else(|| LimitTextError(format!("{window:?} is no window such as 60s, 5m, 1h or 1d: {RATE}")))?,
            strict: false,
        };
        for part in parts {
            match part.trim() {
                "key" => rate.per = RatePer::Key,
                "strict" => rate.strict = true,
                other => return Err(LimitTextError(format!("{other:?} is no option: {RATE}"))),
            }
        }
        Ok(rate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.per == RatePer::Key { ",key" } else { "" };
        let strict = if self.strict { ",strict" } else { "" };
        write!(f, "{}={}/{}s{key}{strict}", self.name, self.quota, self.window_seconds)
    }
}

impl FromStr for Budget {
    type Err = LimitTextError;

    fn from_str(text: &str) -> Result<Self, LimitTextError> {
        let (amount, rollover) = match text.split_once(",rollover=") {
            Some((amount, rollover)) => (amount, Some(rollover)),
            None => (text, None),
        };
        let (credits, refill) = match amount.split_once('/') {
            Some((credits, "day")) => (credits, Refill::Day),
            Some((credits, "week")) => (credits, Refill::Week),
            Some((credits, "month")) => (credits, Refill::Month),
            Some((_, other)) => return Err(LimitTextError(format!("{other:?} is no refill: {BUDGET}"))),
            None => (amount, Refill::Never),
        };
        let number = |text: &str| {
            text.parse().map_err(|_| LimitTextError(format!("{text:?} is no number of credits: {BUDGET}")))
        };
        Ok(Self { credits: number(credits)?, refill, rollover: rollover.map_or(Ok(0), number)? })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.credits)?;
        match self.refill {
            Refill::Never => {}
            Refill::Day => f.write_str("/day")?,
            Refill::Week => f.write_str("/week")?,
            Refill::Month => f.write_str("/month")?,
        }
        if self.rollover > 0 {
            write!(f, ",rollover={}", self.rollover)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_limits_are_whole_however_they_are_written() {
        for (written, read) in [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("1e3", Some(1_000)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("1.5", None),
            ("1e300", None),
            ("\"3\"", None),
            ("null", None),
        ] {
            let rates = format!(r#"{{"rates":[{{"name":"a","quota":{written},"window_seconds":{written}}}]}}"#);
            let limits = serde_json::from_str::<PutLimits>(&rates).ok();
            assert_eq!(limits.map(|limits| (limits.rates[0].quota, limits.rates[0].window_seconds)), read.zip(read));
            let tasks = serde_json::from_str::<PutLimits>(&format!(r#"{{"tasks":{written}}}"#)).ok();
            let expected = if written == "null" { Some(None) } else { read.map(Some) };
            assert_eq!(tasks.map(|limits| limits.tasks), expected, "{written}");
        }
        let budget = r#"{"budget":{"credits":1e12,"rollover":2.0}}"#;
        let budget = serde_json::from_str::<PutLimits>(budget).unwrap().budget.unwrap();
        assert_eq!((budget.credits, budget.rollover), (1_000_000_000_000, 2));
    }

    #[test]
    fn limits_are_read_or_their_mistake_is_named() {
        for text in ["default=100/60s", "exports=5/3600s,key,strict"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("a=1/2h".parse::<Rate>().unwrap().window_seconds, 7_200);
        for (text, mistake) in [
            ("default", "\"default\" is no rate: expected NAME=QUOTA/WINDOW"),
            ("default=many/60s", "\"many\" is no quota"),
            ("default=5/soon", "\"soon\" is no window"),
            ("default=5/60s,often", "\"often\" is no option"),
            ("default=5/99999999d", "\"99999999d\" is no window"),
        ] {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(error.contains(mistake), "{error}");
        }
        for text in ["500", "5/day", "5/week", "10000/month,rollover=2000"] {
            assert_eq!(text.parse::<Budget>().unwrap().to_string(), text);
        }
        for (text, mistake) in [("5/year", "\"year\" is no refill"), ("x/day", "\"x\" is no number")] {
            let error = text.parse::<Budget>().unwrap_err().to_string();
            assert!(error.contains(mistake), "{error}");
        }
    }
}
