//! Real nodes in this process, on a PostgreSQL server, to compare the simulation with.
//!
//! `cargo run --release -p keyward-simulation --example real -- postgres://… 3`

#![allow(clippy::print_stdout, reason = "a command line program speaks on its standard output")]

use std::error::Error;
use std::time::Duration;

use keyward::postgres::{PostgresOptions, PostgresStore};
use keyward::{AccountRecord, Authenticator, Keys, NewKey};

const REVOCATIONS: usize = 200;
const AT_REST: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("missing arguments: pass the URL of a database and the number of nodes".into());
    };
    let count: usize = count.parse()?;
    let keys = Keys::new(PostgresStore::connect(&url).await?);
    let account = AccountRecord::new("acct_real".parse()?, "Example Ltd");
    keys.put_account(&account).await?;
    let mut nodes = Vec::new();
    for _ in 0..count {
        let store = PostgresOptions::default().pool_size(2).connect(&url).await?;
        nodes.push(Authenticator::builder(store).build()?);
    }
    while registered(&keys).await?.0 < count {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let before = registered(&keys).await?.1;
    tokio::time::sleep(AT_REST).await;
    let renewals = registered(&keys).await?.1 - before;
    println!("at rest: {:.2} renewals per node and second", renewals as f64 / AT_REST.as_secs_f64() / count as f64);

    let mut took = Vec::new();
    for _ in 0..REVOCATIONS {
        let issued = keys.issue(NewKey::secret(account.id.clone(), "a key")).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
        took.push(keys.revoke(&issued.record.id).await?.propagation.took);
    }
    took.sort();
    println!("revoked on {count} nodes: p50 {:?}, p99 {:?}", took[REVOCATIONS / 2], took[REVOCATIONS * 99 / 100]);
    for node in nodes {
        node.shutdown().await;
    }
    Ok(())
}

async fn registered(keys: &Keys) -> Result<(usize, u64), Box<dyn Error>> {
    let nodes = keys.nodes().await?.map(|states| states.nodes).unwrap_or_default();
    Ok((nodes.len(), nodes.iter().map(|node| node.renewals).sum()))
}
