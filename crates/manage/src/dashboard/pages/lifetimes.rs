//! The lifetimes of new keys, on the page of an account or a plan.

use keyward_api_types::{PutLifetimes, parse_seconds, write_seconds};

use super::limits::Choice;
use crate::dashboard::error::{FieldError, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::member::Member;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::records::LifetimesOf;

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
        error: Option<&FieldError>,
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
            error.filter(|error| error.is_of(ours) || error.is_of(theirs)).map(|error| error.text.clone())
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

pub(super) async fn put(member: &Member, of: &LifetimesOf, form: &Form) -> Result<(), ManagementError> {
    let lifetimes = PutLifetimes {
        default_seconds: read("default_lifetime", form)?,
        maximum_seconds: read("maximum_lifetime", form)?,
    };
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    member.management().put_lifetimes(&member.actor, of, &lifetimes, version).await.map(drop)
}

fn read(field: &'static str, form: &Form) -> Result<Option<u32>, ManagementError> {
    let text = form.get(field).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let unit = form.get(&format!("{field}_unit"));
    let expected = || ManagementError::invalid(field, words::cards::no_lifetime(text));
    parse_seconds(&format!("{text}{unit}")).map(Some).ok_or_else(expected)
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
    }
}
