//! The same one-line handler, with keyward in front of it and without.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{App, HttpResponse, HttpServer, web};
use axum::extract::Request;
use axum::http::{Method, header};
use axum::routing::get;
use axum::{Router, ServiceExt};
use clap::ValueEnum;
use keyward::key::{Digest, KeyFormat, KeyKind};
use keyward::serve::Limits;
use keyward::sqlite::SqliteStore;
use keyward::store::{Found, Freshness, KeyStore, KeyUse, StoreError, async_trait};
use keyward::{AccountRecord, AuthLayer, Authenticator, Keys, Mode, NewKey};
use tokio::net::TcpListener;
use tower::Layer;
use tower::util::MapRequestLayer;

pub(crate) const BODY: &str = r#"{"ok":true}"#;
pub(crate) const PATH: &str = "/v1/resources";

#[derive(clap::Args)]
pub(crate) struct Options {
    kind: Kind,
    /// Listen on this port of 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// Write the issued keys to this file, one a line.
    #[arg(long)]
    keys: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Axum,
    /// With a layer that does nothing, to measure the cost of any layer in axum.
    AxumIdleLayer,
    /// With the header that keyward adds to an answer, to measure the cost of sending it.
    AxumSameHeaders,
    KeywardAxum,
    /// With keyward's layer around the finished router.
    KeywardAroundAxum,
    Actix,
    KeywardActix,
    Gateway,
    Load,
}

pub(crate) fn run(options: &Options) {
    match options.kind {
        Kind::Actix | Kind::KeywardActix => actix_web::rt::System::new().block_on(actix(options)),
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(on_tokio(options)),
    }
}

async fn on_tokio(options: &Options) {
    let address = ("127.0.0.1", options.port);
    let resources = || Router::new().route(PATH, get(async || ([(header::CONTENT_TYPE, "application/json")], BODY)));
    let router = match options.kind {
        Kind::KeywardAxum => resources().layer(AuthLayer::new(store(&options.keys).await)),
        Kind::Gateway => keyward::gateway::forward_auth(Authenticator::new(store(&options.keys).await)),
        Kind::AxumIdleLayer => {
            made_up(&options.keys, KEYS);
            resources().layer(MapRequestLayer::new(|request: Request| request))
        }
        Kind::AxumSameHeaders => {
            made_up(&options.keys, KEYS);
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "private, no-store")];
            Router::new().route(PATH, get(async move || (headers, BODY)))
        }
        Kind::KeywardAroundAxum => {
            let app = AuthLayer::new(store(&options.keys).await).layer(resources());
            let listener = TcpListener::bind(address).await.unwrap();
            return axum::serve(listener, ServiceExt::<Request>::into_make_service(app)).await.unwrap();
        }
        Kind::Load => return under_load(options, resources()).await,
        _ => {
            made_up(&options.keys, KEYS);
            resources()
        }
    };
    axum::serve(TcpListener::bind(address).await.unwrap(), router).await.unwrap();
}

async fn actix(options: &Options) {
    let answer = async || HttpResponse::Ok().content_type("application/json").body(BODY);
    let address = ("127.0.0.1", options.port);
    if matches!(options.kind, Kind::KeywardActix) {
        let authenticator = Authenticator::new(store(&options.keys).await);
        let app = move || {
            let auth = keyward::actix::Auth::from(authenticator.clone());
            App::new().wrap(auth).route(PATH, web::get().to(answer))
        };
        HttpServer::new(app).bind(address).unwrap().run().await.unwrap();
    } else {
        made_up(&options.keys, KEYS);
        HttpServer::new(move || App::new().route(PATH, web::get().to(answer)))
            .bind(address)
            .unwrap()
            .run()
            .await
            .unwrap();
    }
}

async fn under_load(options: &Options, resources: Router) {
    let counted = Counted { store: store(&options.keys).await, reads: Arc::default(), under_way: Arc::default() };
    let (reads, under_way) = (Arc::clone(&counted.reads), Arc::clone(&counted.under_way));
    let authenticator = Authenticator::builder(counted).exempt(Method::GET, "/counts").build().unwrap();
    let cached = authenticator.clone();
    let counts = async move || {
        format!(
            r#"{{"reads":{},"most_at_once":{},"cached_keys":{}}}"#,
            reads.load(Ordering::Relaxed),
            under_way.most.load(Ordering::Relaxed),
            cached.cached_keys()
        )
    };
    let router = resources.route("/counts", get(counts)).layer(AuthLayer::from(authenticator));
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await.unwrap();
    keyward::serve::serve(listener, router, keyward::serve::shutdown_signal().unwrap(), Limits::default()).await;
}

struct Counted {
    store: SqliteStore,
    reads: Arc<AtomicU64>,
    under_way: Arc<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    now: AtomicU64,
    most: AtomicU64,
}

/// Ends with its answer, or when it is given up after a time-out.
struct Reading<'a>(&'a UnderWay);

impl<'a> Reading<'a> {
    fn begin(under_way: &'a UnderWay) -> Self {
        let now = under_way.now.fetch_add(1, Ordering::Relaxed) + 1;
        under_way.most.fetch_max(now, Ordering::Relaxed);
        Self(under_way)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl KeyStore for Counted {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let _reading = Reading::begin(&self.under_way);
        // Lets other reads start, because SQLite reads in the calling thread without waiting.
        tokio::task::yield_now().await;
        self.store.find(digest).await
    }

    fn freshness(&self) -> Freshness {
        self.store.freshness()
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        self.store.record_use(uses).await
    }
}

pub(crate) const KEYS: usize = 100;

async fn store(file: &Path) -> SqliteStore {
    let store = SqliteStore::temporary().unwrap();
    let keys = Keys::new(store.clone());
    let account = AccountRecord::new("acct_demo".parse().unwrap(), "Demo");
    keys.put_account(&account).await.unwrap();
    let mut issued = Vec::with_capacity(KEYS);
    for number in 0..KEYS {
        let key = keys.issue(NewKey::secret(account.id.clone(), format!("key {number}"))).await.unwrap().key;
        issued.push(key.expose_once().to_string());
    }
    fs::write(file, issued.join("\n") + "\n").unwrap();
    store
}

/// Writes well-formed unknown keys, one a line.
pub(crate) fn made_up(file: &Path, count: usize) {
    let format = KeyFormat::default();
    let key = |_| format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once().to_string();
    let keys: Vec<String> = (0..count).map(key).collect();
    fs::write(file, keys.join("\n") + "\n").unwrap();
}
