use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use keyward_bench::fixture::median;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::contenders::serve;
use crate::hostile::{self, Attack};
use crate::process::{Process, free_port};
use crate::serve::{KEYS, PATH, made_up};
use crate::wrk::{self, Answers, Questions};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run for this many seconds in total.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Write the figures to this file.
    #[arg(long)]
    json: PathBuf,
}

const PHASE: u32 = 2;
/// Fewer unknown keys than the negative cache holds.
const UNKNOWN: usize = 5_000;
const FLOOD: usize = 50_000;
/// The default of `store_concurrency`.
const READS_AT_ONCE: u64 = 64;
/// The default of `negative_max_age`, in seconds.
const REFUSAL_KEPT: u64 = 60;
/// The allowed variation of memory, by allocators and the kernel's buffers.
const SWAY: u64 = 16 << 20;
/// The largest cost of a refusal, in valid requests: its answer is longer than the handler's.
const REFUSAL: f64 = 1.5;
const SLOW_CLIENTS: usize = 200;

#[derive(Deserialize)]
struct Counts {
    reads: u64,
    most_at_once: u64,
    cached_keys: usize,
}

struct Phase {
    name: &'static str,
    keys: PathBuf,
    connections: u32,
    close: bool,
    slow: bool,
    attack: Option<Attack>,
    refused: (f64, f64),
}

struct Server {
    process: Process,
    port: u16,
}

#[derive(Default)]
struct Totals {
    requests: u64,
    costs: Vec<f64>,
    reads: u64,
}

pub(crate) fn run(options: &Options) {
    let folder = tempfile::Builder::new().prefix("keyward-load-").tempdir().unwrap();
    let port = free_port();
    let valid = folder.path().join("valid");
    let process = Process::start(&serve("load", port, &valid), port, &folder.path().join("log")).unwrap();
    let server = Server { process, port };
    let phases = phases(folder.path(), valid);
    let rounds = (options.seconds / (PHASE * phases.len() as u32)).max(1);
    let mut totals: Vec<Totals> = phases.iter().map(|_| Totals::default()).collect();
    // The first round only warms up.
    let (mut settled, mut begun) = (0, Instant::now());
    let mut resident = Vec::new();
    for round in 0..=rounds {
        for (phase, totals) in phases.iter().zip(&mut totals) {
            let (answers, cost, reads) = server.go_through(phase);
            if round > 0 {
                totals.requests += answers.requests;
                totals.costs.push(cost);
                totals.reads += reads;
            }
        }
        if round == 0 {
            begun = Instant::now();
        }
        // The attackers' connections fill the allocator in two rounds. After that, memory must not grow.
        if round == 1.min(rounds.saturating_sub(1)) {
            settled = server.process.resident();
        }
        resident.push(server.process.resident());
        println!("load: round {round} of {rounds}, {} KiB", server.process.resident() / 1024);
    }
    let counts = server.counts();
    let figures = figures(&phases, &totals, &resident, &counts);
    println!("{figures:#}");
    fs::write(&options.json, serde_json::to_string_pretty(&figures).unwrap()).unwrap();

    let end = *resident.last().unwrap();
    assert!(end <= settled + SWAY, "memory grew from {settled} to {end} bytes");
    assert!(counts.most_at_once <= READS_AT_ONCE, "{} reads of the store at once", counts.most_at_once);
    assert_eq!(counts.cached_keys, KEYS, "a real key was evicted");
    // By the clock, because a busy machine takes longer than the phases. A refusal is cached for a minute. One more minute allows
    // for reads that were given up and repeated.
    let minutes = begun.elapsed().as_secs() / REFUSAL_KEPT + 2;
    // The flood of each round evicts the cached refusals.
    let floods = minutes + u64::from(rounds);
    for (phase, totals) in phases.iter().zip(&totals) {
        let bound = match phase.name {
            "unknown" => UNKNOWN as u64 * floods,
            // Plus the requests in flight when `wrk` stopped, which it does not count.
            "flood" => totals.requests + u64::from(phase.connections * rounds),
            "forged" => 0,
            // A cached key is read again only after ten minutes. A third of the mixed keys is unknown.
            _ => (2 * KEYS) as u64 * floods,
        };
        assert!(totals.reads <= bound, "{}: {} reads of the store, {bound} at most", phase.name, totals.reads);
    }
    let forged = figures["forged_to_valid_processor_ratio"].as_f64().unwrap();
    assert!(forged <= REFUSAL, "a forged key costs {forged} times the processor time of a valid one");
}

