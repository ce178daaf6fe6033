//! `keyward plans …`

use clap::{ArgGroup, Subcommand};
use keyward_client::{Plan, PutPlan};
use keyward_core::ScopeSet;
use keyward_core::scope::Grant;

use super::keys::scope_set;
use super::prompt::confirm;
use crate::backend::{Records, system};
use crate::error::{Error, ErrorKind};
use crate::output::{self, note};
use crate::values::{grant, keys};

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
        #[arg(long, value_name = "KEYS", value_parser = keys)]
        key_limit: Option<u32>,
        /// A scope that API keys of an account may get, such as `resources:read` or `jobs:*`. Repeatable. Defaults to any scope.
        #[arg(long = "scope", value_name = "SCOPE", value_parser = grant)]
        scopes: Vec<Grant>,
    },
    /// Change a plan.
    #[command(group = ArgGroup::new("change").multiple(true).required(true).args(["description", "key_limit", "no_key_limit", "scopes", "any_scope"]))]
    Update {
        /// The name of the plan.
        name: String,
        /// The new description.
        #[arg(long)]
        description: Option<String>,
        /// The number of active keys that an account may have.
        #[arg(long, value_name = "KEYS", value_parser = keys, conflicts_with = "no_key_limit")]
        key_limit: Option<u32>,
        /// Remove the limit, so that the server's limit applies.
        #[arg(long)]
        no_key_limit: bool,
        /// A scope that API keys of an account may get, instead of the old ones. Repeatable. Existing keys keep their scopes.
        #[arg(long = "scope", value_name = "SCOPE", value_parser = grant, conflicts_with = "any_scope")]
        scopes: Vec<Grant>,
        /// Let API keys of an account get any scope.
        #[arg(long)]
        any_scope: bool,
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
        Command::Create { name, description, key_limit, scopes } => {
            let scopes = limit_of(scopes)?;
            print(&put(records, &name, PutPlan { description, key_limit, scopes }, None).await?)
        }
        Command::Update { name, description, key_limit, no_key_limit, scopes, any_scope } => {
            let scopes = limit_of(scopes)?;
            let known = find(records, &name).await?;
            let plan = PutPlan {
                description: description.unwrap_or(known.description),
                key_limit: if no_key_limit { None } else { key_limit.or(known.key_limit) },
                scopes: if any_scope { None } else { scopes.or(known.scopes) },
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
            (wanted.description, wanted.key_limit, wanted.scopes) = (plan.description, plan.key_limit, plan.scopes);
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
    let scopes = plan.scopes.as_ref().map_or_else(|| "any scope".to_owned(), |scopes| format!("scopes {scopes}"));
    output::line(&format!("{}: {limit}, {scopes}", plan.name))
}

fn limit_of(scopes: Vec<Grant>) -> Result<Option<ScopeSet>, Error> {
    if scopes.is_empty() { Ok(None) } else { scope_set(scopes).map(Some) }
}

fn table(plans: &[Plan]) -> String {
    output::table(["PLAN", "KEYS", "SCOPES", "DESCRIPTION"], plans, |plan| {
        let scopes = plan.scopes.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string);
        [plan.name.clone(), output::or_dash(plan.key_limit), scopes, plan.description.clone()]
    })
}
