//! The server's time for each page of a site with 10,000 keys and 1,000 accounts.
//!
//! `cargo xtask verify --only pages` names a release build of the program in `KEYWARD_PAGES_OF`, and the bounds are strict.

#![allow(clippy::print_stdout)] // Shows the figures.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyward_needs::missing;
use keyward_tests::program::{Program, package_program, skip_part};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::http::Client;
use crate::large_site::{Known, Store};
use crate::routes::pages_of_the_dashboard;

const PROGRAM: &str = "KEYWARD_PAGES_OF";
const PAGE: Duration = Duration::from_millis(100);
/// Pages that add up the counts of all keys.
const COUNTED: Duration = Duration::from_millis(200);
/// A file has all keys, or all entries of the audit log.
const FILE: Duration = Duration::from_secs(1);
/// A debug build of the program is compared with itself on a small site.
const GROWTH: u32 = 6;
const SLACK: Duration = Duration::from_millis(60);
/// Beside other work, a page waits for the processor. A page that waits for a lock takes longer.
const BUSY: u32 = 3;

/// Routes that cannot answer with a page or a file here.
const NOT_HERE: [(&str, &str); 5] = [
    ("/accounts/{account}/members/{id}/second-factor", "the member has no second factor"),
    ("/dashboard/{asset}", "a file of the program"),
    ("/login/oidc", "there is no identity provider"),
    ("/login/oidc/callback", "there is no identity provider"),
    ("/settings/second-factor/passkeys/{passkey}", "the owner has no passkey"),
];

/// Parts of a large list.
const LISTS: [&str; 18] = [
    "/accounts/{account}/keys?inactive=1",
    "/accounts/{account}/keys?q=9999",
    "/accounts/{account}/keys?status=revoked",
    "/accounts/{account}/keys?inactive=1&sort=name&page=300",
    "/accounts/{account}/keys?sort=-used&size=100",
    "/accounts/{account}/keys?sort=-scopes&size=100",
    "/accounts/{account}/keys?sort=-requests&size=100",
    "/accounts/{account}/keys?inactive=1&sort=requests&page=300",
    "/accounts/{account}/usage?days=1",
    "/accounts/{account}/usage?days=90&outcome=key_revoked",
    "/accounts/{account}/audit?action=key.create",
    "/accounts/{account}/audit?actor={user}",
    "/accounts/operator/audit",
    "/accounts/operator/usage",
    "/accounts?q=customer+99",
    "/accounts?q=nothing+like+it",
    "/users?q=user99",
    "/users?q=nothing+like+it",
];

struct Served<'a> {
    program: Program,
    store: &'a Store,
}

struct Times {
    /// Of the processes, which does not depend on other work of the machine.
    cpu: Duration,
    fastest: Duration,
}

fn program() -> PathBuf {
    std::env::var_os(PROGRAM).map_or_else(|| package_program("keyward-cli", "keyward"), PathBuf::from)
}

impl<'a> Served<'a> {
    fn start(store: &'a Store) -> Self {
        let mut command = Command::new(program());
        command.env_remove("KEYWARD_SERVER").arg("--database").arg(store.database());
        command.args(["serve", "--listen", "127.0.0.1:0", "--recent-requests", "true"]).stdin(Stdio::null());
        let (program, _) = Program::of(&mut command);
        Self { program, store }
    }

    /// The time that all processes together have worked.
    fn cpu(&self) -> Duration {
        let processes = self.store.processes().into_iter().chain([self.program.process.id()]);
        let clocks = processes.filter_map(|id| clock_getcpuclockid(Pid::from_raw(id.try_into().unwrap())).ok());
        clocks.filter_map(|clock| clock.now().ok()).map(Duration::from).sum()
    }

    async fn time(&self, client: &mut Client, path: &str, runs: usize) -> Times {
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        // The first opens connections, and reads what later pages have in memory.
        client.get(path).await;
        for _ in 0..runs {
            let (before, began) = (self.cpu(), Instant::now());
            let answer = client.get(path).await;
            wall.push(began.elapsed());
            cpu.push(self.cpu().saturating_sub(before));
            assert!(matches!(answer.status, 200 | 303), "{path}: {} {}", answer.status, answer.body);
        }
        cpu.sort_unstable();
        Times { cpu: cpu[runs / 2], fastest: wall.into_iter().min().unwrap() }
    }
}

