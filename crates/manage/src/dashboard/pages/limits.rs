//! The limits of an account or a key, on its page.

use std::time::Duration;

use keyward_api_types::{Limits, PutLimits, Rate, RatePer};
use keyward_limits::Subject;

use crate::dashboard::error::PageError;
use crate::dashboard::form::Form;
use crate::dashboard::member::Member;
use crate::dashboard::text::{number, span};
use crate::dashboard::words;
use crate::error::ManagementError;

pub(super) struct LimitsCard {
    pub(super) path: String,
    pub(super) lines: Vec<(&'static str, String)>,
    pub(super) version: u64,
    pub(super) may_write: bool,
    pub(super) rates: String,
    pub(super) budget: String,
    pub(super) tasks: String,
}

impl LimitsCard {
    /// `None` if this server keeps no limits.
    pub(super) async fn of(
        member: &Member,
        subject: &Subject,
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
            lines: lines(&limits),
            version: limits.version,
            may_write,
            rates: form.typed("rates", texts.join(" ")),
            budget: form.typed("budget", limits.budget.as_ref().map(ToString::to_string).unwrap_or_default()),
            tasks: form.typed("tasks", limits.tasks.map(|tasks| tasks.to_string()).unwrap_or_default()),
        }))
    }
}

fn lines(limits: &Limits) -> Vec<(&'static str, String)> {
    limits.lines(number, |seconds| span(Duration::from_secs(seconds)))
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
