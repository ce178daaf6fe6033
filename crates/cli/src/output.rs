use std::borrow::Cow;
use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Table};
use keyward_core::Timestamp;
use keyward_core::name::check_text;
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;

/// Ignores failure: a new key must still be shown after it.
macro_rules! note {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{}", $crate::output::visible(&format!($($argument)*)));
    }};
}
pub(crate) use note;

/// A reader that closed the pipe, such as `head`, is no error.
pub(crate) fn line(text: &str) -> Result<(), Error> {
    match writeln!(io::stdout(), "{}", visible(text)) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

pub(crate) fn json_line(value: &Value) -> Result<(), Error> {
    json_text(&format!("{value:#}"))
}

/// The same value, with escapes.
pub(crate) fn json_text(text: &str) -> Result<(), Error> {
    line(&json_escaped(text))
}

fn json_escaped(text: &str) -> Cow<'_, str> {
    replaced(text, is_hidden, |character| {
        character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    })
}

/// A terminal acts on control characters, and a bidirectional one rearranges its line. Each text for people passes here.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, is_hidden, |character| character.escape_default().to_string())
}

/// As [`visible`], for a part of a line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let is_hidden = |character| character == '\n' || is_hidden(character);
    replaced(text, is_hidden, |character| character.escape_default().to_string())
}

fn replaced(text: &str, is_hidden: impl Fn(char) -> bool, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.chars().any(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let parts = text.chars().map(|character| if is_hidden(character) { escape(character) } else { character.into() });
    Cow::Owned(parts.collect())
}

/// Joiners are for emoji and several scripts.
fn is_hidden(character: char) -> bool {
    let is_kept = character.is_ascii_graphic() || matches!(character, ' ' | '\n' | '\u{200c}' | '\u{200d}');
    !is_kept && check_text(character.encode_utf8(&mut [0; 4])).is_err()
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
    table.add_row(row.iter().map(|cell| one_line(cell)));
    table
}

pub(crate) fn day(at: Option<Timestamp>, none: &str) -> String {
    at.map_or_else(|| none.to_owned(), |at| at.to_string().chars().take(10).collect())
}

pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [(&str, &str, &str); 9] = [
        ("plain ünïcode 👩\u{200d}💻 …", "plain ünïcode 👩\u{200d}💻 …", "plain ünïcode 👩\u{200d}💻 …"),
        ("\u{1b}[2J", "\\u{1b}[2J", "\\u001b[2J"),
        ("\u{9b}31m", "\\u{9b}31m", "\\u009b31m"),
        ("\u{7f}\u{85}", "\\u{7f}\\u{85}", "\\u007f\\u0085"),
        ("a\rb\tc", "a\\rb\\tc", "a\\u000db\\u0009c"),
        ("\u{202e}gnp.exe\u{2066}", "\\u{202e}gnp.exe\\u{2066}", "\\u202egnp.exe\\u2066"),
        ("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}", "\\u200e\\u200f\\u061c"),
        ("\u{2028}\u{feff}", "\\u{2028}\\u{feff}", "\\u2028\\ufeff"),
        ("\u{e0041}", "\\u{e0041}", "\\udb40\\udc41"),
    ];

    #[test]
    fn hidden_characters_are_shown_as_escapes() {
        for (text, shown, json) in HOSTILE {
            assert_eq!(visible(text), shown);
            assert_eq!(one_line(text), shown);
            assert_eq!(json_escaped(text), json);
        }
        assert_eq!((visible("a\nb"), one_line("a\nb")), ("a\nb".into(), "a\\nb".into()));
    }
}
