use std::net::SocketAddr;

use keyward::testing::hostile;
use keyward_needs::needs;
use keyward_tests::program::Program;

#[needs(curl)]
#[tokio::test]
async fn every_hostile_request_is_answered_as_the_table_says() {
    let service = Program::start("hyper-service", &[]);
    let address: SocketAddr = service.url.strip_prefix("http://").unwrap().parse().unwrap();
    let key = service.credential("full").to_owned();
    hostile::over_socket(address, &key).await;
    hostile::over_http2(address, &key).await;
    for (credential, status) in [(None, 401), (Some("revoked"), 401), (Some("expired"), 401), (Some("full"), 200)] {
        assert_eq!(service.call(credential, "GET", "/any/path", &[]).status, status, "{credential:?}");
    }
    // Stop it on another thread: the client's connections on this one must learn that the server goes away.
    tokio::task::spawn_blocking(|| service.stop()).await.unwrap();
}
