//! `keyward webhooks …`

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use keyward_client::{
    CreateWebhook, Delivery, DeliveryAttempt, EventKind, IssuedWebhook, UpdateWebhook, Webhook, WebhookState,
};
use keyward_core::AccountId;
use keyward_manage::PageRequest;

use super::prompt::confirm;
use crate::backend::{Records, system};
use crate::error::Error;
use crate::output::{self, note};
use crate::values::{duration, limit};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the webhooks of an account.
    List {
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Create a webhook, and print its secret, once.
    Create {
        /// An https URL.
        url: String,
        /// A description for people.
        #[arg(long, default_value = "")]
        description: String,
        /// Kinds of events, separated by commas, such as key.revoked. Defaults to all.
        #[arg(long, value_delimiter = ',', value_name = "EVENT")]
        events: Vec<EventKind>,
        #[command(flatten)]
        place: Place,
    },
    /// Change, enable or disable a webhook.
    #[command(group = ArgGroup::new("change").multiple(true).required(true).args(["url", "description", "events", "all_events", "enabled"]))]
    Update {
        /// The webhook's id.
        webhook: String,
        /// The new URL.
        #[arg(long)]
        url: Option<String>,
        /// The new description.
        #[arg(long)]
        description: Option<String>,
        /// The new kinds of events, separated by commas.
        #[arg(long, value_delimiter = ',', value_name = "EVENT", conflicts_with = "all_events")]
        events: Option<Vec<EventKind>>,
        /// Send all kinds of events.
        #[arg(long)]
        all_events: bool,
        /// Whether to send events: true or false.
        #[arg(long, value_name = "BOOLEAN")]
        enabled: Option<bool>,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a webhook. Its pending deliveries are not sent.
    Remove {
        /// The webhook's id.
        webhook: String,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Give a webhook a new secret, and print it, once. The previous secrets sign, too, until the overlap ends.
    RotateSecret {
        /// The webhook's id.
        webhook: String,
        /// How long the previous secrets sign, too, such as 1h, up to 7d. 0s ends them at once.
        #[arg(long, default_value = "24h", value_parser = duration)]
        overlap: Duration,
        #[command(flatten)]
        place: Place,
    },
    /// Send a test event to a webhook.
    Test {
        /// The webhook's id.
        webhook: String,
        #[command(flatten)]
        place: Place,
    },
    /// List the deliveries of a webhook, newest first.
    Deliveries {
        /// The webhook's id.
        webhook: String,
        /// The most deliveries to print.
        #[arg(long, default_value = "50", value_parser = limit)]
        limit: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Send a delivery again, with the same id.
    Redeliver {
        /// The webhook's id.
        webhook: String,
        /// The delivery's id.
        delivery: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Args)]
pub(super) struct Place {
    /// The account. Defaults to your own; on a database, to the operator's.
    #[arg(long)]
    account: Option<AccountId>,
}

impl Command {
    fn account(&self) -> Option<&AccountId> {
        let (Self::List { place, .. }
        | Self::Create { place, .. }
        | Self::Update { place, .. }
        | Self::Remove { place, .. }
        | Self::RotateSecret { place, .. }
        | Self::Test { place, .. }
        | Self::Deliveries { place, .. }
        | Self::Redeliver { place, .. }) = self;
        place.account.as_ref()
    }
}

pub(super) async fn run(records: Records<'_>, command: Command) -> Result<(), Error> {
    let is_named = command.account().is_some();
    let account = &records.account_or_default(command.account()).await?;
    match command {
        Command::List { json, .. } => {
            let webhooks = list(records, account).await?;
            if webhooks.is_empty() && is_named {
                records.require_account(account).await?;
            }
            output::list(&webhooks, json, "this account has no webhooks", table)
        }
        Command::Create { url, description, events, .. } => {
            print_secret(&create(records, account, CreateWebhook { url, description, events }).await?)
        }
        Command::Update { webhook, url, description, events, all_events, enabled, .. } => {
            let events = if all_events { Some(Vec::new()) } else { events };
            let update = UpdateWebhook { url, description, events, enabled };
            let version = show(records, account, &webhook).await?.version;
            let changed = update_at(records, account, &webhook, update, version).await?;
            let state = if changed.enabled { "enabled" } else { "disabled" };
            output::line(&format!("{} is {state} and sends {} to {}", changed.id, kinds(&changed), changed.url))
        }
        Command::Remove { webhook, yes, .. } => {
            let known = show(records, account, &webhook).await?;
            if !yes {
                confirm(&format!("Remove the webhook to {}?", known.url))?;
            }
            remove(records, account, &webhook, known.version).await?;
            output::line(&format!("removed the webhook {webhook}"))
        }
        Command::RotateSecret { webhook, overlap, .. } => {
            print_secret(&rotate_secret(records, account, &webhook, overlap).await?)
        }
        Command::Test { webhook, .. } => {
            let sent = test(records, account, &webhook).await?;
            output::line(&format!("{} is queued: keyward webhooks deliveries {webhook}", sent.id))
        }
        Command::Deliveries { webhook, limit, json, .. } => {
            let found = deliveries(records, account, &webhook, limit).await?;
            output::list(&found, json, "there are no deliveries", delivery_table)
        }
        Command::Redeliver { webhook, delivery, .. } => {
            let sent = redeliver(records, account, &webhook, &delivery).await?;
            output::line(&format!("{} is queued again", sent.id))
        }
    }
}

async fn list(records: Records<'_>, account: &AccountId) -> Result<Vec<Webhook>, Error> {
    match records {
        Records::Database(management) => Ok(management.webhooks(&system(), account).await?),
        Records::Server(client) => Ok(client.webhooks(account).await?),
    }
}

async fn show(records: Records<'_>, account: &AccountId, id: &str) -> Result<Webhook, Error> {
    match records {
        Records::Database(management) => Ok(management.webhook(&system(), account, id).await?),
        Records::Server(client) => Ok(client.webhook(account, id).await?),
    }
}

async fn create(records: Records<'_>, account: &AccountId, new: CreateWebhook) -> Result<IssuedWebhook, Error> {
    match records {
        Records::Database(management) => {
            let CreateWebhook { url, description, events } = new;
            Ok(management.create_webhook(&system(), account, &url, &description, &events).await?.into())
        }
        Records::Server(client) => Ok(client.create_webhook(account, &new).await?),
    }
}

async fn update_at(
    records: Records<'_>,
    account: &AccountId,
    id: &str,
    update: UpdateWebhook,
    version: u64,
) -> Result<Webhook, Error> {
    match records {
        Records::Database(management) => Ok(management.update_webhook(&system(), account, id, update, version).await?),
        Records::Server(client) => Ok(client.update_webhook(account, id, &update, version).await?),
    }
}

async fn remove(records: Records<'_>, account: &AccountId, id: &str, version: u64) -> Result<(), Error> {
    match records {
        Records::Database(management) => Ok(management.remove_webhook(&system(), account, id, version).await?),
        Records::Server(client) => Ok(client.remove_webhook(account, id, version).await?),
    }
}

async fn rotate_secret(
    records: Records<'_>,
    account: &AccountId,
    id: &str,
    overlap: Duration,
) -> Result<IssuedWebhook, Error> {
    match records {
        Records::Database(management) => {
            Ok(management.rotate_webhook_secret(&system(), account, id, Some(overlap)).await?.into())
        }
        Records::Server(client) => {
            // The server refuses a longer overlap.
            let seconds = u32::try_from(overlap.as_secs()).unwrap_or(u32::MAX);
            Ok(client.rotate_webhook_secret(account, id, seconds).await?)
        }
    }
}

async fn test(records: Records<'_>, account: &AccountId, id: &str) -> Result<Delivery, Error> {
    match records {
        Records::Database(management) => Ok(management.test_webhook(&system(), account, id).await?),
        Records::Server(client) => Ok(client.test_webhook(account, id).await?),
    }
}

async fn deliveries(records: Records<'_>, account: &AccountId, id: &str, limit: usize) -> Result<Vec<Delivery>, Error> {
    match records {
        Records::Database(management) => {
            let (mut found, mut after) = (Vec::new(), None);
            while found.len() < limit {
                let page = PageRequest { after, limit: limit - found.len() };
                let page = management.deliveries(&system(), account, id, &page).await?;
                found.extend(page.items);
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            Ok(found)
        }
        Records::Server(client) => Ok(client.walk_deliveries(account, id).at_most(limit).await?),
    }
}

async fn redeliver(records: Records<'_>, account: &AccountId, id: &str, delivery: &str) -> Result<Delivery, Error> {
    match records {
        Records::Database(management) => Ok(management.redeliver(&system(), account, id, delivery).await?),
        Records::Server(client) => Ok(client.redeliver(account, id, delivery).await?),
    }
}

fn print_secret(issued: &IssuedWebhook) -> Result<(), Error> {
    let Webhook { id, url, .. } = &issued.webhook;
    note!(
        "the webhook {id} sends {} to {url}. This secret verifies its signatures, and is shown once",
        kinds(&issued.webhook)
    );
    output::line(issued.secret.expose())
}

fn kinds(webhook: &Webhook) -> String {
    if webhook.events.is_empty() {
        return "all events".to_owned();
    }
    webhook.events.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn table(webhooks: &[Webhook]) -> String {
    output::table(["WEBHOOK", "URL", "EVENTS", "STATE", "DESCRIPTION"], webhooks, |webhook| {
        let state = match (webhook.state, &webhook.disabled_reason, webhook.failing_since, &webhook.responsible) {
            (WebhookState::Failing, _, Some(since), _) => format!("failing since {since}"),
            (WebhookState::Disabled, Some(reason), ..) => format!("disabled: {reason}"),
            (WebhookState::KeyInactive, _, _, Some(key)) => format!("gets nothing: {} does not work", key.id),
            (WebhookState::AccountSuspended, ..) => "gets nothing: the account is suspended".to_owned(),
            (state, ..) => state.as_str().to_owned(),
        };
        [webhook.id.clone(), webhook.url.clone(), kinds(webhook), state, webhook.description.clone()]
    })
}

fn delivery_table(deliveries: &[Delivery]) -> String {
    output::table(
        ["DELIVERY", "EVENT", "AT", "STATE", "ATTEMPTS", "LAST ANSWER", "NEXT ATTEMPT"],
        deliveries,
        |delivery| {
            [
                delivery.id.clone(),
                delivery.kind.to_string(),
                delivery.created_at.to_string(),
                delivery.state.to_string(),
                delivery.attempts.len().to_string(),
                delivery.attempts.last().map_or_else(|| "-".to_owned(), answer),
                output::or_dash(delivery.next_attempt_at),
            ]
        },
    )
}

fn answer(attempt: &DeliveryAttempt) -> String {
    let status = attempt.status.map(|status| status.to_string());
    status.or_else(|| attempt.error.clone()).unwrap_or_else(|| "-".to_owned())
}
