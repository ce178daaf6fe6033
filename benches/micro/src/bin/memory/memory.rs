use keyward::adapter::{Check, Target, UnknownConnection};
use keyward::key::{KeyFormat, KeyKind};
use keyward::{Authenticator, Mode};
use serde_json::{Value, json};

use keyward_bench::fixture::{Everyone, keys, table};

const KEYS: usize = 1_000_000;

pub(crate) struct Memory {
    bytes_per_key: f64,
    flood_mebibytes: f64,
    known_key_survives: bool,
}

impl Memory {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "bytes_per_key_1m": self.bytes_per_key,
            "flood_of_1m_unknown_keys_mib": self.flood_mebibytes,
            "known_key_survives_the_flood": self.known_key_survives,
        })
    }
}

pub(crate) fn measure() -> Memory {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let authenticator = Authenticator::builder(Everyone).cache_capacity(2 * KEYS).build().unwrap();
    let format = KeyFormat::default();
    let held = allocation_counter::measure(|| {
        runtime.block_on(async {
            for _ in 0..KEYS {
                let key = format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once();
                let field = format!("Bearer {}", *key);
                authenticator.authenticate([field.as_bytes()]).await.unwrap();
            }
        });
    });
    assert_eq!(authenticator.cached_keys(), KEYS);
    let (flood_mebibytes, known_key_survives) = runtime.block_on(flood(&format));
    Memory { bytes_per_key: held.bytes_current as f64 / KEYS as f64, flood_mebibytes, known_key_survives }
}

/// Returns the memory in MiB, and whether a real key is still cached.
async fn flood(format: &KeyFormat) -> (f64, bool) {
    let known = keys(1);
    let field = format!("Bearer {}", known[0].0);
    let authenticator = Authenticator::builder(table(&known)).build().unwrap();
    authenticator.authenticate([field.as_bytes()]).await.unwrap();
    let before = resident();
    for _ in 0..KEYS {
        let key = format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once();
        assert!(authenticator.authenticate([format!("Bearer {}", *key).as_bytes()]).await.is_err());
    }
    let target = Target { method: "GET", path: "/", preflight: false, connection: &UnknownConnection };
    let hit = matches!(authenticator.check(target, [field.as_bytes()]), Check::Done(Ok(_)));
    ((resident() - before) / (1024.0 * 1024.0), hit)
}

fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident: f64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    resident * rustix::param::page_size() as f64
}
