//! The lifetimes of new keys, on the page of an account or a plan.

use keyward_api_types::{PutLifetimes, parse_seconds, write_seconds};

use crate::dashboard::error::PageError;
use crate::dashboard::form::Form;
use crate::dashboard::member::Member;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::records::LifetimesOf;

pub(super) struct LifetimesCard {
    pub(super) path: String,
    pub(super) of_plan: bool,
    pub(super) lines: Vec<(&'static str, String)>,
    pub(super) version: u64,
    pub(super) may_write: bool,
    pub(super) default: String,
    pub(super) maximum: String,
}

impl LifetimesCard {
    /// `None` if the user may not see them.
    pub(super) async fn of(
        member: &Member,
        of: &LifetimesOf,
        path: String,
        may_write: bool,
        form: &Form,
    ) -> Result<Option<Self>, PageError> {
        let lifetimes = match member.management().lifetimes(&member.actor, of).await {
            Ok(lifetimes) => lifetimes,
            Err(ManagementError::Forbidden(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let typed = |name: &str, known: Option<u32>| form.typed(name, known.map(write_seconds).unwrap_or_default());
        Ok(Some(Self {
            path,
            of_plan: matches!(of, LifetimesOf::Plan(_)),
            lines: lifetimes.lines(),
            version: lifetimes.version,
            may_write,
            default: typed("default_lifetime", lifetimes.default_seconds),
            maximum: typed("maximum_lifetime", lifetimes.maximum_seconds),
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
    let expected = || ManagementError::invalid(field, words::cards::no_lifetime(text));
    parse_seconds(text).map(Some).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_written_as_they_are_read() {
        for text in ["90d", "12h", "30m", "61s"] {
            let form = Form::parse(format!("default_lifetime={text}").as_bytes());
            assert_eq!(read("default_lifetime", &form).unwrap().map(write_seconds).as_deref(), Some(text));
        }
        for text in ["90", "d", "-1d", "1y", "4294967295d"] {
            let form = Form::parse(format!("default_lifetime={text}").as_bytes());
            assert!(read("default_lifetime", &form).is_err(), "{text}");
        }
    }
}
