//! The choice of a key's end in a form.

use std::time::Duration;

use keyward_core::Timestamp;
use keyward_core::lifecycle::length_text;

use crate::dashboard::error::FormErrors;
use crate::dashboard::form::Form;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;

const DAY: Duration = Duration::from_secs(24 * 3_600);
const MINUTE_MILLIS: i64 = 60 * 1_000;
const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;

const DAYS: [(u32, &str); 4] = [
    (7, words::keys::IN_7_DAYS),
    (30, words::keys::IN_30_DAYS),
    (90, words::keys::IN_90_DAYS),
    (365, words::keys::IN_A_YEAR),
];

pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) is_chosen: bool,
}

/// The choice of no particular end.
pub(super) struct NoChoice {
    pub(super) label: String,
    /// What it means, if it is a time.
    pub(super) end: Option<Timestamp>,
}

/// Offers only ends that are allowed, each once.
pub(super) struct Expiry {
    pub(super) choices: Vec<Choice>,
    pub(super) on: String,
    pub(super) first_day: String,
    pub(super) last_day: Option<String>,
    pub(super) hint: Option<String>,
}

impl Expiry {
    /// Without a choice of no particular end, 90 days are preselected. `None` as `latest` allows never.
    pub(super) fn new(form: &Form, now: Timestamp, latest: Option<Timestamp>, default: Option<NoChoice>) -> Self {
        // The service may have read the clock a moment later.
        let is_new = |ends: &[Timestamp], end: Timestamp| {
            ends.iter().all(|known| (known.as_millis() - end.as_millis()).abs() >= MINUTE_MILLIS)
        };
        let preselected = if default.is_some() { "default" } else { "90" };
        let mut ends: Vec<Timestamp> = default.iter().filter_map(|default| default.end).collect();
        let mut offered: Vec<(String, String)> = Vec::new();
        offered.extend(default.map(|default| ("default".to_owned(), default.label)));
        for (days, label) in DAYS {
            let end = now.saturating_add(days * DAY);
            if latest.is_none_or(|latest| end <= latest) && is_new(&ends, end) {
                ends.push(end);
                offered.push((days.to_string(), label.to_owned()));
            }
        }
        match latest {
            None => offered.push(("never".to_owned(), words::keys::NEVER.to_owned())),
            Some(latest) if latest > now && is_new(&ends, latest) => {
                offered.push(("latest".to_owned(), words::keys::as_late_as_allowed(&When::at(latest, now).full)));
            }
            Some(_) => {}
        }
        offered.push(("on".to_owned(), words::keys::ON_A_DATE.to_owned()));
        let sent = form.get("expires");
        let chosen = if offered.iter().any(|(value, _)| value == sent) { sent } else { preselected };
        let choice = |(value, label): (String, String)| Choice { is_chosen: value == chosen, value, label };
        Self {
            choices: offered.into_iter().map(choice).collect(),
            on: form.get("expires_on").to_owned(),
            first_day: day(now),
            // A day that is chosen counts to its end.
            last_day: latest.map(|latest| day(Timestamp::from_millis(latest.as_millis() - DAY_MILLIS + 1_000))),
            hint: latest.map(|latest| words::keys::at_most_until(&When::at(latest, now).full)),
        }
    }
}

/// The default of an account's lifetimes.
pub(super) fn by_default(length: Duration, now: Timestamp) -> NoChoice {
    NoChoice { label: words::keys::in_time_by_default(&length_text(length)), end: Some(now.saturating_add(length)) }
}

/// The value of the field that means exactly this end.
pub(super) fn exactly(end: Option<Timestamp>) -> String {
    end.map_or_else(|| "never".to_owned(), |end| end.to_string())
}

