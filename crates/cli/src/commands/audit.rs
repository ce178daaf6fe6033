//! `keyward audit …`

use clap::{Args, Subcommand};
use keyward_client::{AuditEntry, AuditFilter, AuditVerdict, Page};
use keyward_core::{AccountId, Timestamp};
use keyward_manage::{AuditQuery, PageRequest};

use crate::backend::{Records, system};
use crate::error::{Error, ErrorKind};
use crate::output;
use crate::values::{limit, time};

const PAGE: u16 = 500;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List entries, newest first.
    List(List),
    /// Check that no entry was changed, removed or inserted. Names the first entry that does not fit.
    Verify {
        /// A checkpoint of an earlier `audit verify`. Shows whether the log was cut or rewritten since.
        #[arg(long, value_name = "CHECKPOINT")]
        since: Option<String>,
    },
    /// Print entries of every account as lines of JSON, oldest first. For the operator.
    Export {
        /// Start after the entry with this number, such as the last one of an earlier export.
        #[arg(long, default_value = "0", value_name = "NUMBER")]
        after: u64,
        /// Stop after the entry with this number.
        #[arg(long, value_name = "NUMBER")]
        through: Option<u64>,
    },
    /// Remove old entries, and keep the checkpoint of the last one, so that `audit verify` works on the rest. Needs a database.
    Prune {
        /// Remove entries from before this time, such as 2026-01-01T00:00:00Z, or before this day in UTC, such as 2026-01-01.
        #[arg(long, value_name = "TIME", value_parser = time)]
        before: Timestamp,
    },
}

#[derive(Args)]
pub(super) struct List {
    /// Entries of this account. Defaults to your own; on a database, to the operator's.
    #[arg(long, conflicts_with = "all")]
    account: Option<AccountId>,
    /// Entries of every account. For the operator.
    #[arg(long)]
    all: bool,
    /// Entries of this user or key only.
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Entries of actions with this prefix, such as `key.` or `member.add`.
    #[arg(long, value_name = "PREFIX")]
    action: Option<String>,
    /// The most entries to print.
    #[arg(long, default_value = "50", value_parser = limit)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(records: Records<'_>, command: Command) -> Result<(), Error> {
    match command {
        Command::List(command) => list(records, command).await,
        Command::Verify { since } => {
            let verdict = verify(records, since.as_deref()).await?;
            if let Some(number) = verdict.first_bad {
                let why = verdict.why.unwrap_or_default();
                return Err(Error::new(ErrorKind::Refused, format!("entry {number} of the audit log is bad: {why}")));
            }
            let pruned = verdict.pruned_through.map(|number| format!("; entries up to {number} were pruned"));
            let pruned = pruned.unwrap_or_default();
            output::line(&format!("{} entries, up to the checkpoint {}{pruned}", verdict.entries, verdict.checkpoint))
        }
        Command::Export { after, through } => export(records, after, through.unwrap_or(u64::MAX)).await,
        Command::Prune { before } => {
            let removed = prune(records, before).await?;
            output::line(&format!("{removed} entries from before {before} removed"))
        }
    }
}

async fn list(records: Records<'_>, command: List) -> Result<(), Error> {
    let mut filter = AuditFilter {
        account: command.account,
        all: command.all,
        actor: command.actor,
        after: None,
        limit: Some(if command.action.is_some() { PAGE } else { command.limit.clamp(1, PAGE.into()) as u16 }),
    };
    let prefix = command.action.unwrap_or_default();
    let mut found: Vec<AuditEntry> = Vec::new();
    while found.len() < command.limit {
        let page = page(records, &filter).await?;
        found.extend(page.data.into_iter().filter(|entry| entry.action.starts_with(&prefix)));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    found.truncate(command.limit);
    if let (true, Some(account)) = (found.is_empty(), &filter.account) {
        records.require_account(account).await?;
    }
    output::list(&found, command.json, "there are no such entries", table)
}

async fn page(records: Records<'_>, filter: &AuditFilter) -> Result<Page<AuditEntry>, Error> {
    match records {
        Records::Database(management) => {
            let account = match filter.all {
                true => None,
                false => Some(records.account_or_default(filter.account.as_ref()).await?),
            };
            let page = PageRequest { after: filter.after.clone(), limit: filter.limit.unwrap_or(PAGE).into() };
            let query = AuditQuery { account, actor: filter.actor.clone(), page };
            let page = management.audit_log(&system(), &query).await?;
            Ok(Page { data: page.items, next: page.next })
        }
        Records::Server(client) => Ok(client.audit_log(filter).await?),
    }
}

async fn export(records: Records<'_>, mut after: u64, through: u64) -> Result<(), Error> {
    match records {
        Records::Database(management) => loop {
            let entries = management.audit_entries_after(&system(), after, PAGE.into()).await?;
            let Some(last) = entries.last() else { return Ok(()) };
            after = last.number;
            print_lines(entries.iter().filter(|entry| entry.number <= through))?;
            if after >= through {
                return Ok(());
            }
        },
        Records::Server(client) => {
            let filter = AuditFilter { all: true, ..AuditFilter::default() };
            // The server lists the newest first.
            let mut walk = client.walk_audit_log(&filter).all().await?;
            walk.retain(|entry| entry.number > after && entry.number <= through);
            print_lines(walk.iter().rev())
        }
    }
}

fn print_lines<'a>(entries: impl Iterator<Item = &'a AuditEntry>) -> Result<(), Error> {
    for entry in entries {
        output::json_text(&serde_json::to_string(entry)?)?;
    }
    Ok(())
}

async fn verify(records: Records<'_>, since: Option<&str>) -> Result<AuditVerdict, Error> {
    match records {
        Records::Database(management) => {
            let since = since.map(str::parse).transpose()?;
            Ok(management.verify_audit_log(&system(), since.as_ref()).await?.into())
        }
        Records::Server(client) => Ok(client.verify_audit_log(since).await?),
    }
}

async fn prune(records: Records<'_>, before: Timestamp) -> Result<u64, Error> {
    match records {
        Records::Database(management) => Ok(management.prune_audit_log(&system(), before).await?),
        Records::Server(_) => {
            Err(Error::usage("keyward audit prune needs the database: pass --database instead of --server"))
        }
    }
}

fn table(entries: &[AuditEntry]) -> String {
    output::table(["NUMBER", "AT", "ACTOR", "ACTION", "OUTCOME", "TARGET", "ADDRESS"], entries, |entry| {
        [
            entry.number.to_string(),
            entry.at.to_string(),
            format!("{} {}", entry.actor.kind, entry.actor.id),
            entry.action.clone(),
            entry.outcome.to_string(),
            format!("{} {}", entry.target.kind, entry.target.id),
            output::or_dash(entry.address.as_ref()),
        ]
    })
}
