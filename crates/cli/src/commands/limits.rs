//! `keyward limits …`

use clap::{ArgGroup, Args, Subcommand};
use keyward_client::{Budget, Limits, PutLimits, Rate, RatePer};
use keyward_core::{AccountId, CredentialId, Keys};
use keyward_limits::Subject;
use keyward_manage::{store_limits, stored_limits};

use super::bearer::Bearer;
use super::prompt::confirm;
use crate::backend::{Backend, system};
use crate::error::{Error, ErrorKind};
use crate::output;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show the limits of a plan, an account or a key, and what is left of its budget.
    Show {
        #[command(flatten)]
        of: Of,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set limits of a plan, an account or a key. Other limits stay. Every node applies the change within a second.
    #[command(group = ArgGroup::new("change").multiple(true).required(true)
        .args(["rate", "no_rate", "budget", "no_budget", "tasks", "no_tasks"]))]
    Set {
        #[command(flatten)]
        of: Of,
        /// A rate limit, such as `default=100/60s`. Add `,key` to give each key the quota, and `,strict` to admit no more than the
        /// quota in any window. Repeatable.
        #[arg(long, value_name = "NAME=QUOTA/WINDOW")]
        rate: Vec<Rate>,
        /// Remove the rate limit with this name. Repeatable.
        #[arg(long, value_name = "NAME")]
        no_rate: Vec<String>,
        /// The budget, such as `10000/month`, or `500` for one without a refill. Add `,rollover=2000` to carry over up to 2000 unspent
        /// credits.
        #[arg(long, value_name = "CREDITS/REFILL", conflicts_with = "no_budget")]
        budget: Option<Budget>,
        /// Remove the budget.
        #[arg(long)]
        no_budget: bool,
        /// The number of tasks that run at once.
        #[arg(long, conflicts_with = "no_tasks")]
        tasks: Option<u32>,
        /// Remove the limit of tasks.
        #[arg(long)]
        no_tasks: bool,
    },
    /// Remove all limits of a plan, an account or a key.
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
    /// The id of the key.
    #[arg(long)]
    key: Option<CredentialId>,
}

impl Command {
    /// The plan that it is about, or the account or key.
    pub(super) fn bearer(&self) -> Bearer {
        let (Self::Show { of, .. } | Self::Set { of, .. } | Self::Clear { of, .. }) = self;
        let account = of.account.as_ref().map(|id| format!("account {id}"));
        let other = account.or(of.key.as_ref().map(|id| format!("key {id}")));
        Bearer { plan: of.plan.clone(), other }
    }
}

impl Of {
    fn subject(self) -> Result<Subject, Error> {
        let account = self.account.map(Subject::Account);
        let subject = self.plan.map(|plan| Subject::Plan(plan.into())).or(account).or(self.key.map(Subject::Key));
        subject.ok_or_else(|| Error::usage("whose limits? Pass --plan, --account or --key"))
    }
}

pub(super) async fn run(backend: &Backend, command: Command) -> Result<(), Error> {
    match command {
        Command::Show { of, json } => {
            let limits = get(backend, &of.subject()?).await?;
            if json { output::json_line(&serde_json::to_value(&limits)?) } else { print(&limits) }
        }
        Command::Set { of, rate, no_rate, budget, no_budget, tasks, no_tasks } => {
            let subject = of.subject()?;
            let known = get(backend, &subject).await?;
            let version = known.version;
            let mut new = PutLimits::from(known);
            let is_replaced =
                |known: &Rate| no_rate.contains(&known.name) || rate.iter().any(|rate| rate.name == known.name);
            new.rates.retain(|known| !is_replaced(known));
            let per_key = matches!(subject, Subject::Key(_));
            new.rates.extend(
                rate.into_iter().map(|rate| Rate { per: if per_key { RatePer::Key } else { rate.per }, ..rate }),
            );
            new.budget = if no_budget { None } else { budget.or(new.budget) };
            new.tasks = if no_tasks { None } else { tasks.or(new.tasks) };
            print(&put(backend, &subject, &new, version).await?)
        }
        Command::Clear { of, yes } => {
            let subject = of.subject()?;
            let known = get(backend, &subject).await?;
            if !yes {
                confirm(&format!("Remove all limits of the {subject}?"))?;
            }
            put(backend, &subject, &PutLimits::default(), known.version).await?;
            output::line(&format!("removed the limits of the {subject}"))
        }
    }
}

async fn get(backend: &Backend, subject: &Subject) -> Result<Limits, Error> {
    Ok(match (backend, subject) {
        (Backend::Management(management, _), subject) => management.limits(&system(), subject).await?,
        (Backend::Keys(keys, store), subject) => {
            let plan = known_plan(keys, subject).await?;
            stored_limits(&**store, subject, plan.as_deref()).await?
        }
        (Backend::Server(client), Subject::Plan(plan)) => client.plan_limits(plan).await?,
        (Backend::Server(client), Subject::Account(account)) => client.account_limits(account).await?,
        (Backend::Server(client), Subject::Key(key)) => client.key_limits(key).await?,
    })
}

async fn put(backend: &Backend, subject: &Subject, limits: &PutLimits, version: u64) -> Result<Limits, Error> {
    Ok(match (backend, subject) {
        (Backend::Management(management, _), subject) => {
            management.put_limits(&system(), subject, limits, version).await?
        }
        (Backend::Keys(_, store), subject) => {
            store_limits(&**store, subject, limits, version).await?;
            get(backend, subject).await?
        }
        (Backend::Server(client), Subject::Plan(plan)) => client.put_plan_limits(plan, limits, version).await?,
        (Backend::Server(client), Subject::Account(account)) => {
            client.put_account_limits(account, limits, version).await?
        }
        (Backend::Server(client), Subject::Key(key)) => client.put_key_limits(key, limits, version).await?,
    })
}

/// The plan of an account. Without a management service, plans are only names in accounts.
async fn known_plan(keys: &Keys, subject: &Subject) -> Result<Option<String>, Error> {
    let missing = || Error::new(ErrorKind::NotFound, format!("there is no such {}", subject.kind()));
    match subject {
        Subject::Plan(_) => Ok(None),
        Subject::Account(account) => {
            let record = keys.get_account(account).await?.ok_or_else(missing)?;
            Ok(record.plan.map(Into::into))
        }
        Subject::Key(key) => keys.get(key).await?.ok_or_else(missing).map(|_| None),
    }
}

fn print(limits: &Limits) -> Result<(), Error> {
    let lines = limits.lines(|number| number.to_string(), |seconds| Some(format!("{seconds} s")));
    let mut lines: Vec<String> = lines
        .into_iter()
        .map(|(label, text)| match label {
            "Rate" => format!("rate {text}"),
            _ => format!("{}: {text}", label.to_lowercase()),
        })
        .collect();
    if lines.is_empty() {
        lines.push("no limits".to_owned());
    }
    output::line(&lines.join("\n"))
}
