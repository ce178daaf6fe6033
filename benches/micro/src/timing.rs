//! Whether timing distinguishes wrong keys, as in dudect (Reparaz, Balasch, Verbauwhede, 2017).

use std::hint::black_box;
use std::time::Instant;

use keyward::adapter::{Check, Target, UnknownConnection};
use keyward::key::{Digest, Hasher, KeyFormat, KeyKind};
use keyward::{Authenticator, Mode};
use serde_json::{Value, json};

use keyward_bench::fixture::{keys, table};

/// Characters that wrong keys of the second class share with a real key, behind the prefix.
const SHARED: usize = 20;
/// The shares of the fastest measurements, one test for each.
const KEPT: [f64; 5] = [0.5, 0.75, 0.9, 0.99, 1.0];
/// dudect's bound for a certain leak. Its bound for a probable leak is 10.
const GROSS: f64 = 500.0;

pub(crate) struct Timing {
    checked: f64,
    compared: f64,
    control: f64,
    samples: usize,
}

impl Timing {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "wrong_keys_max_t": self.checked,
            "digests_max_t": self.compared,
            "early_exit_control_max_t": self.control,
            "samples": self.samples,
        })
    }
}

/// Returns `true` if these figures show a certain leak.
pub(crate) fn is_gross(figures: &Value) -> bool {
    ["wrong_keys_max_t", "digests_max_t"].iter().any(|name| figures[name].as_f64().is_none_or(|t| t > GROSS))
}

pub(crate) fn measure(samples: usize) -> Timing {
    let (format, hasher) = (KeyFormat::default(), Hasher::default());
    let known = keys(1_000);
    let authenticator = Authenticator::new(table(&known));
    let target = Target { method: "GET", path: "/", preflight: false, connection: &UnknownConnection };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (key, _) in &known {
        let field = format!("Bearer {key}");
        assert!(runtime.block_on(authenticator.authenticate([field.as_bytes()])).is_ok());
    }

    // Half are random, and half share the first characters of a real key. All have a valid checksum.
    let fresh = || format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once().to_string();
    let real = &known[0].0;
    let shared = "kw_live_".len() + SHARED;
    let wrong: Vec<(bool, String)> = (0..samples)
        .map(|_| {
            let random = fresh();
            let is_alike = random.as_bytes()[10] % 2 == 0;
            // Both classes build a new string, so that both are written to memory in the same way.
            let source = if is_alike { real.clone() } else { fresh() };
            (is_alike, signed(&format!("{}{}", &source[..shared], &random[shared..random.len() - 6])))
        })
        .collect();
    let fields: Vec<(bool, String)> = wrong.iter().map(|(class, key)| (*class, format!("Bearer {key}"))).collect();
    let checked = max_t(&fields, |field| match authenticator.check(target, [field.as_bytes()]) {
        Check::Pending(pending) => drop(black_box(pending)),
        Check::Done(verdict) => panic!("a well-formed unknown key was decided without the store: {verdict:?}"),
    });

    let digest = |key: &str| hasher.digest(&format.parse(key.as_bytes()).unwrap());
    let stored = digest(real);
    // A digest that shares 31 bytes with the stored one. No key leads to it, so it is made directly.
    let digests: Vec<(bool, Digest)> = wrong
        .iter()
        .map(|(class, key)| {
            let random = digest(key);
            let mut bytes = if *class { *stored.as_bytes() } else { *random.as_bytes() };
            bytes[31] = !stored.as_bytes()[31];
            (*class, Digest::from_bytes(bytes))
        })
        .collect();
    let compared = max_t(&digests, |digest| assert!(!black_box(*digest == stored)));
    // A control that must show a leak: keys compared byte by byte with an early exit. It repeats, so that the clock's resolution
    // does not hide the difference.
    let control = max_t(&wrong, |key| {
        for _ in 0..16 {
            black_box(equal_early_exit(black_box(key.as_bytes()), black_box(real.as_bytes())));
        }
    });
    Timing { checked, compared, control, samples }
}

#[inline(never)]
fn equal_early_exit(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| black_box(a) == b)
}

fn max_t<T>(inputs: &[(bool, T)], run: impl Fn(&T)) -> f64 {
    let mut times: Vec<(bool, f64)> = Vec::with_capacity(inputs.len());
    for (class, input) in inputs {
        let begun = Instant::now();
        run(input);
        times.push((*class, begun.elapsed().as_nanos() as f64));
    }
    // Drops the first measurements, which are slow until caches are warm.
    let times = &times[times.len() / 10..];
    let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    KEPT.iter()
        .map(|kept| {
            let bound = sorted[((sorted.len() - 1) as f64 * kept) as usize];
            let of =
                |class| times.iter().filter(move |(own, time)| *own == class && *time <= bound).map(|(_, time)| *time);
            welch(of(false), of(true)).abs()
        })
        .fold(0.0, f64::max)
}

fn welch(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> f64 {
    let ((n, mean_a, variance_a), (m, mean_b, variance_b)) = (moments(a), moments(b));
    let spread = (variance_a / n + variance_b / m).sqrt();
    if spread > 0.0 { (mean_a - mean_b) / spread } else { 0.0 }
}

fn moments(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        n += 1.0;
        let delta = value - mean;
        mean += delta / n;
        squares += delta * (value - mean);
    }
    (n, mean, squares / (n - 1.0_f64).max(1.0))
}

fn signed(text: &str) -> String {
    const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let crc = u64::from(crc32fast::hash(text.as_bytes()));
    let digit = |place| char::from(BASE62[(crc / 62_u64.pow(place) % 62) as usize]);
    text.chars().chain((0..6).rev().map(digit)).collect()
}
