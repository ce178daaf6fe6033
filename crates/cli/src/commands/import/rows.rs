//! The lines of a file of keys, whether CSV or JSON, as objects under our names for their columns.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value};

use crate::arguments::FileFormat;
use crate::failure::{Failure, Kind};

/// Our names for columns, of which the first two have to be there.
const COLUMNS: [&str; 15] = [
    "hash",
    "account",
    "id",
    "name",
    "hint",
    "kind",
    "mode",
    "scopes",
    "metadata",
    "created_at",
    "not_before",
    "expires_at",
    "last_used_at",
    "enabled",
    "revoked",
];

/// The longest line of JSON, so that a file without line ends does not fill the memory.
const MAX_LINE: u64 = 1 << 20;

/// One line of the file.
pub(super) struct Row {
    /// Its number, from 1.
    pub(super) line: u64,
    /// How far into the file it ends, in bytes.
    pub(super) end: u64,
    /// Its fields under our names; what is empty is left out. Or why it cannot be read.
    pub(super) fields: Result<Map<String, Value>, String>,
}

/// Their names for columns, and ours for them; `None` for those to be left alone.
pub(super) struct Columns(HashMap<String, Option<&'static str>>);

impl Columns {
    pub(super) fn new(named: &[(String, String)], ignored: &[String]) -> Result<Self, Failure> {
        let mut columns: HashMap<String, Option<&'static str>> =
            COLUMNS.into_iter().map(|ours| (plain(ours), Some(ours))).collect();
        for (ours, theirs) in named {
            let Some(ours) = COLUMNS.into_iter().find(|name| name == ours) else {
                let known = COLUMNS.join(", ");
                return Err(Failure::new(Kind::Usage, format!("there is no column {ours:?}: there are {known}")));
            };
            // What was called so before is something else.
            columns.retain(|_, name| *name != Some(ours));
            columns.insert(plain(theirs), Some(ours));
        }
        columns.extend(ignored.iter().map(|theirs| (plain(theirs), None)));
        Ok(Self(columns))
    }

    /// Our name for a column; an error for one that nobody knows, which may be a slip such as `expire` for `expires_at`.
    fn ours(&self, theirs: &str) -> Result<Option<&'static str>, String> {
        self.0.get(&plain(theirs)).copied().ok_or_else(|| {
            format!("the column {theirs:?} is not known: name it with --column, or leave it alone with --ignore-column")
        })
    }

    fn rename(&self, fields: impl IntoIterator<Item = (String, Value)>) -> Result<Map<String, Value>, String> {
        let mut renamed = Map::new();
        for (theirs, value) in fields {
            let is_empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
            if let (Some(ours), false) = (self.ours(&theirs)?, is_empty) {
                renamed.insert(ours.to_owned(), value);
            }
        }
        Ok(renamed)
    }
}

/// `createdAt`, `created_at` and `Created at` are one name.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Gives every row to `take`, in order, until the end or a failure.
pub(super) async fn each(
    input: impl Read,
    format: FileFormat,
    columns: &Columns,
    take: impl AsyncFnMut(Row) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match format {
        FileFormat::Csv => each_of_csv(input, columns, take).await,
        FileFormat::Jsonl => each_of_json(input, columns, take).await,
    }
}

async fn each_of_csv(
    input: impl Read,
    columns: &Columns,
    mut take: impl AsyncFnMut(Row) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(input);
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let names = header.iter().map(|theirs| columns.ours(theirs)).collect::<Vec<_>>();
    // A file without a line of names begins with a hash, which is not repeated.
    for needed in ["hash", "account"] {
        if !names.contains(&Ok(Some(needed))) {
            return Err(Failure::new(Kind::Usage, format!("the first line names no column {needed:?}")));
        }
    }
    let names = names.into_iter().collect::<Result<Vec<_>, _>>().map_err(|why| Failure::new(Kind::Usage, why))?;
    if let Some(twice) =
        names.iter().flatten().find(|name| names.iter().filter(|other| **other == Some(name)).count() > 1)
    {
        return Err(Failure::new(Kind::Usage, format!("two columns are named {twice:?}")));
    }
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let fields = match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => Ok(names
                .iter()
                .zip(&record)
                .filter_map(|(name, value)| Some(((*name)?.to_owned(), Value::from(value))))
                .filter(|(_, value)| value.as_str().is_some_and(|text| !text.trim().is_empty()))
                .collect()),
            Err(error) => match error.kind() {
                csv::ErrorKind::Io(_) => return Err(unreadable(&error)),
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    Err(format!("it has {len} fields instead of {expected_len}"))
                }
                _ => Err("it is not UTF-8".to_owned()),
            },
        };
        let line = record.position().map_or(line, |position| position.line().max(line));
        take(Row { line, end: reader.position().byte(), fields }).await?;
    }
}

async fn each_of_json(
    input: impl Read,
    columns: &Columns,
    mut take: impl AsyncFnMut(Row) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = BufReader::new(input);
    let (mut line, mut end) = (0_u64, 0_u64);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut text).map_err(|error| unreadable(&error))?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 == MAX_LINE && text.last() != Some(&b'\n') {
            return Err(Failure::new(
                Kind::Usage,
                format!("line {} is longer than {MAX_LINE} bytes", line.saturating_add(1)),
            ));
        }
        (line, end) = (line.saturating_add(1), end.saturating_add(read as u64));
        let json = if line == 1 { text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text) } else { &text };
        if json.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // serde's own messages may repeat what stands there.
        let fields =
            serde_json::from_slice::<Map<String, Value>>(json).map_err(|_| "it is not a JSON object".to_owned());
        take(Row { line, end, fields: fields.and_then(|fields| columns.rename(fields)) }).await?;
    }
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::new(Kind::Usage, format!("the file cannot be read: {error}"))
}
