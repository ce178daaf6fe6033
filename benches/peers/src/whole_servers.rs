//! Each round measures all servers, so that other load affects all alike.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use keyward_bench::fixture::median;
use serde_json::{Value, json};

use crate::contenders::{ALL, Contender, Running};
use crate::wrk::{self, Questions};

struct Measured {
    contender: &'static Contender,
    rates: Vec<f64>,
    /// Microseconds of processor time per request.
    costs: Vec<f64>,
    busy: Vec<f64>,
    p99: Vec<f64>,
}

/// Measures the servers with these names, or all.
pub(crate) fn measure(rounds: usize, seconds: u32, folder: &Path, installed: &Path, only: &[String]) -> Value {
    let mut running: Vec<(&Contender, Running)> = Vec::new();
    let mut skipped = BTreeMap::new();
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    for contender in ALL.iter().filter(|contender| is_wanted(contender.name)) {
        match contender.start(folder, installed) {
            Ok(server) => running.push((contender, server)),
            Err(reason) => {
                println!("skipped: {}: {reason}", contender.name);
                skipped.insert(contender.name, reason);
            }
        }
    }
    let mut measured: Vec<Measured> = Vec::new();
    for (contender, server) in &running {
        check(contender, server);
        let [rates, costs, busy, p99] = [const { Vec::new() }; 4];
        measured.push(Measured { contender, rates, costs, busy, p99 });
    }
    // The first round warms up.
    for round in 0..=rounds {
        for ((contender, server), measured) in running.iter().zip(&mut measured) {
            let keys = server.place.keys();
            let seconds = if round == 0 { 1 } else { seconds };
            let questions = Questions { keys: &keys, scheme: contender.scheme, connections: 16, seconds, close: false };
            let before = taken(server);
            let answers = wrk::ask(server.place.port, &questions);
            let took = (taken(server) - before).as_secs_f64() * 1e6;
            assert_eq!(
                (answers.refused, answers.broken),
                (0, 0),
                "{} refused requests or broke connections",
                contender.name
            );
            if round > 0 {
                measured.rates.push(answers.rate());
                measured.costs.push(took / answers.requests as f64);
                measured.busy.push(took / answers.microseconds as f64);
                measured.p99.push(answers.p99_us as f64);
            }
        }
        println!("whole servers: round {round} of {rounds}");
    }
    figures(&measured, skipped)
}

/// A server that lets every key in is no comparison.
fn check(contender: &Contender, server: &Running) {
    let wrong = server.place.folder.join("wrong");
    std::fs::write(&wrong, "kw_live_wrong.wrong\n").unwrap();
    let questions = Questions { keys: &wrong, scheme: contender.scheme, connections: 1, seconds: 1, close: false };
    let answers = wrk::ask(server.place.port, &questions);
    let expected = if contender.checks() { answers.requests } else { 0 };
    assert_eq!(answers.refused, expected, "{} does not refuse a made-up key", contender.name);
}

fn taken(server: &Running) -> Duration {
    server.processes.iter().map(crate::process::Process::processor_time).sum()
}

fn figures(measured: &[Measured], skipped: BTreeMap<&str, String>) -> Value {
    let find = |name: &str| measured.iter().find(|measured| measured.contender.name == name);
    // Round by round, because a disturbance affects both alike.
    let ratio = |one: &Measured, other: &str| {
        find(other).map(|other| median(one.rates.iter().zip(&other.rates).map(|(one, other)| one / other).collect()))
    };
    let cost = |one: &Measured, other: &str| {
        find(other).map(|other| median(one.costs.iter().zip(&other.costs).map(|(one, other)| one / other).collect()))
    };
    let mut servers = serde_json::Map::new();
    let [mut own, mut axum, mut no_auth, mut keyward, mut cheap] = std::array::from_fn(|_| serde_json::Map::new());
    for one in measured {
        let name = one.contender.name;
        servers.insert(
            name.into(),
            json!({
                "requests_per_second": median(one.rates.clone()).round(),
                "processor_us_per_request": median(one.costs.clone()),
                "processor_busy": median(one.busy.clone()),
                "p99_us": median(one.p99.clone()),
            }),
        );
        axum.insert(name.into(), json!(ratio(one, "axum")));
        keyward.insert(name.into(), json!(ratio(one, "keyward_axum").map(|ratio| 1.0 / ratio)));
        cheap.insert(name.into(), json!(cost(one, "axum").map(|ratio| 1.0 / ratio)));
        if !one.contender.is_open() {
            let to_own = json!(ratio(one, one.contender.open));
            // A layer is compared with its own framework, and a server of another kind with the axum server.
            let base = if name == "keyward_actix" { to_own.clone() } else { axum[name].clone() };
            if one.contender.checks() {
                no_auth.insert(name.into(), base);
            }
            own.insert(name.into(), to_own);
        }
    }
    json!({
        "servers": servers,
        "rps_ratio_to_no_auth": no_auth,
        "rps_ratio_to_own_no_auth": own,
        "rps_ratio_to_axum_no_auth": axum,
        "rps_per_processor_ratio_to_axum_no_auth": cheap,
        "keyward_axum_rps_ratio_to": keyward,
        "skipped": skipped,
    })
}
