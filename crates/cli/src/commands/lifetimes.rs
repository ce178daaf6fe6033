//! `keyward lifetimes …`

use clap::{ArgGroup, Args, Subcommand};
use keyward_client::{Lifetimes, PutLifetimes};
use keyward_core::AccountId;
use keyward_manage::LifetimesOf;

use super::bearer::Bearer;
use super::prompt::confirm;
use crate::backend::{Records, system};
use crate::error::Error;
use crate::output;
use crate::values::{Lifetime, lifetime};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show the lifetimes of new keys that a plan or an account sets, and those that hold.
    Show {
        #[command(flatten)]
        of: Of,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set lifetimes of new keys for a plan or an account. Keys that exist keep their expiry.
    #[command(group = ArgGroup::new("change").multiple(true).required(true)
        .args(["default", "no_default", "maximum", "no_maximum"]))]
    Set {
        #[command(flatten)]
        of: Of,
        /// The lifetime of a key without a requested expiry, such as `90d`.
        #[arg(long, value_name = "DURATION", value_parser = lifetime, conflicts_with = "no_default")]
        default: Option<Lifetime>,
        /// Remove the default, so that the one of the plan or the server holds.
        #[arg(long)]
        no_default: bool,
        /// The longest lifetime, such as `365d`. The shortest of server, plan and account holds.
        #[arg(long, value_name = "DURATION", value_parser = lifetime, conflicts_with = "no_maximum")]
        maximum: Option<Lifetime>,
        /// Remove the maximum, so that the one of the plan or the server holds.
        #[arg(long)]
        no_maximum: bool,
    },
    /// Remove the lifetimes that a plan or an account sets.
    Clear {
        #[command(flatten)]
        of: Of,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Of {
    /// The name of the plan.
    #[arg(long)]
    plan: Option<String>,
    /// The id of the account.
    #[arg(long)]
    account: Option<AccountId>,
}

impl Command {
    /// The plan or the account that it is about.
    pub(super) fn bearer(&self) -> Bearer {
        let (Self::Show { of, .. } | Self::Set { of, .. } | Self::Clear { of, .. }) = self;
        Bearer { plan: of.plan.clone(), other: of.account.as_ref().map(|id| format!("account {id}")) }
    }
}

impl Of {
    fn subject(self) -> Result<LifetimesOf, Error> {
        let plan = self.plan.map(|plan| LifetimesOf::Plan(plan.into()));
        let subject = plan.or(self.account.map(LifetimesOf::Account));
        subject.ok_or_else(|| Error::usage("whose lifetimes? Pass --plan or --account"))
    }
}

pub(super) async fn run(records: Records<'_>, command: Command) -> Result<(), Error> {
    match command {
        Command::Show { of, json } => {
            let lifetimes = get(records, &of.subject()?).await?;
            if json { output::json_line(&serde_json::to_value(lifetimes)?) } else { print(&lifetimes) }
        }
        Command::Set { of, default, no_default, maximum, no_maximum } => {
            let of = of.subject()?;
            let known = get(records, &of).await?;
            let set = |new: Option<Lifetime>, removed: bool, known: Option<u32>| {
                if removed { None } else { new.map(Lifetime::seconds).or(known) }
            };
            let new = PutLifetimes {
                default_seconds: set(default, no_default, known.default_seconds),
                maximum_seconds: set(maximum, no_maximum, known.maximum_seconds),
            };
            print(&put(records, &of, &new, known.version).await?)
        }
        Command::Clear { of, yes } => {
            let of = of.subject()?;
            let known = get(records, &of).await?;
            if !yes {
                confirm(&format!("Remove the lifetimes that the {of} sets?"))?;
            }
            print(&put(records, &of, &PutLifetimes::default(), known.version).await?)
        }
    }
}

async fn get(records: Records<'_>, of: &LifetimesOf) -> Result<Lifetimes, Error> {
    Ok(match (records, of) {
        (Records::Database(management), of) => management.lifetimes(&system(), of).await?,
        (Records::Server(client), LifetimesOf::Plan(plan)) => client.plan_lifetimes(plan).await?,
        (Records::Server(client), LifetimesOf::Account(account)) => client.account_lifetimes(account).await?,
    })
}

async fn put(
    records: Records<'_>,
    of: &LifetimesOf,
    lifetimes: &PutLifetimes,
    version: u64,
) -> Result<Lifetimes, Error> {
    Ok(match (records, of) {
        (Records::Database(management), of) => management.put_lifetimes(&system(), of, lifetimes, version).await?,
        (Records::Server(client), LifetimesOf::Plan(plan)) => {
            client.put_plan_lifetimes(plan, lifetimes, version).await?
        }
        (Records::Server(client), LifetimesOf::Account(account)) => {
            client.put_account_lifetimes(account, lifetimes, version).await?
        }
    })
}

fn print(lifetimes: &Lifetimes) -> Result<(), Error> {
    let lines: Vec<String> =
        lifetimes.lines().into_iter().map(|(label, text)| format!("{}: {text}", label.to_lowercase())).collect();
    output::line(&lines.join("\n"))
}
