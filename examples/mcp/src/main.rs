//! An MCP server (streamable HTTP) that one keyward layer protects. Run it with `SEED_DEMO=1 cargo run -p mcp`.
//!
//! | tool | needs |
//! | --- | --- |
//! | `whoami` | a key |
//! | `list_notes` | the scope `notes:read` |
//! | `add_note` | the scope `notes:write` |
//!
//! The endpoint is `/mcp`. A request without a valid key gets 401 with a challenge, before its body is read. A call of a tool
//! without its scope gets a JSON-RPC error, whose `data` has the code.
//!
//! Refusals are JSON-RPC errors, too, because MCP clients show no other body. The server keeps no sessions, so each request shows its key, and a revoked key fails at the next call. Tools take the caller
//! from their request. `SEED_DEMO=1` creates the keys `full`, `read_only`, `no_scope`, `revoked` and `expired`.

mod allowed;
mod errors;
mod tools;

use std::error::Error;
use std::process::ExitCode;

use axum::Router;
use example_support::{Announcement, Demo, Environment};
use keyward::axum::AuthLayer;
use keyward::serve::{Limits, serve, shutdown_signal};
use keyward::{AccountRecord, Authenticator, Keys, NewKey};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::tools::Tools;

fn app(auth: AuthLayer) -> Router {
    // A public server adds its name: `with_allowed_hosts(["mcp.example.com"])`.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .enforce_origin_validation();
    let tools = Tools::default();
    let mcp = StreamableHttpService::new(move || Ok(tools.clone()), NeverSessionManager::default().into(), config);
    Router::new().nest_service("/mcp", mcp).layer(auth)
}

async fn seed(keys: &Keys, announcement: &mut Announcement) -> Result<(), Box<dyn Error>> {
    let account = AccountRecord::new("acct_demo".parse()?, "Demo");
    keys.put_account(&account).await?;
    let secret = |name| NewKey::secret(account.id.clone(), name);
    let mut demo = Demo::new(keys, announcement);
    demo.issue(secret("full")).await?;
    demo.issue(NewKey::restricted(account.id.clone(), "read_only", "notes:read".parse()?)).await?;
    demo.issue(NewKey::restricted(account.id.clone(), "no_scope", "other:read".parse()?)).await?;
    demo.issue(secret("short_lived_legacy")).await?;
    demo.issue(secret("short_lived_auto")).await?;
    demo.revoked(secret("revoked")).await?;
    demo.expired(secret("expired")).await
}

#[tokio::main]
async fn main() -> ExitCode {
    example_support::log_to_stderr();
    example_support::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_env()?;
    let store = environment.open_store()?;
    let authenticator = Authenticator::builder(store.clone()).renderer(errors::json_rpc).build()?;
    let app = app(authenticator.clone().into());

    let listener = environment.listen().await?;
    let mut announcement = Announcement::new(listener.local_addr()?);
    if environment.seed_demo {
        seed(&Keys::new(store), &mut announcement).await?;
    }
    let stop = shutdown_signal()?;
    announcement.write()?;

    serve(listener, app, stop, Limits::default()).await;
    authenticator.shutdown().await;
    Ok(())
}
