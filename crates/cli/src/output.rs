use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Table};
use keyward_core::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;

/// Ignores failure: a new key must still be shown after it.
macro_rules! note {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($argument)*);
    }};
}
pub(crate) use note;

/// A reader that closed the pipe, such as `head`, is no error.
pub(crate) fn line(text: &str) -> Result<(), Error> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

pub(crate) fn json_line(value: &Value) -> Result<(), Error> {
    line(&format!("{value:#}"))
}

pub(crate) fn object(object: &Value, as_json: bool) -> Result<(), Error> {
    if as_json { json_line(object) } else { line(&fields(object)) }
}

pub(crate) fn list<T: Serialize>(
    items: &[T],
    as_json: bool,
    empty: &str,
    table: impl FnOnce(&[T]) -> String,
) -> Result<(), Error> {
    if as_json {
        json_line(&serde_json::to_value(items)?)
    } else if items.is_empty() {
        note!("{empty}");
        Ok(())
    } else {
        line(&table(items))
    }
}

pub(crate) fn fields(object: &Value) -> String {
    let rows = object.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            Value::Array(items) if items.is_empty() => return None,
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" ")
            }
            Value::Object(object) if object.is_empty() => return None,
            other => other.to_string(),
        };
        Some([name.clone(), text])
    });
    rows.fold(new_table(), with_row).trim_fmt()
}

/// A table without lines: a header, and one row an item.
pub(crate) fn table<T, H: Into<Cell>, const N: usize>(
    header: [H; N],
    items: &[T],
    row: impl Fn(&T) -> [String; N],
) -> String {
    let mut table = new_table();
    table.set_header(header);
    items.iter().map(row).fold(table, with_row).trim_fmt()
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

fn with_row<const N: usize>(mut table: Table, row: [String; N]) -> Table {
    table.add_row(row);
    table
}

pub(crate) fn day(at: Option<Timestamp>, none: &str) -> String {
    at.map_or_else(|| none.to_owned(), |at| at.to_string().chars().take(10).collect())
}

pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
