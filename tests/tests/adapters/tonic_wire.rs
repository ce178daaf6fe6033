//! Refusals as HTTP/2 frames, and targets that no gRPC client sends.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use keyward::Authenticator;
use keyward::tonic::AuthLayer;
use keyward_tests::service::Demo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

const CHECK: &str = "/grpc.health.v1.Health/Check";
const EMPTY: &[u8] = &[0; 5];

async fn start() -> SocketAddr {
    let authenticator = Authenticator::builder(Demo::new().await.store)
        .exempt(Method::POST, CHECK)
        .exempt(Method::POST, "/grpc.health.v1.Health/Watch")
        .build()
        .unwrap();
    let (_, health) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure().build_v1().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().layer(AuthLayer::from(authenticator)).add_service(health).add_service(reflection);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    address
}

#[tokio::test]
async fn a_refusal_is_trailers_only_and_an_exempt_call_is_answered() {
    let connection = TokioIo::new(TcpStream::connect(start().await).await.unwrap());
    let (client, driver) = hyper::client::conn::http2::handshake(TokioExecutor::new(), connection).await.unwrap();
    tokio::spawn(driver);
    for (method, path, refused) in [
        ("POST", CHECK, false),
        ("POST", "/grpc.health.v1.Health/Watch", false),
        ("POST", "/grpc.health.v1.Health/List", true),
        ("POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true),
        ("POST", "/no.such.Service/Method", true),
        ("GET", CHECK, true),
        ("POST", "//grpc.health.v1.Health/Check", true),
        ("POST", "/grpc.health.v1.Health//Check", true),
        ("POST", "/grpc.health.v1.Health/Check/", true),
        ("POST", "/grpc.health.v1.Health/check", true),
        ("POST", "/grpc.health.v1.Health/%43heck", true),
        ("POST", "/grpc.health.v1.Health/Check/../List", true),
        ("POST", "/?/grpc.health.v1.Health/Check", true),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from_static(EMPTY)))
            .unwrap();
        let response = client.clone().send_request(request).await.unwrap();
        let head = response.headers();
        assert_eq!((response.status().as_u16(), &head["content-type"]), (200, &"application/grpc".parse().unwrap()));
        if refused {
            assert_eq!(head["grpc-status"], "16", "{method} {path}");
            assert!(head.contains_key("grpc-message") && head.contains_key("grpc-status-details-bin"), "{head:?}");
            let rest = timeout(Duration::from_secs(60), response.collect()).await.unwrap().unwrap();
            assert!(rest.trailers().is_none() && rest.to_bytes().is_empty(), "{method} {path}");
        } else {
            assert!(!head.contains_key("grpc-status"), "{method} {path}: {head:?}");
        }
    }
}

#[tokio::test]
async fn a_path_without_its_slash_never_reaches_a_service() {
    let address = start().await;
    assert_eq!(first_frame(address, CHECK).await, Frame::Headers);
    // grpc-go had rules for `/service/method`, while its router also took `service/method`.
    for path in [&CHECK[1..], "grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "", "*/x", "\\health"] {
        assert_eq!(first_frame(address, path).await, Frame::Refused, "{path:?}");
    }
}

#[derive(Debug, PartialEq)]
enum Frame {
    Headers,
    Refused,
}

/// RFC 9113 section 6. Written by hand, because no library sends such a path.
async fn first_frame(address: SocketAddr, path: &str) -> Frame {
    let mut connection = TcpStream::connect(address).await.unwrap();
    // RFC 7541: `:method POST` and `:scheme http` are indexed; the others are literals with an indexed name.
    let mut fields = vec![0x83, 0x86];
    for (name, value) in [(&[0x04][..], path), (&[0x01], "localhost"), (&[0x0f, 0x10], "application/grpc")] {
        fields.extend_from_slice(name);
        fields.push(u8::try_from(value.len()).unwrap());
        fields.extend_from_slice(value.as_bytes());
    }
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let mut frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        sent.extend_from_slice(&[a, b, c, kind, flags, 0, 0, 0, stream]);
        sent.extend_from_slice(payload);
    };
    let (settings, headers, data, end_headers, end_stream) = (0x4, 0x1, 0x0, 0x4, 0x1);
    frame(settings, 0, 0, &[]);
    frame(headers, end_headers, 1, &fields);
    frame(data, end_stream, 1, EMPTY);
    connection.write_all(&sent).await.unwrap();
    let answered = async {
        loop {
            let mut head = [0; 9];
            connection.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length.try_into().unwrap()];
            connection.read_exact(&mut payload).await.unwrap();
            match (head[3], head[8]) {
                (0x1, 1) => return Frame::Headers,
                (0x3, 1) | (0x7, 0) => return Frame::Refused,
                _ => {}
            }
        }
    };
    timeout(Duration::from_secs(60), answered).await.expect("the server did not answer in time")
}
