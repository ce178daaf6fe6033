//! The limits of a plan, an account or a key, on its page.

use std::time::Duration;

use keyward_api_types::{Budget, Limits, PutLimits, Rate, RatePer, Refill};
use keyward_core::AccountId;
use keyward_limits::Subject;

use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::member::Member;
use crate::dashboard::text::{number, span};
use crate::dashboard::words;
use crate::error::ManagementError;

/// In the order of the form.
const FIELDS: [&str; 8] = ["requests", "window", "per", "credits", "refill", "tasks", "rates", "rollover"];

/// The rate that a service applies to each request, unless it names another.
const DEFAULT: &str = "default";

const WINDOWS: [(&str, u32, &str); 4] = [
    ("60", 60, words::cards::MINUTE),
    ("1", 1, words::cards::SECOND),
    ("3600", 3_600, words::cards::HOUR),
    ("86400", 86_400, words::cards::DAY),
];

const HOLDERS: [(&str, RatePer, &str); 2] =
    [("account", RatePer::Account, words::cards::ALL_KEYS_TOGETHER), ("key", RatePer::Key, words::cards::EACH_KEY)];

const REFILLS: [(&str, Refill, &str); 4] = [
    ("never", Refill::Never, words::cards::NEVER),
    ("day", Refill::Day, words::cards::EVERY_DAY),
    ("week", Refill::Week, words::cards::EVERY_MONDAY),
    ("month", Refill::Month, words::cards::EVERY_MONTH),
];

pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) label: &'static str,
    pub(super) is_chosen: bool,
}

pub(super) struct LimitsCard {
    pub(super) path: String,
    pub(super) lines: Vec<Line>,
    pub(super) version: u64,
    pub(super) may_write: bool,
    /// The rates of a key hold for it alone.
    pub(super) of_key: bool,
    /// The quota of the default rate, if the plain fields can show that rate.
    pub(super) requests: String,
    pub(super) windows: Vec<Choice>,
    pub(super) holders: Vec<Choice>,
    /// All other rates, one on each line.
    pub(super) rates: String,
    pub(super) credits: String,
    pub(super) refills: Vec<Choice>,
    pub(super) rollover: String,
    pub(super) tasks: String,
    wrong: Vec<&'static str>,
}

/// A limit that holds.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) text: String,
    /// Where it is set, on the pages of accounts and keys.
    pub(super) source: Option<String>,
}

