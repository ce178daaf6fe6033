#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::error::Error;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FileFormat {
    /// Comma-separated values (RFC 4180). The first line has the column names.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// The first two are required.
const COLUMNS: [&str; 16] = [
    "hash",
    "account",
    "user",
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

/// Bounds the memory for a file without line ends.
const MAX_LINE: u64 = 1 << 20;

pub(super) struct Row {
    /// From 1.
    pub(super) line: u64,
    /// The offset of its end, in bytes.
    pub(super) end: u64,
    /// Without empty fields, or the reason that the line cannot be read.
    pub(super) fields: Result<Map<String, Value>, String>,
}

/// `None` is ignored.
pub(super) struct Columns(HashMap<String, Option<&'static str>>);

impl Columns {
    pub(super) fn new(named: &[(String, String)], ignored: &[String]) -> Result<Self, Error> {
        let mut columns: HashMap<String, Option<&'static str>> =
            COLUMNS.into_iter().map(|ours| (plain(ours), Some(ours))).collect();
        for (ours, theirs) in named {
            let Some(ours) = COLUMNS.into_iter().find(|name| name == ours) else {
                let known = COLUMNS.join(", ");
                return Err(Error::usage(format!("unknown column {ours:?}: expected one of {known}")));
            };
            // The default name of this column stands for another one now.
            columns.retain(|_, name| *name != Some(ours));
            columns.insert(plain(theirs), Some(ours));
        }
        columns.extend(ignored.iter().map(|theirs| (plain(theirs), None)));
        Ok(Self(columns))
    }

    /// An unknown column may be a typo such as `expire` for `expires_at`.
    fn ours(&self, theirs: &str) -> Result<Option<&'static str>, String> {
        self.0
            .get(&plain(theirs))
            .copied()
            .ok_or_else(|| format!("unknown column {theirs:?}: name it with --column, or pass --ignore-column"))
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

/// The same for `createdAt`, `created_at` and `Created at`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(super) async fn each(
    input: impl Read,
    format: FileFormat,
    columns: &Columns,
    take: impl AsyncFnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
    match format {
        FileFormat::Csv => each_of_csv(input, columns, take).await,
        FileFormat::Jsonl => each_of_json(input, columns, take).await,
    }
}

async fn each_of_csv(
    input: impl Read,
    columns: &Columns,
    mut take: impl AsyncFnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(input);
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let names = header.iter().map(|theirs| columns.ours(theirs)).collect::<Vec<_>>();
    // Without column names, the first line has a hash, which no message may repeat.
    for needed in ["hash", "account"] {
        if !names.contains(&Ok(Some(needed))) {
            return Err(Error::usage(format!("the first line has no column {needed:?}")));
        }
    }
    let names = names.into_iter().collect::<Result<Vec<_>, _>>().map_err(Error::usage)?;
    if let Some(twice) =
        names.iter().flatten().find(|name| names.iter().filter(|other| **other == Some(name)).count() > 1)
    {
        return Err(Error::usage(format!("two columns have the name {twice:?}")));
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
                    Err(format!("{len} fields instead of {expected_len}"))
                }
                _ => Err("not UTF-8".to_owned()),
            },
        };
        let line = record.position().map_or(line, |position| position.line().max(line));
        take(Row { line, end: reader.position().byte(), fields }).await?;
    }
}

async fn each_of_json(
    input: impl Read,
    columns: &Columns,
    mut take: impl AsyncFnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
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
            return Err(Error::usage(format!("line {} is longer than {MAX_LINE} bytes", line.saturating_add(1))));
        }
        (line, end) = (line.saturating_add(1), end.saturating_add(read as u64));
        let json = if line == 1 { text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text) } else { &text };
        if json.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // Messages of serde may repeat the content.
        let fields = serde_json::from_slice::<Map<String, Value>>(json).map_err(|_| "not a JSON object".to_owned());
        take(Row { line, end, fields: fields.and_then(|fields| columns.rename(fields)) }).await?;
    }
}

fn unreadable(error: &dyn std::error::Error) -> Error {
    Error::usage(format!("cannot read the file: {error}"))
}
