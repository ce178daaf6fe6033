use std::fmt;

use keyward_client::Effective;
use keyward_core::lease::Propagation;

pub(super) struct Effect {
    confirmed: u64,
    /// Nodes that did not answer before their leases ran out.
    expired: u64,
    /// Their names, if the backend gives them.
    names: Vec<String>,
    took_ms: u128,
}

impl From<&Propagation> for Effect {
    fn from(propagation: &Propagation) -> Self {
        Self {
            confirmed: propagation.confirmed.len() as u64,
            expired: propagation.waited_out.len() as u64,
            names: propagation.waited_out.iter().map(ToString::to_string).collect(),
            took_ms: propagation.took.as_millis(),
        }
    }
}

impl From<Effective> for Effect {
    fn from(effective: Effective) -> Self {
        Self {
            confirmed: effective.confirmed,
            expired: effective.waited_out,
            names: Vec::new(),
            took_ms: effective.took_ms.into(),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { confirmed, expired, names, took_ms } = self;
        write!(f, "effective on {confirmed} of {} nodes after {took_ms} ms", confirmed + expired)?;
        if names.is_empty() && *expired > 0 {
            write!(
                f,
                "\n{expired} did not answer: their leases have expired, so they use nothing from before the change"
            )?;
        }
        for node in names {
            write!(f, "\n{node} did not answer: its lease has expired, so it uses nothing from before the change")?;
        }
        Ok(())
    }
}
