use std::net::{IpAddr, SocketAddr};

use axum::extract::connect_info::MockConnectInfo;
use axum::extract::{ConnectInfo, MatchedPath};
use http::{Extensions, HeaderMap, Method};
use keyward_core::adapter::{self, Http, Protocol, Respond};
use keyward_core::render::Refusal;
use keyward_core::store::KeyStore;
use keyward_core::{Authenticator, PeerAddress};
use tower_layer::Layer;

/// A [`keyward_core::AuthLayer`] that also reads the peer's address from [`ConnectInfo`].
///
/// [`PeerAddress`] in the request's extensions takes precedence. [`MockConnectInfo`] comes last.
///
/// # Examples
/// ```no_run
/// use std::net::SocketAddr;
///
/// use axum::{Router, routing::get};
/// use keyward::MemoryStore;
/// use keyward::axum::AuthLayer;
///
/// # async fn run() -> std::io::Result<()> {
/// let app = Router::new().route("/", get(async || "in")).layer(AuthLayer::new(MemoryStore::new()));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AuthLayer {
    authenticator: Authenticator,
}

impl AuthLayer {
    /// Creates a layer with the default settings.
    ///
    /// # Panics
    /// If no thread can be started. See [`Authenticator::builder`].
    #[must_use]
    pub fn new(store: impl KeyStore) -> Self {
        Authenticator::new(store).into()
    }

    /// Returns the authenticator.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl From<Authenticator> for AuthLayer {
    fn from(authenticator: Authenticator) -> Self {
        Self { authenticator }
    }
}

/// Shares the layer's authenticator and cache.
impl From<keyward_core::AuthLayer> for AuthLayer {
    fn from(layer: keyward_core::AuthLayer) -> Self {
        layer.authenticator().clone().into()
    }
}

impl From<AuthLayer> for keyward_core::AuthLayer {
    fn from(layer: AuthLayer) -> Self {
        layer.authenticator.into()
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService::new(inner, self.authenticator.clone())
    }
}

/// A layer that states each request's method, route and client, for a record of recent requests.
///
/// Add it directly after the [`AuthLayer`], with `Router::layer` for both: then the pattern of the route is known, also if the key is
/// refused. Around a finished router, add it to the routes, too.
///
/// # Examples
/// ```
/// use axum::{Router, routing::get};
/// use keyward::axum::{AuthLayer, RecentRequestsLayer};
/// use keyward::manage::{Management, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).recent_requests().build()?;
/// let authenticator = management.verifier()?;
/// let app: Router = Router::new()
///     .route("/v1/videos/{id}", get(async || "a video"))
///     .layer(AuthLayer::from(authenticator.clone()))
///     .layer(RecentRequestsLayer::new(&authenticator));
/// tokio::spawn(async move { management.run_recent_requests().await });
/// # let _ = app;
/// # Ok(()) }
/// ```
pub type RecentRequestsLayer = adapter::ObserveLayer<Axum>;

/// A service behind an [`AuthLayer`].
pub type AuthService<S> = adapter::AuthService<S, Axum>;

/// [`Http`] with [`ConnectInfo`].
#[derive(Clone, Copy, Debug)]
pub struct Axum;

impl Protocol for Axum {
    fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        Http::is_preflight(method, headers)
    }

    fn peer(extensions: &Extensions) -> Option<IpAddr> {
        let stated = || extensions.get().map(|PeerAddress(peer)| peer);
        let connected = || extensions.get().map(|ConnectInfo::<SocketAddr>(peer)| peer);
        let mocked = || extensions.get().map(|MockConnectInfo::<SocketAddr>(peer)| peer);
        stated().or_else(connected).or_else(mocked).map(SocketAddr::ip)
    }

    fn route<'r>(_: &'r str, extensions: &'r Extensions) -> Option<&'r str> {
        extensions.get().map(MatchedPath::as_str)
    }
}

impl<R> Respond<R> for Axum
where
    Http: Respond<R>,
{
    type Kept = <Http as Respond<R>>::Kept;

    #[inline]
    fn keep(authenticator: &Authenticator, authenticated: bool) -> Self::Kept {
        Http::keep(authenticator, authenticated)
    }

    #[inline]
    fn finish(kept: &Self::Kept, response: &mut R) {
        Http::finish(kept, response);
    }

    fn refuse(authenticator: &Authenticator, refusal: &Refusal) -> R {
        Http::refuse(authenticator, refusal)
    }
}