impl LimitsCard {
    /// `None` if this server keeps no limits. A key belongs to `account`.
    pub(super) async fn of(
        member: &Member,
        subject: &Subject,
        account: Option<&AccountId>,
        path: String,
        may_write: bool,
        form: &Form,
        error: Option<&FormErrors>,
    ) -> Result<Option<Self>, PageError> {
        let limits = match member.management().limits(&member.actor, subject).await {
            Ok(limits) => limits,
            Err(ManagementError::NotFound(_) | ManagementError::Forbidden(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let card = Self::new(&limits, matches!(subject, Subject::Key(_)), path, may_write, form, error);
        let effective = match account {
            Some(account) => effective(member, account, subject).await?,
            None => None,
        };
        Ok(Some(match effective {
            Some(lines) => Self { lines, ..card },
            None => card,
        }))
    }

    fn new(
        limits: &Limits,
        of_key: bool,
        path: String,
        may_write: bool,
        form: &Form,
        error: Option<&FormErrors>,
    ) -> Self {
        let plain = limits.rates.iter().find(|rate| is_plain(rate));
        let others: Vec<String> = limits.rates.iter().filter(|rate| !is_plain(rate)).map(ToString::to_string).collect();
        let window = plain.map_or(60, |rate| rate.window_seconds).to_string();
        let holder = plain.map_or(RatePer::Account, |rate| rate.per);
        let holder = HOLDERS.iter().find(|(_, per, _)| *per == holder).map_or("", |(value, ..)| value);
        let budget = limits.budget.as_ref();
        let refill = budget.map_or(Refill::Month, |budget| budget.refill);
        let refill = REFILLS.iter().find(|(_, known, _)| *known == refill).map_or("", |(value, ..)| value);
        let rollover = budget.map(|budget| budget.rollover).filter(|rollover| *rollover > 0);
        let text = |number: Option<String>| number.unwrap_or_default();
        Self {
            path,
            lines: lines(limits, None),
            version: limits.version,
            may_write,
            of_key,
            requests: form.typed("requests", text(plain.map(|rate| rate.quota.to_string()))),
            windows: choices(&WINDOWS, &form.typed("window", window)),
            holders: choices(&HOLDERS, &form.typed("per", holder)),
            rates: form.typed("rates", others.join("\n")),
            credits: form.typed("credits", text(budget.map(|budget| budget.credits.to_string()))),
            refills: choices(&REFILLS, &form.typed("refill", refill)),
            rollover: form.typed("rollover", text(rollover.map(|rollover| rollover.to_string()))),
            tasks: form.typed("tasks", text(limits.tasks.map(|tasks| tasks.to_string()))),
            wrong: error.map(|error| error.fields().collect()).unwrap_or_default(),
        }
    }

    pub(super) fn is_wrong(&self, field: &str) -> bool {
        self.wrong.contains(&field)
    }

    /// Whether the part for experts has something to show.
    pub(super) fn is_advanced(&self) -> bool {
        !self.rates.is_empty() || !self.rollover.is_empty() || self.is_wrong("rates") || self.is_wrong("rollover")
    }
}

/// The limits that hold for an account or a key. `None` if the user may not read those of the account.
pub(super) async fn effective(
    member: &Member,
    account: &AccountId,
    subject: &Subject,
) -> Result<Option<Vec<Line>>, ManagementError> {
    let key = match subject {
        Subject::Key(key) => Some(key),
        _ => None,
    };
    let limits = match member.management().effective_limits(&member.actor, account, key).await {
        Ok(limits) => limits,
        Err(ManagementError::NotFound(_) | ManagementError::Forbidden(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let from = |(subject, limits): &(Subject, Limits)| lines(limits, Some(words::cards::source(subject)));
    Ok(Some(limits.iter().flat_map(from).collect()))
}

/// All limits of a plan in one line.
pub(super) fn summary(limits: &Limits) -> String {
    lines(limits, None).into_iter().map(|line| line.text).collect::<Vec<_>>().join("; ")
}

fn lines(limits: &Limits, source: Option<String>) -> Vec<Line> {
    let lines = limits.lines(number, |seconds| span(Duration::from_secs(seconds)));
    lines.into_iter().map(|(name, text)| Line { name, text, source: source.clone() }).collect()
}

/// Whether the plain fields show the whole rate.
fn is_plain(rate: &Rate) -> bool {
    rate.name == DEFAULT && !rate.strict && WINDOWS.iter().any(|(_, seconds, _)| *seconds == rate.window_seconds)
}

fn choices<T>(all: &[(&'static str, T, &'static str)], chosen: &str) -> Vec<Choice> {
    all.iter().map(|(value, _, label)| Choice { value, label, is_chosen: *value == chosen }).collect()
}

pub(super) async fn put(member: &Member, subject: &Subject, form: &Form) -> Result<(), Refused> {
    let limits = parsed(form, matches!(subject, Subject::Key(_)))?;
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    member.management().put_limits(&member.actor, subject, &limits, version).await?;
    Ok(())
}

fn parsed(form: &Form, of_key: bool) -> Result<PutLimits, FormErrors> {
    let mut errors = FormErrors::default();
    let plain = errors.check(plain_rate(form)).flatten();
    let budget = budget(form, &mut errors);
    let tasks = errors.check(whole("tasks", form)).flatten();
    let others = errors.check(other_rates(form)).unwrap_or_default();
    let mut rates: Vec<Rate> = plain.into_iter().chain(others).collect();
    if of_key {
        rates.iter_mut().for_each(|rate| rate.per = RatePer::Key);
    }
    errors.sorted(&FIELDS).none()?;
    Ok(PutLimits { rates, budget, tasks })
}

fn other_rates(form: &Form) -> Result<Vec<Rate>, ManagementError> {
    let has_plain = !form.get("requests").trim().is_empty();
    let read = |text: &str| match text.parse::<Rate>() {
        Ok(rate) if has_plain && rate.name == DEFAULT => Err(invalid("rates", words::cards::THE_DEFAULT_RATE_IS_ABOVE)),
        Ok(rate) => Ok(rate),
        Err(error) => Err(invalid("rates", &error.to_string())),
    };
    form.get("rates").split_whitespace().map(read).collect()
}

fn plain_rate(form: &Form) -> Result<Option<Rate>, ManagementError> {
    let Some(quota) = whole("requests", form)? else { return Ok(None) };
    let sent = form.get("window");
    let window = WINDOWS.iter().find(|(value, ..)| *value == sent).map(|(_, seconds, _)| *seconds);
    let window_seconds = window.ok_or_else(|| invalid("window", words::shared::CHOOSE_ONE))?;
    Ok(Some(Rate {
        name: DEFAULT.to_owned(),
        per: chosen("per", form, &HOLDERS)?,
        quota,
        window_seconds,
        strict: false,
    }))
}

fn budget(form: &Form, errors: &mut FormErrors) -> Option<Budget> {
    let credits = errors.check(whole("credits", form)).flatten();
    let refill = errors.check(chosen("refill", form, &REFILLS));
    let rollover: Option<_> = errors.check(whole("rollover", form)).flatten();
    if credits.is_none() && rollover.is_some() && form.get("credits").trim().is_empty() {
        errors.add(&invalid("rollover", words::cards::NOTHING_TO_CARRY_OVER));
    }
    Some(Budget { credits: credits?, refill: refill?, rollover: rollover.unwrap_or_default() })
}

/// A choice that is missing is the first one.
fn chosen<T: Copy>(
    field: &'static str,
    form: &Form,
    all: &[(&'static str, T, &'static str)],
) -> Result<T, ManagementError> {
    let sent = form.get(field);
    let found = all.iter().find(|(value, ..)| *value == sent || sent.is_empty());
    found.map(|(_, known, _)| *known).ok_or_else(|| invalid(field, words::shared::CHOOSE_ONE))
}

/// A whole number, perhaps with commas between thousands.
fn whole<T: std::str::FromStr>(field: &'static str, form: &Form) -> Result<Option<T>, ManagementError> {
    let text = form.get(field).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |_| invalid(field, &words::cards::no_whole_number(text));
    text.replace(',', "").parse().map(Some).map_err(wrong)
}

fn invalid(field: &'static str, message: &str) -> ManagementError {
    ManagementError::invalid(field, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rates: &str, budget: Option<&str>, tasks: Option<u32>) -> Limits {
        Limits {
            rates: rates.split_whitespace().map(|rate| rate.parse().unwrap()).collect(),
            budget: budget.map(|budget| budget.parse().unwrap()),
            tasks,
            left: None,
            version: 1,
        }
    }

    /// The form as a browser sends it.
    fn sent(card: &LimitsCard) -> Form {
        let chosen = |choices: &[Choice]| choices.iter().find(|choice| choice.is_chosen).unwrap().value.to_owned();
        let fields = [
            ("requests", card.requests.clone()),
            ("window", chosen(&card.windows)),
            ("per", chosen(&card.holders)),
            ("rates", card.rates.replace('\n', "\r\n")),
            ("credits", card.credits.clone()),
            ("refill", chosen(&card.refills)),
            ("rollover", card.rollover.clone()),
            ("tasks", card.tasks.clone()),
        ];
        Form::parse(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().as_bytes())
    }

    #[test]
    fn a_form_that_is_sent_as_it_is_keeps_all_limits() {
        for (rates, budget, tasks, requests, advanced) in [
            ("", None, None, "", ""),
            ("default=100/60s", Some("500"), Some(3), "100", ""),
            ("default=100/1s,key", Some("500/day"), None, "100", ""),
            ("default=7/3600s exports=5/1h,strict", Some("9/week,rollover=2"), None, "7", "exports=5/3600s,strict"),
            ("default=7/86400s uploads=1/90s,key", Some("0/month"), Some(0), "7", "uploads=1/90s,key"),
            ("default=100/90s", None, None, "", "default=100/90s"),
            ("default=100/60s,strict a=1/1s", None, None, "", "default=100/60s,strict\na=1/1s"),
            ("default=100/60s,key,strict", None, None, "", "default=100/60s,key,strict"),
        ] {
            let known = limits(rates, budget, tasks);
            let card = LimitsCard::new(&known, false, String::new(), true, &Form::default(), None);
            assert_eq!((card.requests.as_str(), card.rates.as_str()), (requests, advanced), "{rates}");
            assert_eq!(parsed(&sent(&card), false).unwrap(), PutLimits::from(known), "{rates}");
        }
        let known = limits("default=2/1s,key uploads=1/90s,key", None, None);
        let card = LimitsCard::new(&known, true, String::new(), true, &Form::default(), None);
        assert_eq!(parsed(&sent(&card), true).unwrap(), PutLimits::from(known), "of a key");
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (text, field) in [
            ("requests=many&window=60", "requests"),
            ("requests=-1&window=60", "requests"),
            ("requests=5&window=7", "window"),
            ("requests=5&window=60&per=user", "per"),
            ("requests=5&window=60&rates=default%3D1/1s", "rates"),
            ("rates=many", "rates"),
            ("credits=x", "credits"),
            ("credits=5&refill=year", "refill"),
            ("rollover=5", "rollover"),
            ("tasks=1.5", "tasks"),
            (
                "requests=x&window=60&credits=y&refill=year&tasks=z&rates=a&rollover=b",
                "requests credits refill tasks rates rollover",
            ),
        ] {
            let errors = parsed(&Form::parse(text.as_bytes()), false).unwrap_err();
            assert_eq!(errors.fields().collect::<Vec<_>>(), field.split(' ').collect::<Vec<_>>(), "{text}");
        }
        let form = Form::parse(b"requests=1%2C000&window=60&per=account");
        assert_eq!(parsed(&form, false).unwrap().rates[0].quota, 1_000);
    }
}
