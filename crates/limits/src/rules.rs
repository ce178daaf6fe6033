//! Limits as data, of a plan, an account or a key.

use std::fmt;
use std::time::Duration;

use keyward_core::{AccountId, CredentialId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

const MAX_RATES: usize = 16;
const MAX_QUOTA: u32 = 1_000_000_000;
const MAX_WINDOW: u32 = 86_400;
const MAX_CREDITS: u64 = 1_000_000_000_000;
const MAX_TASKS: u32 = 100_000;
/// `RateLimit` fields have it for budgets.
const RESERVED: &str = "credits";

/// The bearer of rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A plan: its rules hold for each account with this plan.
    Plan(SmolStr),
    /// An account: its rules replace those of its plan.
    Account(AccountId),
    /// A key: its rules hold in addition to those of its account.
    Key(CredentialId),
}

impl Subject {
    /// Reads what [`kind`](Self::kind) and [`id`](Self::id) wrote.
    #[must_use]
    pub fn of(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "plan" => Some(Self::Plan(id.into())),
            "account" => id.parse().ok().map(Self::Account),
            "key" => id.parse().ok().map(Self::Key),
            _ => None,
        }
    }

    /// Returns `plan`, `account` or `key`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Account(_) => "account",
            Self::Key(_) => "key",
        }
    }

    /// Returns the plan's name, or the id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Plan(name) => name,
            Self::Account(id) => id.as_str(),
            Self::Key(id) => id.as_str(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// A rule has an invalid value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid `{field}`: {message}")]
pub struct RuleError {
    field: String,
    message: String,
}

impl RuleError {
    fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// Returns the field, such as `rates[0].quota`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the mistake with its value, and what is expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The holder of a rate's quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// The account's keys share the quota.
    #[default]
    Account,
    /// Each key has the quota.
    Key,
}

/// A rate limit of [`LimitRules`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateRule {
    /// The name, by which middleware selects it: 1 to 32 of `a-z A-Z 0-9 _ -`.
    pub name: SmolStr,
    /// The holder of the quota. In rules of a key, the key.
    #[serde(default)]
    pub per: Per,
    /// The units of a window: 1 to 1,000,000,000.
    pub quota: u32,
    /// The window in seconds: 1 to 86,400.
    pub window_seconds: u32,
    /// Whether no window of this length admits more than the quota, wherever it begins.
    ///
    /// Otherwise, units come back evenly, and one window can admit twice the quota.
    #[serde(default)]
    pub strict: bool,
}

impl RateRule {
    /// Limits an account to `quota` units in `window_seconds`. Units come back evenly.
    #[must_use]
    pub fn new(name: impl Into<SmolStr>, quota: u32, window_seconds: u32) -> Self {
        Self { name: name.into(), per: Per::Account, quota, window_seconds, strict: false }
    }

    /// Gives each key the quota.
    #[must_use]
    pub fn per_key(mut self) -> Self {
        self.per = Per::Key;
        self
    }

    /// Lets no window of this length admit more than the quota.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Returns `true` for 1 to 32 of `a-z A-Z 0-9 _ -`.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        (1..=32).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    }

    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds.into())
    }
}

/// When a budget is refilled, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refill {
    /// Never.
    #[default]
    Never,
    /// At midnight.
    Day,
    /// At midnight before Monday.
    Week,
    /// At midnight before the first of the month.
    Month,
}

/// A budget of credits, of [`LimitRules`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetRule {
    /// The credits of one period: 0 to 1,000,000,000,000.
    pub credits: u64,
    /// When the budget is refilled.
    #[serde(default)]
    pub refill: Refill,
    /// The most unspent credits that the next period gets in addition. Defaults to none.
    #[serde(default)]
    pub rollover: u64,
}

impl BudgetRule {
    /// Grants `credits` in each period.
    #[must_use]
    pub fn new(credits: u64, refill: Refill) -> Self {
        Self { credits, refill, rollover: 0 }
    }

