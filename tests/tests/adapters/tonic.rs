use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Method;
use http::uri::PathAndQuery;
use keyward::store::KeyStore;
use keyward::testing::hostile;
use keyward::tonic::AuthLayer;
use keyward::{Authenticator, Keys, NewKey};
use keyward_tests::service::{Broken, Demo};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tonic::body::Body;
use tonic::metadata::MetadataValue;
use tonic::server::NamedService;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_types::StatusExt;
use tower::{Service, service_fn};

keyward::scopes! { HealthRead = "health:read"; }

pub(crate) struct Listening {
    address: SocketAddr,
    server: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Listening {
    /// Health requires a scope, and reflection only a key.
    pub(crate) async fn start(layer: Option<AuthLayer>) -> Self {
        let (_, health) = tonic_health::server::health_reporter();
        let health = InterceptedService::new(health, |request: Request<()>| {
            keyward::tonic::guarded::<HealthRead, _>(&request)?;
            Ok(request)
        });
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let server = match layer {
            Some(layer) => tokio::spawn(
                Server::builder()
                    .layer(layer)
                    .add_service(health)
                    .add_service(reflection)
                    .add_service(Counter)
                    .serve_with_incoming(incoming),
            ),
            None => tokio::spawn(
                Server::builder().add_service(health).add_service(reflection).serve_with_incoming(incoming),
            ),
        };
        Self { address, server: server.abort_handle() }
    }

    async fn with(store: impl KeyStore) -> Self {
        let authenticator = Authenticator::builder(store)
            .store_timeout(Duration::from_secs(2))
            .exempt(Method::GET, "/health")
            .build()
            .unwrap();
        Self::start(Some(authenticator.into())).await
    }

    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    async fn check(&self, field: Option<&str>) -> Result<(), Status> {
        HealthClient::new(self.channel().await).check(with(field, HealthCheckRequest::default())).await.map(drop)
    }
}

#[derive(Clone)]
struct Counter;

impl NamedService for Counter {
    const NAME: &'static str = "test.Counter";
}

impl Service<http::Request<Body>> for Counter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async {
            let codec = ProstCodec::<u64, String>::default();
            Ok(tonic::server::Grpc::new(codec).client_streaming(service_fn(count), request).await)
        })
    }
}

async fn count(request: Request<Streaming<String>>) -> Result<Response<u64>, Status> {
    assert_eq!(keyward::tonic::identity(&request)?.account().as_str(), "acct_1");
    let mut texts = request.into_inner();
    let mut number = 0;
    while texts.message().await?.is_some() {
        number += 1;
    }
    Ok(Response::new(number))
}

fn with<T>(field: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(field) = field {
        request.metadata_mut().insert("authorization", field.parse::<MetadataValue<_>>().unwrap());
    }
    request
}

