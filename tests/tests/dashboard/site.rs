use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use argon2::Params;
use axum::Router;
use axum::routing::get;
use keyward::adapter::AuthenticatorBuilder;
use keyward::clock::ManualClock;
use keyward::manage::{
    Actor, Context, DashboardSettings, Management, ManagementBuilder, NewUser, PostgresManagementStore, SignUpPolicy,
    SqliteManagementStore, dashboard,
};
use keyward::sqlite::{SqliteLimits, SqliteStore};
use keyward::{AuthLayer, Authenticator, Scope};
use keyward_tests::service::Listening;

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Site {
    pub(crate) management: Management,
    pub(crate) store: SqliteStore,
    pub(crate) authenticator: Authenticator,
    listening: Listening,
    /// The API of the provider, which the example of [`Site::calling_its_api`] leads to.
    api: Listening,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::build(|management| management).await
    }

    /// Its time stands still until the test moves it.
    pub(crate) async fn with_clock(
        change: impl FnOnce(ManagementBuilder) -> ManagementBuilder,
    ) -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(std::time::SystemTime::now().into()));
        let time = Arc::<ManualClock>::clone(&clock);
        (Self::build(|management| change(management.clock(time))).await, clock)
    }

    pub(crate) async fn with_owner_and_clock() -> (Self, Arc<ManualClock>) {
        let (site, clock) = Self::with_clock(|management| management).await;
        site.add_owner().await;
        (site, clock)
    }

    pub(crate) async fn build(change: impl FnOnce(ManagementBuilder) -> ManagementBuilder) -> Self {
        Self::build_with(change, |settings| settings).await
    }

    pub(crate) async fn build_with(
        change: impl FnOnce(ManagementBuilder) -> ManagementBuilder,
        adapt: impl FnOnce(DashboardSettings) -> DashboardSettings,
    ) -> Self {
        let store = SqliteStore::temporary().unwrap();
        let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
            .limits(SqliteLimits::new(&store));
        let keys = Authenticator::builder(store.clone());
        Self::serve(store, change(quick(management)), keys, |settings, _| adapt(settings)).await
    }

    /// Its configuration has the URL of its own API as the example.
    pub(crate) async fn calling_its_api(change: impl FnOnce(ManagementBuilder) -> ManagementBuilder) -> Self {
        let store = SqliteStore::temporary().unwrap();
        let management = Management::builder(store.clone(), SqliteManagementStore::open(&store).unwrap())
            .limits(SqliteLimits::new(&store));
        let keys = Authenticator::builder(store.clone());
        Self::serve(store, change(quick(management)), keys, DashboardSettings::example_url).await
    }

    /// Its file of SQLite is empty.
    pub(crate) async fn on_postgres(change: impl FnOnce(ManagementBuilder) -> ManagementBuilder) -> Self {
        let store = keyward_tests::postgres::store(&keyward_tests::postgres::database()).await;
        let management = Management::builder(store.clone(), PostgresManagementStore::open(&store).await.unwrap());
        let keys = Authenticator::builder(store);
        Self::serve(SqliteStore::temporary().unwrap(), change(quick(management)), keys, |settings, _| settings).await
    }

    async fn serve(
        store: SqliteStore,
        management: ManagementBuilder,
        keys: AuthenticatorBuilder,
        adapt: impl FnOnce(DashboardSettings, String) -> DashboardSettings,
    ) -> Self {
        let management = management.build().unwrap();
        let authenticator =
            keys.on_event(management.usage_hook()).last_used_interval(Duration::from_secs(1)).build().unwrap();
        let settings = DashboardSettings::new("Example API")
            .scope(Scope::from_static("resources:read"), "List and retrieve resources")
            .scope(Scope::from_static("resources:write"), "Create, change and delete resources")
            .example_url("https://api.example.com/v1/resources")
            .answer_unknown_paths();
        let routes = Router::new().route("/api", get(async || "in")).layer(AuthLayer::from(authenticator.clone()));
        let api = Listening::start(routes.clone()).await;
        let settings = adapt(settings, format!("http://{}/api", api.address));
        let listening = Listening::start(routes.merge(dashboard(management.clone(), settings))).await;
        Self { management, store, authenticator, listening, api }
    }

    pub(crate) async fn with_owner() -> Self {
        let site = Self::start().await;
        site.add_owner().await;
        site
    }

    pub(crate) async fn add_owner(&self) {
        let system = Actor::system("test", Context::new());
        self.management.create_owner(&system, NewUser::new(EMAIL, "Ada", PASSWORD)).await.unwrap();
    }

    pub(crate) async fn owner(&self) -> Actor {
        let session = self.management.sign_in(&Context::new(), EMAIL, PASSWORD).await.unwrap().session;
        self.management.session(&session, Context::new()).await.unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listening.address
    }

    pub(crate) fn api_url(&self) -> String {
        format!("http://{}/api", self.api.address)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The same under a name, as passkeys need it.
    pub(crate) fn local_url(&self) -> String {
        format!("http://localhost:{}", self.address().port())
    }

    pub(crate) async fn call_api(&self, key: &str) -> u16 {
        crate::http::Client::new(self).bearer(key).get("/api").await.status
    }

    pub(crate) fn assert_kept_nowhere(&self, secrets: &[&str]) {
        let path = self.store.path();
        let mut places = vec![("the log".to_owned(), logged().into_bytes())];
        for ending in ["", "-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(ending);
            places.push((format!("the database{ending}"), std::fs::read(&file).unwrap_or_default()));
        }
        assert!(!places[1].1.is_empty(), "the database was not read");
        for secret in secrets {
            assert!(secret.len() > 10, "{secret:?} is too short for a secret");
            for (place, bytes) in &places {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "the secret {secret:?} of this test is in {place}");
            }
        }
    }
}

fn quick(management: ManagementBuilder) -> ManagementBuilder {
    let many = NonZeroU32::new(10_000).unwrap();
    management
        .password_params(Params::new(8, 1, 1, None).unwrap())
        .sign_in_attempts(many, many)
        .sign_up(SignUpPolicy::Open)
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[derive(Clone)]
struct Writer;

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn keep_log() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_writer(|| Writer).with_ansi(false).with_max_level(tracing::Level::TRACE).init();
    });
    tracing::trace!("the log is kept");
}

fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}

/// Counts requests of a key of the operator in the spans of their day.
pub(crate) fn add_spans(connection: &rusqlite::Connection, day: i64, key: &str, outcome: &str, times: i64) {
    let sql = "INSERT INTO desk_spans VALUES ('operator', ?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT DO UPDATE SET times = times + excluded.times";
    for days in [1, 4, 16] {
        connection.execute(sql, (days, day - day % days, key, outcome, times)).unwrap();
    }
}