fn phases(folder: &Path, valid: PathBuf) -> Vec<Phase> {
    let file = |name: &str| folder.join(name);
    made_up(&file("unknown"), UNKNOWN);
    made_up(&file("flood"), FLOOD);
    let unknown = fs::read_to_string(file("unknown")).unwrap();
    let forged: Vec<String> = unknown.lines().take(1_000).map(forge).collect();
    fs::write(file("forged"), forged.join("\n") + "\n").unwrap();
    let known = fs::read_to_string(&valid).unwrap();
    let mixed = known.lines().zip(&forged).zip(unknown.lines());
    let mixed: String = mixed.map(|((known, forged), unknown)| format!("{known}\n{forged}\n{unknown}\n")).collect();
    fs::write(file("mixed"), mixed).unwrap();
    let phase = |name, keys: PathBuf, refused| Phase {
        name,
        keys,
        connections: 16,
        close: false,
        slow: false,
        attack: None,
        refused,
    };
    let (none, all) = ((0.0, 0.0), (1.0, 1.0));
    vec![
        phase("valid", valid.clone(), none),
        phase("forged", file("forged"), all),
        // More connections than the reads that are allowed at once.
        Phase { connections: 128, ..phase("unknown", file("unknown"), all) },
        Phase { connections: 128, ..phase("flood", file("flood"), all) },
        phase("mixed", file("mixed"), (0.6, 0.72)),
        Phase { close: true, ..phase("churn", valid.clone(), none) },
        Phase { slow: true, ..phase("slow_clients", valid.clone(), none) },
        Phase { attack: Some(Attack::IdleHttp2), close: true, ..phase("idle_http2", valid.clone(), none) },
        Phase { attack: Some(Attack::NeverRead), close: true, ..phase("never_read", valid, none) },
    ]
}

fn forge(key: &str) -> String {
    let (rest, last) = key.split_at(key.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

impl Server {
    /// Returns answers, microseconds of processor time per request, and store reads.
    fn go_through(&self, phase: &Phase) -> (Answers, f64, u64) {
        let (reads, taken) = (self.counts().reads, self.process.processor_time());
        let questions = Questions {
            keys: &phase.keys,
            scheme: "Bearer ",
            connections: phase.connections,
            seconds: PHASE,
            close: phase.close,
        };
        let done = AtomicBool::new(false);
        let answers = std::thread::scope(|scope| {
            if phase.slow {
                scope.spawn(|| trickle(self.port, &done));
            }
            if let Some(attack) = phase.attack {
                let (in_place, is_in_place) = mpsc::channel();
                let done = &done;
                scope.spawn(move || hostile::attack(self.port, attack, &in_place, done));
                is_in_place.recv().unwrap();
                self.settle();
            }
            let answers = wrk::ask(self.port, &questions);
            done.store(true, Ordering::Relaxed);
            answers
        });
        assert_eq!(answers.broken, 0, "{}: connections broke", phase.name);
        assert!(answers.requests > 0, "{}: the server answered no request", phase.name);
        let refused = answers.refused as f64 / answers.requests as f64;
        let (least, most) = phase.refused;
        assert!((least..=most).contains(&refused), "{}: refused {refused}", phase.name);
        let taken = (self.process.processor_time() - taken).as_secs_f64() * 1e6;
        (answers, taken / answers.requests as f64, self.counts().reads - reads)
    }

    fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let asked = Instant::now();
            self.counts();
            if asked.elapsed() < Duration::from_millis(100) || asked > deadline {
                return;
            }
        }
    }

    fn counts(&self) -> Counts {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(b"GET /counts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    }
}

/// Sends a byte of a head now and then, and never the end.
fn trickle(port: u16, done: &AtomicBool) {
    let mut clients: Vec<TcpStream> =
        (0..SLOW_CLIENTS).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    for byte in format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nX-Slow: {}", "x".repeat(100)).bytes() {
        if done.load(Ordering::Relaxed) {
            break;
        }
        clients.retain_mut(|client| client.write_all(&[byte]).is_ok());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn figures(phases: &[Phase], totals: &[Totals], resident: &[u64], counts: &Counts) -> Value {
    let each: Map<String, Value> = phases
        .iter()
        .zip(totals)
        .map(|(phase, totals)| {
            let cost = median(totals.costs.clone());
            let figures =
                json!({ "requests": totals.requests, "processor_us_per_request": cost, "store_reads": totals.reads });
            (phase.name.to_owned(), figures)
        })
        .collect();
    // Round by round, because a disturbance mostly affects neighbouring phases alike.
    let costs = |name| phases.iter().zip(totals).find(|(phase, _)| phase.name == name).map(|(_, totals)| &totals.costs);
    let ratios = costs("forged").into_iter().flatten().zip(costs("valid").into_iter().flatten());
    let ratio = median(ratios.map(|(forged, valid)| forged / valid).collect());
    json!({
        "forged_to_valid_processor_ratio": ratio,
        "phases": each,
        "resident_kib_after_each_round": resident.iter().map(|bytes| bytes / 1024).collect::<Vec<_>>(),
        "most_store_reads_at_once": counts.most_at_once,
        "cached_keys": counts.cached_keys,
        "known_keys": KEYS,
    })
}
