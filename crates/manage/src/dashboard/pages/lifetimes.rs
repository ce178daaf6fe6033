//! The lifetimes of new keys, on the page of an account or a plan.

use std::time::Duration;

use keyward_api_types::{PutLifetimes, parse_seconds, write_seconds};
use keyward_core::lifecycle::length_text;

use super::limits::Choice;
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::member::Member;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::records::LifetimesOf;
use crate::service::LIFETIME_BOUNDS;

pub(super) struct LifetimesCard {
    pub(super) path: String,
    pub(super) lines: Vec<(&'static str, String)>,
    pub(super) version: u64,
    pub(super) may_write: bool,
    /// A number, and the units with the chosen one.
    pub(super) default: String,
    pub(super) default_units: Vec<Choice>,
    pub(super) default_error: Option<String>,
    pub(super) default_help: &'static str,
    pub(super) maximum: String,
    pub(super) maximum_units: Vec<Choice>,
    pub(super) maximum_error: Option<String>,
}

const UNITS: [(&str, &str); 4] =
    [("d", words::cards::DAYS), ("h", words::cards::HOURS), ("m", words::cards::MINUTES), ("s", words::cards::SECONDS)];

impl LifetimesCard {
    /// `None` if the user may not see them.
    pub(super) async fn of(
        member: &Member,
        of: &LifetimesOf,
        path: String,
        may_write: bool,
        form: &Form,
        error: Option<&FormErrors>,
    ) -> Result<Option<Self>, PageError> {
        let lifetimes = match member.management().lifetimes(&member.actor, of).await {
            Ok(lifetimes) => lifetimes,
            Err(ManagementError::Forbidden(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let typed = |name: &str, known: Option<u32>| {
            let known = known.map(write_seconds).unwrap_or_default();
            let (number, unit) = known.split_at(known.len().saturating_sub(1));
            let unit = form.typed(&format!("{name}_unit"), if unit.is_empty() { UNITS[0].0 } else { unit });
            let choice =
                |(value, label): (&'static str, &'static str)| Choice { value, label, is_chosen: value == unit };
            (form.typed(name, number), UNITS.into_iter().map(choice).collect())
        };
        // The service names the fields of the HTTP API.
        let error_of = |ours: &str, theirs: &str| {
            error.and_then(|error| error.text_of(ours).or(error.text_of(theirs))).map(str::to_owned)
        };
        let of_plan = matches!(of, LifetimesOf::Plan(_));
        let (default, default_units) = typed("default_lifetime", lifetimes.default_seconds);
        let (maximum, maximum_units) = typed("maximum_lifetime", lifetimes.maximum_seconds);
        Ok(Some(Self {
            path,
            lines: lifetimes.lines(),
            version: lifetimes.version,
            may_write,
            default,
            default_units,
            default_error: error_of("default_lifetime", "default_seconds"),
            default_help: if of_plan { words::cards::EMPTY_FOR_SERVER } else { words::cards::EMPTY_FOR_PLAN_OR_SERVER },
            maximum,
            maximum_units,
            maximum_error: error_of("maximum_lifetime", "maximum_seconds"),
        }))
    }
}

pub(super) async fn put(member: &Member, of: &LifetimesOf, form: &Form) -> Result<(), Refused> {
    let lifetimes = parsed(form)?;
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    member.management().put_lifetimes(&member.actor, of, &lifetimes, version).await?;
    Ok(())
}

fn parsed(form: &Form) -> Result<PutLifetimes, FormErrors> {
    let mut errors = FormErrors::default();
    let default_seconds = errors.check(read("default_lifetime", form)).flatten();
    let maximum_seconds = errors.check(read("maximum_lifetime", form)).flatten();
    if let (Some(default), Some(maximum)) = (default_seconds, maximum_seconds)
        && default > maximum
    {
        let message = words::cards::longer_than_the_maximum(&length(default), &length(maximum));
        errors.add(&ManagementError::invalid("default_lifetime", message));
    }
    errors.none()?;
    Ok(PutLifetimes { default_seconds, maximum_seconds })
}

fn length(seconds: u32) -> String {
    length_text(Duration::from_secs(seconds.into()))
}

fn read(field: &'static str, form: &Form) -> Result<Option<u32>, ManagementError> {
    let text = form.get(field).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let unit = form.get(&format!("{field}_unit"));
    let invalid = |message| ManagementError::invalid(field, message);
    let (least, most) = (*LIFETIME_BOUNDS.start(), *LIFETIME_BOUNDS.end());
    match parse_seconds(&format!("{text}{unit}")) {
        Some(seconds) if LIFETIME_BOUNDS.contains(&seconds) => Ok(Some(seconds)),
        Some(seconds) => {
            let message = words::cards::lifetime_out_of_range(&length(seconds), &length(least), &length(most));
            Err(invalid(message))
        }
        None => Err(invalid(words::cards::no_lifetime(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_written_as_they_are_read() {
        let form = |text: &str| {
            let (number, unit) = text.split_at(text.len() - 1);
            Form::parse(format!("default_lifetime={number}&default_lifetime_unit={unit}").as_bytes())
        };
        for text in ["90d", "12h", "30m", "61s"] {
            assert_eq!(read("default_lifetime", &form(text)).unwrap().map(write_seconds).as_deref(), Some(text));
        }
        for text in ["soond", "-1d", "1y", "1.5h", "4294967295d"] {
            let form = form(text);
            assert!(read("default_lifetime", &form).is_err(), "{text}");
        }
        let form = |default: &str, maximum: &str| {
            let text = format!(
                "default_lifetime={default}&default_lifetime_unit=d&maximum_lifetime={maximum}&maximum_lifetime_unit=d"
            );
            let errors = parsed(&Form::parse(text.as_bytes())).unwrap_err();
            errors.list().map(|(_, text)| text.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            form("90", "30"),
            ["Default lifetime: 90 days is longer than the maximum: expected at most 30 days."]
        );
        let both = form("soon", "40000");
        assert!(both[1].starts_with("Maximum lifetime: 40000 days is out of range: expected 1 minute to"), "{both:?}");
    }
}
