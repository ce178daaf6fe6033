//! `keyward audit …`

use keyward_client::{AuditEntry, AuditFilter};

use crate::arguments::{Audit, AuditList};
use crate::backend::Backend;
use crate::failure::{Failure, Kind};
use crate::output;
use crate::tables;

pub(super) async fn run(place: &dyn Backend, command: &Audit) -> Result<(), Failure> {
    match command {
        Audit::List(list) => self::list(place, list).await,
        Audit::Verify { since } => verify(place, since.as_deref()).await,
        Audit::Prune { before } => {
            let removed = place.prune_audit_log(*before).await?;
            output::line(&format!("{removed} entries from before {before} removed"))
        }
    }
}

async fn list(place: &dyn Backend, list: &AuditList) -> Result<(), Failure> {
    let mut filter = AuditFilter {
        account: list.account.clone(),
        all: list.all,
        actor: list.actor.clone(),
        after: None,
        limit: Some(if list.action.is_some() { 500 } else { list.limit.clamp(1, 500) as u16 }),
    };
    let action = list.action.as_deref().unwrap_or_default();
    let mut found: Vec<AuditEntry> = Vec::new();
    while found.len() < list.limit {
        let page = place.audit_log(&filter).await?;
        found.extend(page.data.into_iter().filter(|entry| entry.action.starts_with(action)));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    found.truncate(list.limit);
    output::list(&found, list.json, "there are no such entries", tables::audit_log)
}

async fn verify(place: &dyn Backend, since: Option<&str>) -> Result<(), Failure> {
    let verdict = place.verify_audit_log(since).await?;
    if let Some(number) = verdict.first_bad {
        let why = verdict.why.unwrap_or_default();
        return Err(Failure::new(Kind::Refused, format!("entry {number} of the audit log is bad: {why}")));
    }
    let pruned = verdict.pruned_through.map(|number| format!("; those up to {number} were pruned"));
    let pruned = pruned.unwrap_or_default();
    output::line(&format!("{} entries, up to the checkpoint {}{pruned}", verdict.entries, verdict.checkpoint))
}
