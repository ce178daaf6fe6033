//! `keyward keys import`

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

mod record;
mod rows;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};

use indicatif::{ProgressBar, ProgressStyle};
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::key::Digest;
use keyward_core::lifecycle::{Imported, KeysError};
use keyward_core::store::{KeyRecord, KeyStatus, WriteRefused};
use keyward_core::{AccountId, AccountRecord, CredentialId, Keys};
use serde_json::{Value, json};

use crate::arguments::{FileFormat, Import};
use crate::failure::{Failure, Kind};
use crate::output::{self, note};
use rows::{Columns, Row};

/// An import that is under way.
struct Importer<'a> {
    keys: &'a Keys,
    command: &'a Import,
    /// Accounts that are there, or in a dry run would be.
    accounts: HashSet<AccountId>,
    /// What a dry run would have taken over.
    taken: HashMap<Digest, AccountId>,
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

pub(super) async fn run(keys: &Keys, command: &Import) -> Result<(), Failure> {
    let usage = |message: String| Failure::new(Kind::Usage, format!("{}: {message}", command.file.display()));
    let format = file_format(command).map_err(usage)?;
    let columns = Columns::new(&command.columns, &command.ignore_column)?;
    let (input, length): (Box<dyn Read>, u64) = if command.file.as_os_str() == "-" {
        (Box::new(io::stdin()), 0)
    } else {
        let file = File::open(&command.file).map_err(|error| usage(error.to_string()))?;
        let length = file.metadata().map_or(0, |file| file.len());
        (Box::new(file), length)
    };
    let progress = progress(length);
    let mut importer = Importer {
        keys,
        command,
        accounts: HashSet::new(),
        taken: HashMap::new(),
        ids: HashSet::new(),
        report: Report::default(),
    };
    let done = rows::each(input, format, &columns, async |row: Row| {
        importer.take(&row).await?;
        progress.set_position(row.end);
        Ok(())
    })
    .await;
    progress.finish_and_clear();
    // What was done is said even if it could not be done to the end.
    importer.report.write(command)?;
    done?;
    match importer.report.refused.len() {
        0 => Ok(()),
        refused => Err(Failure::new(Kind::Refused, format!("{refused} lines were refused"))),
    }
}

impl Importer<'_> {
    /// Takes over one line, as a whole or not at all. What the line is to blame for is noted; a store that fails ends it.
    async fn take(&mut self, row: &Row) -> Result<(), Failure> {
        let now = SystemClock.now();
        let record = match &row.fields {
            Ok(fields) => record::record(fields, self.command.hash_format, now),
            Err(why) => Err(why.clone()),
        };
        let taken = match record {
            Ok(record) => self.take_record(&record).await,
            Err(why) => {
                self.report.refused.push((row.line, why));
                return Ok(());
            }
        };
        match taken {
            Ok(Taken::New) => self.report.imported = self.report.imported.saturating_add(1),
            Ok(Taken::AlreadyThere) => self.report.already_there = self.report.already_there.saturating_add(1),
            Ok(Taken::StillAlive(key)) => {
                let why = format!("it is revoked, but was imported before and works: keyward keys revoke {}", key.id);
                self.report.refused.push((row.line, why));
            }
            Err(KeysError::Store(error)) => {
                let failure = Failure::caused(Kind::Database, &error);
                return Err(Failure::new(Kind::Database, format!("line {}: {failure}", row.line)));
            }
            Err(KeysError::Denied(WriteRefused::Duplicate)) => {
                self.report.refused.push((row.line, "another account has this key, or another key this id".to_owned()));
            }
            Err(error) => self.report.refused.push((row.line, error.to_string())),
        }
        Ok(())
    }

    async fn take_record(&mut self, record: &KeyRecord) -> Result<Taken, KeysError> {
        self.see_to_account(record).await?;
        let imported =
            if self.command.dry_run { self.preview(record).await? } else { self.keys.import(record).await? };
        Ok(match imported {
            Imported::New => Taken::New,
            Imported::AlreadyThere(there)
                if record.revoked_at.is_some()
                    && matches!(there.status(SystemClock.now()), KeyStatus::Active | KeyStatus::Disabled) =>
            {
                Taken::StillAlive(there)
            }
            Imported::AlreadyThere(_) => Taken::AlreadyThere,
        })
    }

    /// Makes the key's account if it is missing, and only for a key that can be taken over.
    async fn see_to_account(&mut self, record: &KeyRecord) -> Result<(), KeysError> {
        let id = &record.account;
        if self.accounts.contains(id) {
            return Ok(());
        }
        if self.keys.get_account(id).await?.is_none() {
            if !self.command.create_accounts {
                return Err(WriteRefused::NoSuchAccount.into());
            }
            match self.keys.preview_import(record).await {
                Ok(_) | Err(KeysError::Denied(WriteRefused::NoSuchAccount)) => {}
                Err(error) => return Err(error),
            }
            if !self.command.dry_run {
                match self.keys.insert_account(&AccountRecord::new(id.clone(), id.as_str())).await {
                    Ok(_) | Err(KeysError::Denied(WriteRefused::AccountExists)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.accounts.insert(id.clone());
        Ok(())
    }

    /// What would become of a record, if the lines before it were taken over.
    async fn preview(&mut self, record: &KeyRecord) -> Result<Imported, KeysError> {
        match self.taken.get(&record.digest) {
            Some(account) if *account == record.account => return Ok(Imported::AlreadyThere(Box::new(record.clone()))),
            Some(_) => return Err(WriteRefused::Duplicate.into()),
            None => {}
        }
        let imported = match self.keys.preview_import(record).await {
            // It would have been made by now.
            Err(KeysError::Denied(WriteRefused::NoSuchAccount)) if self.accounts.contains(&record.account) => {
                Imported::New
            }
            other => other?,
        };
        if imported == Imported::New {
            if !self.ids.insert(record.id.clone()) {
                return Err(WriteRefused::Duplicate.into());
            }
            self.taken.insert(record.digest, record.account.clone());
        }
        Ok(imported)
    }
}

enum Taken {
    New,
    AlreadyThere,
    /// The line says that it is revoked, and the key that is there says nothing of it.
    StillAlive(Box<KeyRecord>),
}

impl Report {
    fn write(&self, command: &Import) -> Result<(), Failure> {
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
        let would = if command.dry_run { "nothing was changed; it would be: " } else { "" };
        output::line(&format!("{would}{imported} imported, {already_there} already there, {} refused", refused.len()))
    }
}

fn file_format(command: &Import) -> Result<FileFormat, String> {
    let extension = command.file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match (command.file_format, &*extension.to_ascii_lowercase()) {
        (Some(format), _) => Ok(format),
        (None, "csv") => Ok(FileFormat::Csv),
        (None, "jsonl" | "ndjson") => Ok(FileFormat::Jsonl),
        (None, _) => Err("how is it written? say --file-format csv or jsonl".to_owned()),
    }
}

/// On standard error, and only if that is a terminal.
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
