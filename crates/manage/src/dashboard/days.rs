//! The fields for the first and the last day of a range.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use keyward_core::Timestamp;

use super::error::FormErrors;
use super::form::Form;
use super::words;

/// Reads the fields `from` and `to`: the start of each day (UTC), if it is filled in.
pub(super) fn read(form: &Form, errors: &mut FormErrors) -> (Option<Timestamp>, Option<Timestamp>) {
    let mut day = |field: &'static str| match form.get(field).trim() {
        "" => None,
        text => match format!("{text}T00:00:00Z").parse::<Timestamp>() {
            Ok(day) => Some(day),
            Err(_) => {
                errors.note(field, words::shared::no_date(text));
                None
            }
        },
    };
    let (from, to) = (day("from"), day("to"));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        errors.note("from", words::shared::THE_FIRST_DAY_IS_AFTER);
    }
    (from, to)
}
