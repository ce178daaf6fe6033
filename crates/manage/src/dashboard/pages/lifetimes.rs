//! The lifetimes of new keys, on the page of an account.

use keyward_api_types::PutLifetimes;

use crate::dashboard::error::PageError;
use crate::dashboard::form::Form;
use crate::dashboard::member::AtAccount;
use crate::error::ManagementError;
use crate::records::LifetimesOf;

const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

pub(super) struct LifetimesCard {
    pub(super) lines: Vec<(&'static str, String)>,
    pub(super) version: u64,
    pub(super) may_write: bool,
    pub(super) default: String,
    pub(super) maximum: String,
}

impl LifetimesCard {
    /// `None` if the user may not see them.
    pub(super) async fn of(member: &AtAccount, may_write: bool, form: &Form) -> Result<Option<Self>, PageError> {
        let lifetimes = match member.management().lifetimes(&member.actor, &of(member)).await {
            Ok(lifetimes) => lifetimes,
            Err(ManagementError::Forbidden(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let typed = |name: &str, known: Option<u32>| form.typed(name, known.map(written).unwrap_or_default());
        Ok(Some(Self {
            lines: lifetimes.lines(),
            version: lifetimes.version,
            may_write,
            default: typed("default_lifetime", lifetimes.default_seconds),
            maximum: typed("maximum_lifetime", lifetimes.maximum_seconds),
        }))
    }
}

pub(super) async fn put(member: &AtAccount, form: &Form) -> Result<(), ManagementError> {
    let lifetimes = PutLifetimes {
        default_seconds: read("default_lifetime", form)?,
        maximum_seconds: read("maximum_lifetime", form)?,
    };
    let version = form.get("version").parse().unwrap_or(u64::MAX);
    member.management().put_lifetimes(&member.actor, &of(member), &lifetimes, version).await.map(drop)
}

fn of(member: &AtAccount) -> LifetimesOf {
    LifetimesOf::Account(member.account.id.clone())
}

fn read(field: &'static str, form: &Form) -> Result<Option<u32>, ManagementError> {
    let text = form.get(field).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let seconds = UNITS.iter().find_map(|(unit, seconds)| {
        let number: u32 = text.strip_suffix(*unit)?.trim().parse().ok()?;
        number.checked_mul(*seconds)
    });
    let expected =
        || ManagementError::invalid(field, format!("{text:?} is no lifetime: expected one such as 90d or 12h"));
    seconds.map(Some).ok_or_else(expected)
}

fn written(seconds: u32) -> String {
    let unit = UNITS.into_iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
    let (unit, length) = unit.unwrap_or(('s', 1));
    format!("{}{unit}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_written_as_they_are_read() {
        for text in ["90d", "12h", "30m", "61s"] {
            let form = Form::parse(format!("default_lifetime={text}").as_bytes());
            assert_eq!(read("default_lifetime", &form).unwrap().map(written).as_deref(), Some(text));
        }
        for text in ["90", "d", "-1d", "1y", "4294967295d"] {
            let form = Form::parse(format!("default_lifetime={text}").as_bytes());
            assert!(read("default_lifetime", &form).is_err(), "{text}");
        }
    }
}
