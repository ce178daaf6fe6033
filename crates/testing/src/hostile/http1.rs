//! Written byte by byte, because no client library sends such requests.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{Answer, compare};
use super::{Case, Mismatch, Wire, cases, path_cases};
use crate::SOON;

pub(super) async fn run(address: SocketAddr, key: &str) -> Vec<Mismatch> {
    let mut mismatches = run_cases(address, key, &cases(key)).await;
    for case in path_cases() {
        let request =
            [case.method, " ", case.target, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"].concat();
        mismatches.extend(case.compare(exchange(address, request.as_bytes()).await.as_ref()).err());
    }
    for (name, request, statuses) in heads(key) {
        let got = exchange(address, request.as_bytes()).await.map(|answer| answer.status);
        if !got.map_or(statuses.contains(&400), |status| statuses.contains(&status)) {
            mismatches.push(Mismatch(format!("{name}: expected one of {statuses:?}, got {got:?}")));
        }
    }
    mismatches
}

pub(super) async fn run_cases(address: SocketAddr, key: &str, cases: &[Case]) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    for (number, case) in cases.iter().enumerate().filter(|(_, case)| case.on_the_wire != Wire::CannotBe) {
        let request_id = format!("hostile-{number}");
        let answer = exchange(address, &request(case, &request_id)).await;
        mismatches.extend(compare(case, answer.as_ref(), &request_id, key).err());
    }
    mismatches
}

pub(super) fn request(case: &Case, request_id: &str) -> Vec<u8> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {request_id}\r\nConnection: close\r\n",
        case.method, case.target
    )
    .into_bytes();
    for (name, value) in &case.others {
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    for field in &case.fields {
        head.extend_from_slice(&[b"Authorization: ", field.as_slice(), b"\r\n"].concat());
    }
    if !case.body.is_empty() {
        head.extend_from_slice(format!("Content-Length: {}\r\n", case.body.len()).as_bytes());
    }
    [head, b"\r\n".to_vec(), case.body.clone()].concat()
}

/// The allowed statuses of each request.
fn heads(key: &str) -> Vec<(&'static str, String, &'static [u16])> {
    let around = |line: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{line}Connection: close\r\n\r\n");
    vec![
        ("the field's name in lower case", around(&format!("authorization: Bearer {key}\r\n")), &[200]),
        ("the field's name in upper case", around(&format!("AUTHORIZATION: Bearer {key}\r\n")), &[200]),
        ("no space after the colon", around(&format!("Authorization:Bearer {key}\r\n")), &[200]),
        // RFC 9112 section 5.1: a server must refuse it.
        ("a space before the colon", around(&format!("Authorization : Bearer {key}\r\n")), &[400]),
        // RFC 9112 section 5.2: a server refuses the fold or replaces it with spaces.
        ("a value folded into two lines", around(&format!("Authorization: Bearer\r\n {key}\r\n")), &[400, 200]),
        ("a field without a colon", around(&format!("Authorization Bearer {key}\r\n")), &[400]),
        ("a field without a name", around(&format!(": Bearer {key}\r\n")), &[400]),
        (
            "the key in a trailer",
            format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n\
                 0\r\nAuthorization: Bearer {key}\r\n\r\n"
            ),
            &[401],
        ),
        (
            "a tunnel",
            "CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\nConnection: close\r\n\r\n".to_owned(),
            &[400, 401],
        ),
        (
            "a target that is no path",
            "GET health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
            &[400, 401],
        ),
        ("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n".to_owned(), &[401]),
    ]
}

/// Returns `None` if the connection ended without an answer.
pub(super) async fn exchange(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.expect("the service under test accepts connections");
    let mut answer = Vec::new();
    let (mut reading, mut writing) = stream.split();
    // A server that refuses a request may stop reading it. Then writing may fail, and reading may end in a reset.
    let exchanged = async { tokio::join!(writing.write_all(request), reading.read_to_end(&mut answer)) };
    let _ = timeout(SOON, exchanged).await.expect("the service under test answers in time");
    parse(&answer)
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes().to_vec())).collect();
    Some(Answer { status, headers, body: answer[end + 4..].to_vec() })
}