    /// Adds up to this many unspent credits to the next period.
    #[must_use]
    pub fn with_rollover(mut self, at_most: u64) -> Self {
        self.rollover = at_most;
        self
    }
}

/// The limits of a plan, an account or a key. Every value is within its bounds.
///
/// # Examples
/// ```
/// use keyward::limits::{BudgetRule, LimitRules, RateRule, Refill};
///
/// let rules = LimitRules::new()
///     .rate(RateRule::new("default", 100, 60))?
///     .budget(BudgetRule::new(10_000, Refill::Month))?
///     .tasks(3)?;
/// assert_eq!(rules.rates().len(), 1);
/// let error = LimitRules::new().rate(RateRule::new("default", 0, 60)).unwrap_err();
/// assert_eq!(error.to_string(), "invalid `rates[0].quota`: 0 is out of range: expected 1 to 1000000000");
/// # Ok::<(), keyward::limits::RuleError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct LimitRules {
    rates: Vec<RateRule>,
    budget: Option<BudgetRule>,
    tasks: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts_as: Option<CredentialId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    #[serde(default)]
    rates: Vec<RateRule>,
    budget: Option<BudgetRule>,
    tasks: Option<u32>,
    counts_as: Option<CredentialId>,
}

impl TryFrom<Unchecked> for LimitRules {
    type Error = RuleError;

    fn try_from(unchecked: Unchecked) -> Result<Self, RuleError> {
        let Unchecked { rates, budget, tasks, counts_as } = unchecked;
        if let Some(first) = counts_as {
            return Ok(Self::counting_as(first));
        }
        // Rules from before the name was reserved still load.
        let rules = rates.into_iter().try_fold(Self::new(), Self::rate_of_any_name)?;
        let rules = budget.into_iter().try_fold(rules, Self::budget)?;
        tasks.into_iter().try_fold(rules, Self::tasks)
    }
}

impl LimitRules {
    /// Creates rules that limit nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the rules of a successor: it has the rules of this key, and spends from the same counters.
    #[must_use]
    pub fn counting_as(first: CredentialId) -> Self {
        Self { counts_as: Some(first), ..Self::default() }
    }

    /// Returns the key whose rules and counters this one has, if any.
    #[must_use]
    pub fn counts_as(&self) -> Option<&CredentialId> {
        self.counts_as.as_ref()
    }

    /// Adds a rate limit.
    ///
    /// # Errors
    /// [`RuleError`] if a value is out of its bounds, the name is taken or `credits`, or 16 rates exist.
    pub fn rate(self, rate: RateRule) -> Result<Self, RuleError> {
        if rate.name == RESERVED {
            return Err(reserved(self.rates.len()));
        }
        self.rate_of_any_name(rate)
    }

    fn rate_of_any_name(mut self, rate: RateRule) -> Result<Self, RuleError> {
        let field = |name: &str| format!("rates[{}].{name}", self.rates.len());
        if !RateRule::is_name(&rate.name) {
            let message = format!("{:?} is no name: expected 1 to 32 of `a-z A-Z 0-9 _ -`", rate.name);
            return Err(RuleError::new(field("name"), message));
        }
        if self.rates.iter().any(|known| known.name == rate.name) {
            let message = format!("two rates have the name {:?}: give each its own name", rate.name);
            return Err(RuleError::new(field("name"), message));
        }
        in_range(&field("quota"), rate.quota, 1, MAX_QUOTA)?;
        in_range(&field("window_seconds"), rate.window_seconds, 1, MAX_WINDOW)?;
        if self.rates.len() == MAX_RATES {
            return Err(RuleError::new("rates", format!("more than {MAX_RATES} are too many")));
        }
        self.rates.push(rate);
        Ok(self)
    }

