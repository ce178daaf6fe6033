//! The peer's address as tonic's server states it, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use keyward::tonic::AuthLayer;
use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

#[tokio::test]
async fn the_connections_own_address_counts_for_networks() {
    let store = MemoryStore::new();
    let keys = Keys::new(store.clone());
    let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd");
    keys.put_account(&account).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder().layer(AuthLayer::new(store)).add_service(health);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let mut client = HealthClient::new(Endpoint::from_shared(url).unwrap().connect().await.unwrap());
    for (network, expected) in [("127.0.0.0/8", Code::Ok), ("192.0.2.0/24", Code::PermissionDenied)] {
        let networks = vec![network.parse().unwrap()];
        let key = NewKey { networks, ..NewKey::secret(account.id.clone(), "office") };
        let field = format!("Bearer {}", *keys.issue(key).await.unwrap().key.expose_once());
        // A cache miss first, then a hit.
        for _ in 0..2 {
            let mut request = Request::new(HealthCheckRequest::default());
            request.metadata_mut().insert("authorization", field.parse().unwrap());
            let code = client.check(request).await.map_or_else(|status| status.code(), |_| Code::Ok);
            assert_eq!(code, expected, "{network}");
        }
    }
}
