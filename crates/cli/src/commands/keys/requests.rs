//! `keyward keys requests`

use clap::Args;
use keyward_client::RecentRequest;
use keyward_core::CredentialId;
use keyward_manage::PageRequest;

use crate::backend::{Backend, Records, system};
use crate::error::Error;
use crate::output;
use crate::values::{key_id, limit};

const NOTHING: &str =
    "no requests are recorded. Record them with keyward serve --recent-requests true, or in your service";

#[derive(Args)]
pub(in crate::commands) struct Requests {
    /// The id of the key.
    #[arg(value_parser = key_id)]
    pub(super) id: CredentialId,
    /// The most requests to print.
    #[arg(long, default_value = "50", value_parser = limit)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(backend: &Backend, command: &Requests) -> Result<(), Error> {
    let found = match backend.records()? {
        Records::Database(management) => {
            let page = PageRequest { limit: command.limit, ..PageRequest::default() };
            management.key_requests(&system(), &command.id, &page).await?.items
        }
        Records::Server(client) => client.walk_key_requests(&command.id)?.at_most(command.limit).await?,
    };
    output::list(&found, command.json, NOTHING, table)
}

fn table(requests: &[RecentRequest]) -> String {
    output::table(["TIME", "METHOD", "ROUTE", "NETWORK", "OUTCOME", "MISSING SCOPES"], requests, |request| {
        [
            request.at.to_string(),
            output::or_dash(request.method.as_ref()),
            output::or_dash(request.route.as_ref()),
            output::or_dash(request.network.as_ref()),
            request.outcome.clone(),
            output::or_dash(missing(request).as_ref()),
        ]
    })
}

fn missing(request: &RecentRequest) -> Option<String> {
    let between = if request.any_scope_suffices { " or " } else { " " };
    Some(request.missing_scopes.join(between)).filter(|missing| !missing.is_empty())
}
