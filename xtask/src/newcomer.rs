use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::error::Error;
use crate::fresh::{FreshPackage, TOKIO};

const MAIN: &str = r#"use axum::{Router, routing::get};
use keyward::axum::{AuthLayer, Authenticated};
use keyward::{AccountRecord, Keys, NewKey, sqlite::SqliteStore};

async fn whoami(caller: Authenticated) -> String { caller.account().to_string() }

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = SqliteStore::open("keys.db")?;
    let keys = Keys::new(store.clone());
    keys.put_account(&AccountRecord::new("acct_1".parse()?, "Example Ltd")).await?;
    let issued = keys.issue(NewKey::secret("acct_1".parse()?, "my first key")).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{} {}", listener.local_addr()?, *issued.key.expose_once());
    axum::serve(listener, Router::new().route("/", get(whoami)).layer(AuthLayer::new(store))).await?;
    Ok(())
}
"#;

const SOON: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Result<(), Error> {
    let package = FreshPackage::create("newcomer")?;
    package.add(&["axum"])?;
    package.add(&TOKIO)?;
    let mut service = package.build(MAIN)?;
    let mut service = service
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| Error::Start { command: "the first service of a new user".to_owned(), source })?;
    let outcome = call(&mut service);
    // The service runs until it is killed.
    let _ = service.kill();
    let _ = service.wait();
    outcome
}

fn call(service: &mut Child) -> Result<(), Error> {
    let mut line = String::new();
    if let Some(output) = service.stdout.take() {
        BufReader::new(output).read_line(&mut line).map_err(|source| cannot_call(&source))?;
    }
    let (address, key) = line.trim().split_once(' ').ok_or_else(|| unexpected("an address and a key", &line))?;
    let address = address.parse().map_err(|_| unexpected("an address", &line))?;
    let without = answer(address, "").map_err(|source| cannot_call(&source))?;
    let with = answer(address, &format!("Authorization: Bearer {key}\r\n")).map_err(|source| cannot_call(&source))?;
    if !without.starts_with("HTTP/1.1 401 ") {
        return Err(unexpected("401 without a key", &without));
    }
    if !(with.starts_with("HTTP/1.1 200 ") && with.ends_with("acct_1")) {
        return Err(unexpected("200 and the account with a key", &with));
    }
    println!("checked: the first service of a new user answers 401 without a key and 200 with one");
    Ok(())
}

fn answer(address: SocketAddr, field: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, SOON)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{field}\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn unexpected(expected: &str, got: &str) -> Error {
    // The first line, without the key.
    let got = got.lines().next().unwrap_or("").split("kw_").next().unwrap_or("");
    Error::Newcomer(format!("expected {expected}, got {got:?}"))
}

fn cannot_call(source: &std::io::Error) -> Error {
    Error::Newcomer(format!("the service does not answer: {source}"))
}
