//! `keyward plans …`

use clap::{ArgGroup, Subcommand};
use keyward_client::{Plan, PutPlan};

use super::prompt::confirm;
use crate::backend::{Records, system};
use crate::error::{Error, ErrorKind};
use crate::output::{self, note};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the plans.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Create a plan.
    Create {
        /// The name of the plan.
        name: String,
        /// A description for people.
        #[arg(long, default_value = "")]
        description: String,
        /// The number of active keys that an account may have. Defaults to the server's limit.
        #[arg(long, value_name = "KEYS")]
        key_limit: Option<u32>,
    },
    /// Change a plan.
    #[command(group = ArgGroup::new("change").multiple(true).required(true).args(["description", "key_limit", "no_key_limit"]))]
    Update {
        /// The name of the plan.
        name: String,
        /// The new description.
        #[arg(long)]
        description: Option<String>,
        /// The number of active keys that an account may have.
        #[arg(long, value_name = "KEYS", conflicts_with = "no_key_limit")]
        key_limit: Option<u32>,
        /// Remove the limit, so that the server's limit applies.
        #[arg(long)]
        no_key_limit: bool,
    },
    /// Remove a plan that no account has.
    Remove {
        /// The name of the plan.
        name: String,
        /// Remove it also if accounts have it. They keep its name, and have no limits of a plan.
        #[arg(long)]
        force: bool,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(records: Records<'_>, command: Command) -> Result<(), Error> {
    match command {
        Command::List { json } => output::list(&list(records).await?, json, "there are no plans", table),
        Command::Create { name, description, key_limit } => {
            print(&put(records, &name, PutPlan { description, key_limit }, None).await?)
        }
        Command::Update { name, description, key_limit, no_key_limit } => {
            let known = find(records, &name).await?;
            let plan = PutPlan {
                description: description.unwrap_or(known.description),
                key_limit: if no_key_limit { None } else { key_limit.or(known.key_limit) },
            };
            print(&put(records, &name, plan, Some(known.version)).await?)
        }
        Command::Remove { name, force, yes } => {
            let known = find(records, &name).await?;
            if !yes {
                confirm(&format!("Remove the plan {name:?}?"))?;
            }
            remove(records, &name, known.version, force).await?;
            output::line(&format!("removed the plan {name}"))?;
            if force {
                note!("accounts that have it keep its name, and have no limits of a plan until they get another one");
            }
            Ok(())
        }
    }
}

async fn list(records: Records<'_>) -> Result<Vec<Plan>, Error> {
    match records {
        Records::Database(management) => Ok(management.plans(&system()).await?.into_iter().map(Plan::from).collect()),
        Records::Server(client) => Ok(client.plans().await?),
    }
}

async fn find(records: Records<'_>, name: &str) -> Result<Plan, Error> {
    let found = list(records).await?.into_iter().find(|plan| plan.name == name);
    found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no such plan: {name:?}")))
}

/// Without a version, creates the plan.
async fn put(records: Records<'_>, name: &str, plan: PutPlan, version: Option<u64>) -> Result<Plan, Error> {
    match (records, version) {
        (Records::Database(management), _) => {
            let mut wanted = keyward_manage::Plan::new(name);
            (wanted.description, wanted.key_limit) = (plan.description, plan.key_limit);
            Ok(management.put_plan(&system(), wanted, version).await?.into())
        }
        (Records::Server(client), Some(version)) => Ok(client.update_plan(name, &plan, version).await?),
        (Records::Server(client), None) => Ok(client.create_plan(name, &plan).await?),
    }
}

async fn remove(records: Records<'_>, name: &str, version: u64, force: bool) -> Result<(), Error> {
    match (records, force) {
        (Records::Database(management), false) => Ok(management.remove_plan(&system(), name, version).await?),
        (Records::Database(management), true) => Ok(management.remove_used_plan(&system(), name, version).await?),
        (Records::Server(client), false) => Ok(client.remove_plan(name, version).await?),
        (Records::Server(client), true) => Ok(client.remove_used_plan(name, version).await?),
    }
}

fn print(plan: &Plan) -> Result<(), Error> {
    let limit =
        plan.key_limit.map_or_else(|| "as many keys as the server allows".to_owned(), |limit| format!("{limit} keys"));
    output::line(&format!("{}: {limit}", plan.name))
}

fn table(plans: &[Plan]) -> String {
    output::table(["PLAN", "KEYS", "DESCRIPTION"], plans, |plan| {
        [plan.name.clone(), output::or_dash(plan.key_limit), plan.description.clone()]
    })
}