fn paths(known: &Known) -> Vec<String> {
    let mut paths: Vec<String> = pages_of_the_dashboard()
        .into_iter()
        .filter(|route| !NOT_HERE.iter().any(|(known, _)| known == route))
        .collect();
    paths.extend(LISTS.map(str::to_owned));
    let filled = paths.into_iter().map(|path| match path.as_str() {
        "/accounts/{account}/keys/selected" => format!("{path}?action=revoke&{}", known.selection()),
        "/account" => format!("{path}?account={}", known.account),
        "/login/link" => format!("{path}?link=kwl_wrong"),
        _ => path,
    });
    let filled = filled.map(|path| {
        let of_id = path.split('/').collect::<Vec<_>>();
        let before = of_id.iter().position(|part| part.starts_with("{id}")).map(|at| of_id[at - 1]);
        let id = match before {
            Some("keys") => &known.key,
            Some("members" | "users") => &known.user,
            Some("webhooks") => &known.webhook,
            None => "",
            Some(other) => panic!("{path}: nothing is known for the id after {other}"),
        };
        let path = path.replace("{id}", id).replace("{account}", &known.account).replace("{plan}", "Pro");
        path.replace("{user}", &known.user)
    });
    filled.collect()
}

/// Pages for people who are not signed in.
fn is_open(path: &str) -> bool {
    ["/login", "/register", "/forgot", "/reset"].iter().any(|open| path.starts_with(open))
}

async fn times(store: &Store, known: &Known, runs: usize) -> Vec<(String, Times)> {
    let served = Served::start(store);
    let mut signed_in = Client::at(served.program.url.clone());
    signed_in.cookies.insert("keyward_session".to_owned(), known.session.clone());
    let mut stranger = Client::at(served.program.url.clone());
    let mut times = Vec::new();
    for path in paths(known) {
        let client = if is_open(&path) { &mut stranger } else { &mut signed_in };
        let time = served.time(client, &path, runs).await;
        times.push((path, time));
    }
    served.program.stop();
    times
}

async fn check(store: Store, name: &str) {
    let is_release = std::env::var_os(PROGRAM).is_some();
    let runs = if is_release { 9 } else { 5 };
    let known = store.begin().await;
    let small = times(&store, &known, runs).await;
    store.grow(&known).await;
    let large = times(&store, &known, runs).await;
    let mut slow = Vec::new();
    for ((path, few), (_, many)) in small.iter().zip(&large) {
        let is_file = path.contains("/export");
        println!("{name} {path}: {:?} of the processor, {:?} in all; with few {:?}", many.cpu, many.fastest, few.cpu);
        let is_counted = path.contains("/usage") || path.contains("requests");
        let bound = match (is_release, is_file) {
            (true, true) => FILE,
            (true, false) if is_counted => COUNTED,
            (true, false) => PAGE,
            (false, true) => continue,
            (false, false) if is_counted => (few.cpu * GROWTH + SLACK).max(COUNTED * 3),
            (false, false) => few.cpu * GROWTH + SLACK,
        };
        if many.cpu > bound || (is_release && many.fastest > BUSY * bound) {
            slow.push(format!(
                "{path} takes {:?} of the processor and {:?} in all, more than {bound:?}",
                many.cpu, many.fastest
            ));
        }
    }
    assert!(slow.is_empty(), "on {name}:\n{}", slow.join("\n"));
}

#[tokio::test]
async fn each_page_of_a_large_site_on_sqlite_is_quick() {
    check(Store::sqlite(), "SQLite").await;
}

#[tokio::test]
async fn each_page_of_a_large_site_on_postgresql_is_quick() {
    match missing!(postgresql) {
        None => check(Store::postgresql().await, "PostgreSQL").await,
        Some(reason) => skip_part(reason),
    }
}