/// Returns `None` for no particular end, and `Some(None)` for never.
pub(super) fn read(
    form: &Form,
    now: Timestamp,
    latest: Option<Timestamp>,
) -> Result<Option<Option<Timestamp>>, ManagementError> {
    let invalid = || ManagementError::invalid("expires_at", words::keys::CHOOSE_AN_ENTRY);
    let no_day = || ManagementError::invalid("expires_on", words::keys::CHOOSE_A_FUTURE_DATE);
    match form.get("expires") {
        "" | "default" => Ok(None),
        "never" => Ok(Some(None)),
        "latest" => latest.map(|latest| Some(Some(latest))).ok_or_else(invalid),
        "on" => {
            let end: Timestamp = format!("{}T23:59:59Z", form.get("expires_on")).parse().map_err(|_| no_day())?;
            if end > now { Ok(Some(Some(end))) } else { Err(no_day()) }
        }
        end if end.contains('T') => {
            let end: Timestamp = end.parse().map_err(|_| invalid())?;
            if end > now { Ok(Some(Some(end))) } else { Err(invalid()) }
        }
        days => {
            let days: u32 = days.parse().ok().filter(|days| (1..=3_660).contains(days)).ok_or_else(invalid)?;
            Ok(Some(Some(now.saturating_add(days * DAY))))
        }
    }
}

/// A chosen day that is too late is wrong at its own field.
pub(super) fn at_its_field(errors: FormErrors, form: &Form) -> FormErrors {
    if form.get("expires") == "on" { errors.rename("expires_at", "expires_on") } else { errors }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_ends_are_offered() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let after = |days: u32| now.saturating_add(days * DAY);
        for (sent, latest, default, offered, chosen) in [
            ("", None, None, "7 30 90 365 never on", "90"),
            ("expires=never", None, None, "7 30 90 365 never on", "never"),
            ("", None, Some(30), "default 7 90 365 never on", "default"),
            ("", Some(after(90)), Some(60), "default 7 30 90 on", "default"),
            ("", Some(after(90)), Some(90), "default 7 30 on", "default"),
            ("expires=365", Some(after(100)), Some(60), "default 7 30 90 latest on", "default"),
            ("expires=on", Some(after(1)), Some(0), "default latest on", "on"),
        ] {
            let form = Form::parse(sent.as_bytes());
            let default = default.map(|days: u32| by_default(days * DAY, now));
            let expiry = Expiry::new(&form, now, latest, default);
            let values: Vec<&str> = expiry.choices.iter().map(|choice| choice.value.as_str()).collect();
            let marked: Vec<&str> =
                expiry.choices.iter().filter(|choice| choice.is_chosen).map(|choice| choice.value.as_str()).collect();
            assert_eq!((values.join(" ").as_str(), marked), (offered, vec![chosen]), "{sent}");
            for choice in expiry.choices.iter().filter(|choice| choice.value != "on") {
                let end = read(&Form::parse(format!("expires={}", choice.value).as_bytes()), now, latest).unwrap();
                let fits = end.is_none_or(|end| latest.is_none_or(|latest| end.is_some_and(|end| end <= latest)));
                assert!(fits, "{sent}: {}", choice.value);
            }
            if let (Some(day), Some(latest)) = (expiry.last_day, latest) {
                let end = read(&Form::parse(format!("expires=on&expires_on={day}").as_bytes()), now, Some(latest));
                assert!(end.is_err() || end.unwrap().unwrap().unwrap() <= latest, "{day} is offered");
            }
        }
    }

    #[test]
    fn other_ends_are_refused() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for sent in [
            "expires=0",
            "expires=-1",
            "expires=soon",
            "expires=on",
            "expires=on&expires_on=2026-02-28",
            "expires=latest",
            "expires=2026-02-28T12:00:00Z",
            "expires=T",
        ] {
            assert!(read(&Form::parse(sent.as_bytes()), now, None).is_err(), "{sent}");
        }
        assert_eq!(read(&Form::parse(b"expires=never"), now, None).unwrap(), Some(None));
        assert_eq!(read(&Form::parse(b""), now, None).unwrap(), None);
        let end = now.saturating_add(DAY);
        for end in [None, Some(end)] {
            let form = Form::parse(format!("expires={}", exactly(end)).as_bytes());
            assert_eq!(read(&form, now, None).unwrap(), Some(end));
        }
    }
}
