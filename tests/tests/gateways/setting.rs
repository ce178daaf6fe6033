use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use http::Request;
use keyward::adapter::Location;
use keyward::gateway::VerifyReach;
use keyward::gateway::envoy::ext_authz_router;
use keyward::render::Refusal;
use keyward::{AuthLayer, Authenticator, NewKey, Rejection, TrustedProxies};
use keyward_tests::gateways::{Gateway, Kind, Neighbours, echo};
use keyward_tests::program::{Curled, closed_port, eventually};
use keyward_tests::service::{Broken, Demo, Listening};
use tokio::net::TcpListener;

pub(crate) struct Keys {
    pub(crate) reader: String,
    pub(crate) admin: String,
    pub(crate) unscoped: String,
    pub(crate) revoked: String,
    pub(crate) publishable: String,
    pub(crate) confined: String,
    pub(crate) at_home: String,
    pub(crate) far_away: String,
}

pub(crate) struct Setting {
    pub(crate) gateway: Gateway,
    pub(crate) keys: Keys,
    _servers: Vec<Listening>,
}

impl Setting {
    pub(crate) async fn new(kind: Kind) -> Self {
        let demo = Demo::new().await;
        let keys = keys_of(&demo).await;
        // The gateway is a trusted proxy.
        let proxies = TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]);
        let authenticator = Authenticator::builder(demo.store.clone()).trusted_proxies(proxies);
        let authenticator = authenticator.refuse_secret_keys_in_browsers().build().unwrap();
        Self::with(kind, authenticator, keys).await
    }

    pub(crate) async fn with_locations(kind: Kind) -> Self {
        let demo = Demo::new().await;
        let keys = keys_of(&demo).await;
        let builder = Authenticator::builder(demo.store.clone());
        let builder = builder.accept(Location::header("X-API-Key")).accept(Location::WebSocketSubprotocol);
        Self::with(kind, builder.build().unwrap(), keys).await
    }

    pub(crate) async fn broken(kind: Kind) -> Self {
        let keys = keys_of(&Demo::new().await).await;
        Self::with(kind, Authenticator::new(Broken::Unavailable), keys).await
    }

    pub(crate) async fn refusing(kind: Kind, rejection: Rejection) -> Self {
        let demo = Demo::new().await;
        let (authenticator, keys) = (Authenticator::new(demo.store.clone()), keys_of(&demo).await);
        let keyward = Listening::start(Router::new().fallback(async move |request: Request<Body>| {
            let refusal = Refusal::new(rejection.clone(), request.method(), request.headers());
            authenticator.refuse(&refusal).map(Body::from)
        }))
        .await;
        let backend = echo().await;
        let neighbours = Neighbours { keyward: keyward.address, backend: backend.address };
        Self::started(kind, neighbours, keys, vec![keyward, backend])
    }

    pub(crate) async fn alone(kind: Kind) -> Self {
        let backend = echo().await;
        let gone = SocketAddr::from(([127, 0, 0, 1], closed_port()));
        let neighbours = Neighbours { keyward: gone, backend: backend.address };
        let keys = keys_of(&Demo::new().await).await;
        Self::started(kind, neighbours, keys, vec![backend])
    }

    pub(crate) async fn silent(kind: Kind) -> (Self, TcpListener) {
        let backend = echo().await;
        let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let neighbours = Neighbours { keyward: silent.local_addr().unwrap(), backend: backend.address };
        let keys = keys_of(&Demo::new().await).await;
        (Self::started(kind, neighbours, keys, vec![backend]), silent)
    }

    async fn with(kind: Kind, authenticator: Authenticator, keys: Keys) -> Self {
        let backend = echo().await;
        // `keyward serve` has all services on one port too.
        let router = keyward::gateway::forward_auth(authenticator.clone())
            .merge(ext_authz_router(authenticator.clone()))
            .merge(keyward::gateway::verify(authenticator.clone(), AuthLayer::from(authenticator), VerifyReach::Own));
        let keyward = Listening::start(router).await;
        let neighbours = Neighbours { keyward: keyward.address, backend: backend.address };
        Self::started(kind, neighbours, keys, vec![keyward, backend])
    }

    fn started(kind: Kind, neighbours: Neighbours, keys: Keys, servers: Vec<Listening>) -> Self {
        let setting = Self { gateway: Gateway::start(kind, neighbours), keys, _servers: servers };
        eventually("the gateway has found its backend", || setting.call(None, "/health", &[]).status == 200);
        setting
    }

    pub(crate) fn call(&self, key: Option<&str>, target: &str, arguments: &[&str]) -> Curled {
        let field = key.map(|key| format!("Authorization: Bearer {key}"));
        let mut all: Vec<&str> = field.iter().flat_map(|field| ["--header", field]).collect();
        all.extend(arguments);
        self.gateway.curl(target, &all)
    }
}

async fn keys_of(demo: &Demo) -> Keys {
    let account = || demo.account.clone();
    let revoked = demo.keys.issue(NewKey::secret(account(), "revoked")).await.unwrap();
    demo.keys.revoke(&revoked.record.id).await.unwrap();
    let scopes = "resources:read".parse().unwrap();
    let confined = NewKey {
        endpoints: vec!["GET /v1/videos/*".parse().unwrap()],
        ..NewKey::restricted(account(), "confined", scopes)
    };
    let within = |network: &str| NewKey {
        networks: vec![network.parse().unwrap()],
        ..NewKey::restricted(account(), "network", "resources:read".parse().unwrap())
    };
    Keys {
        at_home: demo.issue(within("127.0.0.0/8")).await,
        far_away: demo.issue(within("192.0.2.0/24")).await,
        reader: demo.restricted_key("resources:read").await,
        admin: demo.restricted_key("resources:read admin:access").await,
        unscoped: demo.restricted_key("other:read").await,
        revoked: revoked.key.expose_once().to_string(),
        publishable: demo.issue(NewKey::publishable(account(), "publishable")).await,
        confined: demo.issue(confined).await,
    }
}