#[tokio::test]
async fn valid_key_is_accepted_and_refusals_are_detailed_statuses() {
    let demo = Demo::new().await;
    let server = Listening::with(demo.store.clone()).await;
    let good = format!("Bearer {}", demo.restricted_key("health:*").await);
    server.check(Some(&good)).await.unwrap();

    let unscoped = format!("Bearer {}", demo.restricted_key("jobs:read").await);
    let revoked = demo.keys.issue(NewKey::secret(demo.account.clone(), "a")).await.unwrap();
    let _ = demo.keys.revoke(&revoked.record.id).await.unwrap();
    let revoked = format!("Bearer {}", *revoked.key.expose_once());
    for (field, code, reason) in [
        (None, Code::Unauthenticated, "MISSING_API_KEY"),
        (Some("Bearer nonsense"), Code::Unauthenticated, "INVALID_API_KEY"),
        (Some("Basic abc"), Code::Unauthenticated, "MISSING_API_KEY"),
        (Some("Bearer 'quoted'"), Code::InvalidArgument, "INVALID_REQUEST"),
        (Some(revoked.as_str()), Code::Unauthenticated, "API_KEY_REVOKED"),
        (Some(unscoped.as_str()), Code::PermissionDenied, "INSUFFICIENT_SCOPE"),
    ] {
        let status = server.check(field).await.unwrap_err();
        assert_eq!(status.code(), code, "{field:?}: {status:?}");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, reason, "{field:?}");
        if code == Code::PermissionDenied {
            assert_eq!(info.metadata["scope"], "health:read");
        } else {
            assert!(status.get_details_request_info().unwrap().request_id.starts_with("req_"));
        }
    }
    let mut twice = with(Some(&good), HealthCheckRequest::default());
    twice.metadata_mut().append("authorization", good.parse().unwrap());
    let status = HealthClient::new(server.channel().await).check(twice).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn server_and_two_way_streams_are_accepted_and_refused() {
    let demo = Demo::new().await;
    let server = Listening::with(demo.store.clone()).await;
    let field = format!("Bearer {}", demo.full_key().await);
    let mut watched = HealthClient::new(server.channel().await)
        .watch(with(Some(&field), HealthCheckRequest::default()))
        .await
        .unwrap()
        .into_inner();
    assert!(watched.message().await.unwrap().is_some());

    let asked = || {
        let list = MessageRequest::ListServices(String::new());
        futures_util::stream::iter([ServerReflectionRequest { host: String::new(), message_request: Some(list) }])
    };
    let mut client = ServerReflectionClient::new(server.channel().await);
    let mut answers = client.server_reflection_info(with(Some(&field), asked())).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
    let refused = client.server_reflection_info(with(None, asked())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn client_streams_are_accepted_and_refused() {
    let demo = Demo::new().await;
    let server = Listening::with(demo.store.clone()).await;
    let field = format!("Bearer {}", demo.full_key().await);
    let mut client = tonic::client::Grpc::new(server.channel().await);
    for (field, count) in [(Some(field.as_str()), Ok(100)), (None, Err(Code::Unauthenticated))] {
        client.ready().await.unwrap();
        let texts = futures_util::stream::iter((0..100).map(|number| format!("text {number}")));
        let path = PathAndQuery::from_static("/test.Counter/Count");
        let answer = client.client_streaming(with(field, texts), path, ProstCodec::<String, u64>::default()).await;
        assert_eq!(answer.map(Response::into_inner).map_err(|status| status.code()), count);
    }
}

#[tokio::test]
async fn broken_store_refuses_every_request() {
    let field = format!("Bearer {}", Demo::new().await.full_key().await);
    for (broken, code) in [
        (Broken::Unavailable, Code::Unavailable),
        (Broken::Hangs, Code::Unavailable),
        (Broken::Corrupt, Code::Internal),
    ] {
        let status = Listening::with(broken).await.check(Some(&field)).await.unwrap_err();
        assert_eq!(status.code(), code, "{broken:?}");
        assert_eq!(status.get_details_retry_info().is_some(), code == Code::Unavailable);
    }
}

#[tokio::test]
async fn exempting_health_covers_only_that_method() {
    let demo = Demo::new().await;
    let authenticator = Authenticator::builder(demo.store.clone())
        .exempt(Method::POST, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        .build()
        .unwrap();
    let server = Listening::start(Some(authenticator.into())).await;
    let none = futures_util::stream::iter([ServerReflectionRequest::default()]);
    ServerReflectionClient::new(server.channel().await).server_reflection_info(none).await.unwrap();
    assert_eq!(server.check(None).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn without_the_layer_every_call_is_refused() {
    let server = Listening::start(None).await;
    assert_eq!(server.check(Some("Bearer x")).await.unwrap_err().code(), Code::Internal);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused_at_once() {
    let demo = Demo::new().await;
    let server = Listening::with(demo.store.clone()).await;
    let keys = Keys::new(demo.store.clone());
    for _ in 0..10 {
        let issued = keys.issue(NewKey::secret(demo.account.clone(), "a")).await.unwrap();
        let field = format!("Bearer {}", *issued.key.expose_once());
        server.check(Some(&field)).await.unwrap();
        server.check(Some(&field)).await.unwrap();
        let _ = keys.revoke(&issued.record.id).await.unwrap();
        let status = server.check(Some(&field)).await.unwrap_err();
        assert_eq!(status.get_details_error_info().unwrap().reason, "API_KEY_REVOKED");
    }
}

#[tokio::test]
async fn every_hostile_field_gets_the_verdict_of_the_table() {
    let demo = Demo::new().await;
    let key = demo.full_key().await;
    let server = Listening::with(demo.store.clone()).await;
    let mut client = HealthClient::new(server.channel().await);
    let mut asked = 0;
    for case in hostile::cases(&key) {
        let [field] = case.fields.as_slice() else { continue };
        // Other tests cover differences beyond the field. gRPC metadata cannot carry some fields, so those are
        // skipped.
        let only_the_field = case.method == "GET"
            && case.others.is_empty()
            && case.target == "/"
            && case.on_the_wire == hostile::Wire::Passes;
        let Some(field) = MetadataValue::try_from(field.as_slice()).ok().filter(|_| only_the_field) else { continue };
        let mut request = Request::new(HealthCheckRequest::default());
        request.metadata_mut().insert("authorization", field);
        let answer = client.check(request).await;
        asked += 1;
        match case.expected {
            hostile::Expected::Refused(refused) => {
                let status = answer.unwrap_err();
                let info = status.get_details_error_info().unwrap_or_else(|| panic!("{}: {status:?}", case.name));
                assert_eq!(info.reason, refused.code, "{}", case.name);
            }
            hostile::Expected::Accepted => drop(answer.unwrap()),
            _ => {}
        }
    }
    assert!(asked >= 80, "only {asked} cases could be sent");
}