    /// Sets the budget.
    ///
    /// # Errors
    /// [`RuleError`] if a value is out of its bounds.
    pub fn budget(mut self, budget: BudgetRule) -> Result<Self, RuleError> {
        in_range("budget.credits", budget.credits, 0, MAX_CREDITS)?;
        in_range("budget.rollover", budget.rollover, 0, MAX_CREDITS)?;
        if budget.rollover > 0 && budget.refill == Refill::Never {
            let message = format!("{} without a refill: expected 0, or a refill", budget.rollover);
            return Err(RuleError::new("budget.rollover", message));
        }
        self.budget = Some(budget);
        Ok(self)
    }

    /// Sets the most tasks that run at once.
    ///
    /// # Errors
    /// [`RuleError`] above 100,000.
    pub fn tasks(mut self, tasks: u32) -> Result<Self, RuleError> {
        in_range("tasks", tasks, 0, MAX_TASKS)?;
        self.tasks = Some(tasks);
        Ok(self)
    }

    /// Checks that this subject can carry the rules.
    ///
    /// # Errors
    /// [`RuleError`] if a key has the quota of an account, or a rate has the name `credits`.
    pub fn check_for(&self, subject: &Subject) -> Result<(), RuleError> {
        if let Some(number) = self.rates.iter().position(|rate| rate.name == RESERVED) {
            return Err(reserved(number));
        }
        let Subject::Key(_) = subject else { return Ok(()) };
        match self.rates.iter().position(|rate| rate.per == Per::Account) {
            Some(number) => {
                let field = format!("rates[{number}].per");
                Err(RuleError::new(field, "`account` in the limits of a key: expected `key`"))
            }
            None => Ok(()),
        }
    }

    /// Returns the rate limits.
    #[must_use]
    pub fn rates(&self) -> &[RateRule] {
        &self.rates
    }

    /// Returns the budget, if any.
    #[must_use]
    pub fn get_budget(&self) -> Option<&BudgetRule> {
        self.budget.as_ref()
    }

    /// Returns the most tasks that run at once, if limited.
    #[must_use]
    pub fn get_tasks(&self) -> Option<u32> {
        self.tasks
    }

    /// Returns `true` if they limit nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty() && self.budget.is_none() && self.tasks.is_none() && self.counts_as.is_none()
    }

    /// Returns those of a plan's rules that hold for an account with these rules of its own: a rate replaces the plan's rate with its name, and
    /// so do the budget and the tasks.
    ///
    /// # Examples
    /// ```
    /// use keyward_limits::{LimitRules, RateRule};
    ///
    /// let plan = LimitRules::new().rate(RateRule::new("default", 10, 60))?.rate(RateRule::new("search", 5, 1))?;
    /// let own = LimitRules::new().rate(RateRule::new("default", 20, 60))?;
    /// assert_eq!(plan.beside(&own), LimitRules::new().rate(RateRule::new("search", 5, 1))?);
    /// # Ok::<(), keyward_limits::RuleError>(())
    /// ```
    #[must_use]
    pub fn beside(&self, own: &Self) -> Self {
        let is_left = |rate: &&RateRule| own.rates.iter().all(|known| known.name != rate.name);
        Self {
            rates: self.rates.iter().filter(is_left).cloned().collect(),
            budget: self.budget.clone().filter(|_| own.budget.is_none()),
            tasks: self.tasks.filter(|_| own.tasks.is_none()),
            counts_as: None,
        }
    }

    /// Returns an account's rules: its own, and for the rest its plan's.
    pub(crate) fn of_account(own: Option<&Self>, plan: Option<&Self>) -> Self {
        let own = own.cloned().unwrap_or_default();
        let mut of_plan = plan.map(|plan| plan.beside(&own)).unwrap_or_default();
        of_plan.rates.extend(own.rates);
        of_plan.rates.sort_by(|one, other| one.name.cmp(&other.name));
        Self {
            rates: of_plan.rates,
            budget: own.budget.or(of_plan.budget),
            tasks: own.tasks.or(of_plan.tasks),
            counts_as: None,
        }
    }
}

