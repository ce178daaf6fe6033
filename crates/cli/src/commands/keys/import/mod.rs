//! `keyward keys import`

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

mod record;
mod rows;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::key::Digest;
use keyward_core::lifecycle::Imported;
use keyward_core::store::{KeyRecord, KeyStatus};
use keyward_core::{AccountId, AccountRecord, CredentialId};
use keyward_manage::ManagementError;
use serde_json::{Value, json};

use crate::backend::{Database, system};
use crate::error::{Error, ErrorKind};
use crate::output::{self, note};
use record::HashFormat;
use rows::{Columns, FileFormat, Row};

#[derive(Args)]
pub(in crate::commands) struct Import {
    /// A CSV file whose first line has the column names, or a file with one JSON object a line. `-` is standard input.
    file: PathBuf,
    /// How the other system hashes its keys.
    #[arg(long, value_enum)]
    hash_format: HashFormat,
    /// The format of the file. Defaults to that of its name.
    #[arg(long, value_enum)]
    file_format: Option<FileFormat>,
    /// The name of a column in the file, such as `hash=key`. Repeatable.
    #[arg(long = "column", value_name = "OURS=THEIRS", value_parser = column)]
    columns: Vec<(String, String)>,
    /// A column of the file to ignore. Repeatable.
    #[arg(long, value_name = "THEIRS")]
    ignore_column: Vec<String>,
    /// Create missing accounts. Defaults to refusing their keys.
    #[arg(long)]
    create_accounts: bool,
    /// Print what an import would do, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn column(text: &str) -> Result<(String, String), String> {
    let (ours, theirs) = text.split_once('=').ok_or("write it like hash=key")?;
    Ok((ours.to_owned(), theirs.to_owned()))
}

struct Importer<'a> {
    database: &'a Database,
    command: &'a Import,
    /// Including those that a dry run would have created.
    accounts: HashSet<AccountId>,
    /// Keys that a dry run would have imported.
    imported: HashMap<Digest, AccountId>,
    ids: HashSet<CredentialId>,
    report: Report,
}

#[derive(Default)]
struct Report {
    imported: u64,
    already_there: u64,
    /// The line and the reason.
    refused: Vec<(u64, String)>,
}

pub(super) async fn run(database: &Database, command: &Import) -> Result<(), Error> {
    let format = file_format(command).map_err(|error| Error::in_file(&command.file, &error))?;
    let columns = Columns::new(&command.columns, &command.ignore_column)?;
    let (input, length): (Box<dyn Read>, u64) = if command.file.as_os_str() == "-" {
        (Box::new(io::stdin()), 0)
    } else {
        let file = File::open(&command.file).map_err(|error| Error::unreadable(&command.file, &error))?;
        let length = file.metadata().map_or(0, |file| file.len());
        (Box::new(file), length)
    };
    let progress = progress(length);
    let mut importer = Importer {
        database,
        command,
        accounts: HashSet::new(),
        imported: HashMap::new(),
        ids: HashSet::new(),
        report: Report::default(),
    };
    let done = rows::each(input, format, &columns, async |row: Row| {
        importer.import_row(&row).await?;
        progress.set_position(row.end);
        Ok(())
    })
    .await;
    progress.finish_and_clear();
    // The report comes before the error that stopped the import.
    importer.report.write(command)?;
    done?;
    match importer.report.refused.len() {
        0 => Ok(()),
        refused => Err(Error::new(ErrorKind::Refused, format!("{refused} lines were refused"))),
    }
}

