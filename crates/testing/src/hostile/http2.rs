use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderName, HeaderValue, Request, Uri};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{Answer, compare};
use super::{Case, Mismatch, PathCase, Wire, cases, path_cases};
use crate::SOON;

pub(super) async fn run(address: SocketAddr, key: &str) -> Vec<Mismatch> {
    run_cases(address, key, &cases(key), &path_cases()).await
}

pub(super) async fn run_cases(address: SocketAddr, key: &str, cases: &[Case], paths: &[PathCase]) -> Vec<Mismatch> {
    let stream = TcpStream::connect(address).await.expect("the service under test accepts connections");
    let (mut client, connection) = h2::client::handshake(stream).await.expect("the service under test speaks HTTP/2");
    let connection = tokio::spawn(connection);
    let mut mismatches = Vec::new();
    for (number, case) in cases.iter().enumerate().filter(|(_, case)| case.on_the_wire == Wire::Passes) {
        let request_id = format!("hostile-{number}");
        // HTTP/1.1 covers the requests that HTTP/2 cannot express.
        let Some(request) = request(case, &request_id) else { continue };
        let answer = exchange(&mut client, request, case.body.clone()).await;
        mismatches.extend(compare(case, answer.as_ref(), &request_id, key).err());
    }
    for case in paths {
        let Some(request) = head(case.method, case.target) else { continue };
        mismatches.extend(case.compare(exchange(&mut client, request, Vec::new()).await.as_ref()).err());
    }
    connection.abort();
    mismatches
}

/// Keeps an authority in the target. Returns `None` if HTTP/2 cannot express it.
fn head(method: &str, target: &str) -> Option<Request<()>> {
    let target = if target.starts_with('/') { format!("http://localhost{target}") } else { target.to_owned() };
    let uri: Uri = target.parse().ok()?;
    let is_plain = uri.authority()?.as_str().find('@').is_none();
    if is_plain { Request::builder().method(method).uri(uri).body(()).ok() } else { None }
}

fn request(case: &Case, request_id: &str) -> Option<Request<()>> {
    let mut request = head(case.method, &case.target)?;
    let headers = request.headers_mut();
    headers.insert("x-request-id", request_id.parse().ok()?);
    for (name, value) in &case.others {
        // RFC 9113 section 8.2.2: HTTP/2 has no such field.
        if name.eq_ignore_ascii_case("connection") {
            return None;
        }
        headers.append(name.parse::<HeaderName>().ok()?, value.parse().ok()?);
    }
    for field in &case.fields {
        headers.append(http::header::AUTHORIZATION, HeaderValue::from_bytes(field).ok()?);
    }
    Some(request)
}

async fn exchange(client: &mut SendRequest<Bytes>, request: Request<()>, body: Vec<u8>) -> Option<Answer> {
    let answered = async {
        let mut ready = client.clone().ready().await.ok()?;
        let (response, mut sending) = ready.send_request(request, body.is_empty()).ok()?;
        if !body.is_empty() {
            // A server that refuses a request may leave its body unread.
            let _ = sending.send_data(body.into(), true);
        }
        let (head, mut receiving) = response.await.ok()?.into_parts();
        let mut body = Vec::new();
        while let Some(chunk) = receiving.data().await {
            let chunk = chunk.ok()?;
            let _ = receiving.flow_control().release_capacity(chunk.len());
            body.extend_from_slice(&chunk);
        }
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
        Some(Answer { status: head.status.as_u16(), headers: headers.collect(), body })
    };
    timeout(SOON, answered).await.expect("the service under test answers in time")
}
