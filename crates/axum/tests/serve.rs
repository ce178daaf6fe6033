//! `ConnectInfo` of axum's own server, over real sockets.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::net::SocketAddr;

use axum::extract::Request;
use axum::extract::connect_info::MockConnectInfo;
use axum::middleware::{Next, from_fn};
use axum::{Router, routing::get};
use keyward::axum::{AuthLayer, Authenticated};
use keyward::network::ipnet::IpNet;
use keyward::{AccountRecord, Authenticator, Keys, MemoryStore, NewKey, PeerAddress, TrustedProxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stated {
    Not,
    ConnectInfo,
    ConnectInfoAndPeerAddress,
    Mock,
}

const ELSEWHERE: ([u8; 4], u16) = ([192, 0, 2, 7], 49_152);

async fn start(app: Router, stated: Stated) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let overridden = from_fn(async |mut request: Request, next: Next| {
        request.extensions_mut().insert(PeerAddress(ELSEWHERE.into()));
        next.run(request).await
    });
    tokio::spawn(async move {
        let connected = |app: Router| app.into_make_service_with_connect_info::<SocketAddr>();
        match stated {
            Stated::Not => axum::serve(listener, app).await,
            Stated::ConnectInfo => axum::serve(listener, connected(app)).await,
            Stated::ConnectInfoAndPeerAddress => axum::serve(listener, connected(app.layer(overridden))).await,
            Stated::Mock => axum::serve(listener, app.layer(MockConnectInfo(SocketAddr::from(ELSEWHERE)))).await,
        }
    });
    address
}

async fn answer(address: SocketAddr, fields: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn confined_to(network: &str) -> (MemoryStore, String) {
    let store = MemoryStore::new();
    let keys = Keys::new(store.clone());
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    keys.put_account(&account).await.unwrap();
    let networks = vec![network.parse().unwrap()];
    let issued = keys.issue(NewKey { networks, ..NewKey::secret(account.id, "office") }).await.unwrap();
    (store, format!("authorization: Bearer {}\r\n", *issued.key.expose_once()))
}

#[tokio::test]
async fn connect_info_counts_as_the_peer_address() {
    use Stated::{ConnectInfo, ConnectInfoAndPeerAddress, Mock, Not};
    const XFF: &str = "x-forwarded-for: 192.0.2.7\r\n";
    let proxies = || TrustedProxies::new(["127.0.0.0/8".parse::<IpNet>().unwrap()]);
    for (network, stated, trusted, field, expected) in [
        ("127.0.0.0/8", ConnectInfo, TrustedProxies::none(), "", "200"),
        ("192.0.2.0/24", ConnectInfo, TrustedProxies::none(), "", "403"),
        ("127.0.0.0/8", Not, TrustedProxies::none(), "", "403"),
        ("127.0.0.0/8", ConnectInfoAndPeerAddress, TrustedProxies::none(), "", "403"),
        ("192.0.2.0/24", ConnectInfoAndPeerAddress, TrustedProxies::none(), "", "200"),
        ("192.0.2.0/24", Mock, TrustedProxies::none(), "", "200"),
        ("192.0.2.0/24", ConnectInfo, proxies(), XFF, "200"),
        ("192.0.2.0/24", ConnectInfo, TrustedProxies::none(), XFF, "403"),
        ("192.0.2.0/24", Not, proxies(), XFF, "403"),
    ] {
        let (store, key) = confined_to(network).await;
        let auth: AuthLayer = Authenticator::builder(store).trusted_proxies(trusted).build().unwrap().into();
        let app = Router::new().route("/", get(async |_: Authenticated| "in")).layer(auth);
        let address = start(app, stated).await;
        // A cache miss first, then a hit.
        for _ in 0..2 {
            let answer = answer(address, &format!("{key}{field}")).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{network} {stated:?} {field}: {answer}");
        }
    }
}

#[tokio::test]
async fn plain_layer_reads_connect_info_without_setup() {
    let (store, key) = confined_to("127.0.0.0/8").await;
    let app = Router::new().route("/", get(async || "in")).layer(AuthLayer::new(store));
    let address = start(app, Stated::ConnectInfo).await;
    assert!(answer(address, &key).await.starts_with("HTTP/1.1 200"));
}