impl Importer<'_> {
    /// A line is imported as a whole or not at all.
    async fn import_row(&mut self, row: &Row) -> Result<(), Error> {
        let now = SystemClock.now();
        let record = match &row.fields {
            Ok(fields) => record::record(fields, self.command.hash_format, now),
            Err(why) => Err(why.clone()),
        };
        let imported = match record {
            Ok(record) => self.import(&record).await,
            Err(why) => {
                self.report.refused.push((row.line, why));
                return Ok(());
            }
        };
        match imported {
            Ok(Outcome::New) => self.report.imported = self.report.imported.saturating_add(1),
            Ok(Outcome::AlreadyThere) => self.report.already_there = self.report.already_there.saturating_add(1),
            Ok(Outcome::StillActive(key)) => {
                let why = format!("it is revoked, but was imported before and works: keyward keys revoke {}", key.id);
                self.report.refused.push((row.line, why));
            }
            Err(ManagementError::Store(error)) => {
                let error = Error::caused(ErrorKind::Failed, &error);
                return Err(Error::new(ErrorKind::Failed, format!("line {}: {error}", row.line)));
            }
            Err(ManagementError::Duplicate("key")) => {
                self.report.refused.push((row.line, "another account has this key, or another key this id".to_owned()));
            }
            Err(error) => self.report.refused.push((row.line, Error::from(error).to_string())),
        }
        Ok(())
    }

    async fn import(&mut self, record: &KeyRecord) -> Result<Outcome, ManagementError> {
        self.ensure_account(record).await?;
        let imported = match (&self.database.managed, self.command.dry_run) {
            (_, true) => self.preview(record).await?,
            (Some(managed), false) => managed.management.import_key(&system(), record).await?,
            (None, false) => self.database.keys.import(record).await?,
        };
        Ok(match imported {
            Imported::New => Outcome::New,
            Imported::AlreadyThere(there)
                if record.revoked_at.is_some()
                    && matches!(there.status(SystemClock.now()), KeyStatus::Active | KeyStatus::Disabled) =>
            {
                Outcome::StillActive(there)
            }
            Imported::AlreadyThere(_) => Outcome::AlreadyThere,
        })
    }

    /// Not for a key that is refused.
    async fn ensure_account(&mut self, record: &KeyRecord) -> Result<(), ManagementError> {
        let id = &record.account;
        if self.accounts.contains(id) {
            return Ok(());
        }
        if self.database.keys.get_account(id).await?.is_none() {
            if !self.command.create_accounts {
                return Err(ManagementError::NotFound("account"));
            }
            match self.database.keys.preview_import(record).await.map_err(ManagementError::from) {
                Ok(_) | Err(ManagementError::NotFound("account")) => {}
                Err(error) => return Err(error),
            }
            if !self.command.dry_run {
                self.create_account(&AccountRecord::new(id.clone(), id.as_str())).await?;
            }
        }
        self.accounts.insert(id.clone());
        Ok(())
    }

    async fn create_account(&self, account: &AccountRecord) -> Result<(), ManagementError> {
        let created = match &self.database.managed {
            Some(managed) => managed.management.import_account(&system(), account).await,
            None => self.database.keys.insert_account(account).await.map_err(Into::into),
        };
        match created {
            Ok(_) | Err(ManagementError::Duplicate("account")) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn preview(&mut self, record: &KeyRecord) -> Result<Imported, ManagementError> {
        match self.imported.get(&record.digest) {
            Some(account) if *account == record.account => return Ok(Imported::AlreadyThere(Box::new(record.clone()))),
            Some(_) => return Err(ManagementError::Duplicate("key")),
            None => {}
        }
        let previewed = match &self.database.managed {
            Some(managed) => managed.management.preview_import(&system(), record).await,
            None => self.database.keys.preview_import(record).await.map_err(ManagementError::from),
        };
        let imported = match previewed {
            // A line before would have created it.
            Err(ManagementError::NotFound("account")) if self.accounts.contains(&record.account) => Imported::New,
            other => other?,
        };
        if imported == Imported::New {
            if !self.ids.insert(record.id.clone()) {
                return Err(ManagementError::Duplicate("key"));
            }
            self.imported.insert(record.digest, record.account.clone());
        }
        Ok(imported)
    }
}

enum Outcome {
    New,
    AlreadyThere,
    /// The file says that the key is revoked, but the imported key works.
    StillActive(Box<KeyRecord>),
}

impl Report {
    fn write(&self, command: &Import) -> Result<(), Error> {
        let Self { imported, already_there, refused } = self;
        if command.json {
            let refused: Value = refused.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect();
            return output::json_line(&json!({
                "dry_run": command.dry_run,
                "imported": imported,
                "already_there": already_there,
                "refused": refused,
            }));
        }
        for (line, why) in refused {
            note!("line {line}: {why}");
        }
        let would = if command.dry_run { "dry run, nothing was changed: " } else { "" };
        output::line(&format!("{would}{imported} imported, {already_there} already there, {} refused", refused.len()))
    }
}

fn file_format(command: &Import) -> Result<FileFormat, String> {
    let extension = command.file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match (command.file_format, &*extension.to_ascii_lowercase()) {
        (Some(format), _) => Ok(format),
        (None, "csv") => Ok(FileFormat::Csv),
        (None, "jsonl" | "ndjson") => Ok(FileFormat::Jsonl),
        (None, _) => Err("unknown file format: pass --file-format csv or jsonl".to_owned()),
    }
}

fn progress(length: u64) -> ProgressBar {
    let (progress, template) = match length {
        0 => (ProgressBar::new_spinner(), "{spinner} {bytes} read in {elapsed}"),
        length => (ProgressBar::new(length), "{bar:40} {percent} % of {total_bytes}, {eta} left"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        progress.set_style(style);
    }
    progress
}
