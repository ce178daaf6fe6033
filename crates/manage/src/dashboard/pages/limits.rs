//! The limits of an account or a key, on its page.

use std::time::Duration;

use keyward_api_types::{Limits, PutLimits, Rate, RatePer};
use keyward_core::AccountId;
use keyward_limits::Subject;

use crate::dashboard::error::PageError;
use crate::dashboard::form::Form;
use crate::dashboard::member::Member;
use crate::dashboard::text::{number, span};
use crate::dashboard::words;
use crate::error::ManagementError;

pub(super) struct LimitsCard {
    pub(super) path: String,
    pub(super) lines: Vec<Line>,
    pub(super) version: u64,
    pub(super) may_write: bool,
    pub(super) rates: String,
    pub(super) budget: String,
    pub(super) tasks: String,
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
    ) -> Result<Option<Self>, PageError> {
        let limits = match member.management().limits(&member.actor, subject).await {
            Ok(limits) => limits,
            Err(ManagementError::NotFound(_) | ManagementError::Forbidden(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let texts: Vec<String> = limits.rates.iter().map(ToString::to_string).collect();
        Ok(Some(Self {
            path,
            lines: match account {
                Some(account) => effective(member, account, subject).await?.unwrap_or_else(|| lines(&limits, None)),
                None => lines(&limits, None),
            },
            version: limits.version,
            may_write,
            rates: form.typed("rates", texts.join(" ")),
            budget: form.typed("budget", limits.budget.as_ref().map(ToString::to_string).unwrap_or_default()),
            tasks: form.typed("tasks", limits.tasks.map(|tasks| tasks.to_string()).unwrap_or_default()),
        }))
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

pub(super) async fn put(member: &Member, subject: &Subject, form: &Form) -> Result<(), ManagementError> {
    let limits = parsed(form, matches!(subject, Subject::Key(_)))?;
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    member.management().put_limits(&member.actor, subject, &limits, version).await.map(drop)
}

fn parsed(form: &Form, of_key: bool) -> Result<PutLimits, ManagementError> {
    let rates = form.get("rates").split_whitespace().map(|text| {
        let rate: Rate = text.parse().map_err(|error| invalid("rates", &error))?;
        Ok(if of_key { Rate { per: RatePer::Key, ..rate } } else { rate })
    });
    let budget = form.filled("budget").map(|text| text.trim().parse().map_err(|error| invalid("budget", &error)));
    let tasks = form.filled("tasks").map(|text| {
        let wrong = |_| ManagementError::invalid("tasks", words::cards::no_task_limit(&text));
        text.trim().parse().map_err(wrong)
    });
    Ok(PutLimits {
        rates: rates.collect::<Result<_, ManagementError>>()?,
        budget: budget.transpose()?,
        tasks: tasks.transpose()?,
    })
}

fn invalid(field: &'static str, error: &keyward_api_types::LimitTextError) -> ManagementError {
    ManagementError::invalid(field, error.to_string())
}