fn reserved(number: usize) -> RuleError {
    let message = format!("{RESERVED:?} is the name of budgets in answers: choose another name");
    RuleError::new(format!("rates[{number}].name"), message)
}

fn in_range<T: PartialOrd + fmt::Display>(field: &str, value: T, least: T, most: T) -> Result<(), RuleError> {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(RuleError::new(field, format!("{value} is out of range: expected {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_field_and_its_value() {
        for (text, error) in [
            (r#"{"rates":[{"name":"a b","quota":1,"window_seconds":1}]}"#, "`rates[0].name`: \"a b\" is no name"),
            (r#"{"rates":[{"name":"a","quota":0,"window_seconds":1}]}"#, "`rates[0].quota`: 0 is out of range"),
            (r#"{"rates":[{"name":"a","quota":1,"window_seconds":86401}]}"#, "`rates[0].window_seconds`: 86401 is out"),
            (
                r#"{"rates":[{"name":"a","quota":1,"window_seconds":1},{"name":"a","quota":2,"window_seconds":1}]}"#,
                "`rates[1].name`: two rates have the name \"a\"",
            ),
            (r#"{"budget":{"credits":1000000000001}}"#, "`budget.credits`: 1000000000001 is out of range"),
            (r#"{"budget":{"credits":1,"rollover":5}}"#, "`budget.rollover`: 5 without a refill"),
            (r#"{"tasks":100001}"#, "`tasks`: 100001 is out of range: expected 0 to 100000"),
        ] {
            let refused = serde_json::from_str::<LimitRules>(text).unwrap_err().to_string();
            assert!(refused.contains(error), "{refused}");
        }
        let rules = LimitRules::new().rate(RateRule::new("a", 1, 1)).unwrap();
        let error = rules.check_for(&Subject::Key("key_1".parse().unwrap())).unwrap_err();
        assert_eq!(error.field(), "rates[0].per");
        // The name is reserved for new rules, and stored ones load.
        let stored: LimitRules =
            serde_json::from_str(r#"{"rates":[{"name":"credits","quota":1,"window_seconds":1}]}"#).unwrap();
        for error in [
            stored.check_for(&Subject::Plan("Pro".into())).unwrap_err(),
            LimitRules::new().rate(RateRule::new("credits", 1, 1)).unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                "invalid `rates[0].name`: \"credits\" is the name of budgets in answers: choose another name"
            );
        }
    }

    #[test]
    fn rules_survive_their_json() {
        let rules = LimitRules::new()
            .rate(RateRule::new("default", 10, 60).per_key().strict())
            .and_then(|rules| rules.budget(BudgetRule::new(5, Refill::Week).with_rollover(2)))
            .and_then(|rules| rules.tasks(3))
            .unwrap();
        let text = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<LimitRules>(&text).unwrap(), rules);
        assert!(!text.contains("counts_as"), "older versions refuse unknown fields");
        let successor = LimitRules::counting_as("key_1".parse().unwrap());
        let text = serde_json::to_string(&successor).unwrap();
        assert_eq!(serde_json::from_str::<LimitRules>(&text).unwrap(), successor);
    }

    #[test]
    fn an_account_replaces_the_rules_of_its_plan_by_name() {
        let plan = LimitRules::new().rate(RateRule::new("default", 10, 60)).unwrap();
        let plan = plan.rate(RateRule::new("exports", 5, 60)).unwrap().tasks(2).unwrap();
        let own = LimitRules::new().rate(RateRule::new("default", 99, 60)).unwrap();
        let own = own.budget(BudgetRule::new(7, Refill::Never)).unwrap();
        let both = LimitRules::of_account(Some(&own), Some(&plan));
        let quotas: Vec<_> = both.rates().iter().map(|rate| (rate.name.as_str(), rate.quota)).collect();
        assert_eq!(quotas, [("default", 99), ("exports", 5)]);
        assert_eq!((both.get_budget().unwrap().credits, both.get_tasks()), (7, Some(2)));
    }
}
