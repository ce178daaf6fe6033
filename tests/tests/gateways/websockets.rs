//! WebSockets through a gateway.

use futures_util::{SinkExt as _, StreamExt as _};
use keyward_tests::gateways::{Kind, reached};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::setting::Setting;

async fn open(setting: &Setting, key: Option<&str>, path: &str) -> Result<WebSocketStream<TcpStream>, Error> {
    let address = setting.gateway.address();
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    if let Some(key) = key {
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    }
    request.headers_mut().insert("keyward-plan", "forged".parse().unwrap());
    let stream = TcpStream::connect(address).await.unwrap();
    tokio_tungstenite::client_async(request, stream).await.map(|(socket, _)| socket)
}

pub(crate) async fn run(kind: Kind) {
    let setting = Setting::new(kind).await;
    let mut socket = open(&setting, Some(&setting.keys.reader), "/v1/live").await.unwrap();
    let Some(Ok(Message::Text(told))) = socket.next().await else { panic!("{kind:?}: no first message") };
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(reached(&told, "keyward-account"), ["acct_1"], "{kind:?}: {told}");
    assert_eq!(reached(&told, "keyward-plan").concat(), "", "{kind:?}: {told}");
    assert_eq!(reached(&told, "authorization"), [""; 0], "{kind:?}: {told}");
    for message in [Message::Text("hello".into()), Message::Binary(vec![7; 256 * 1024].into())] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message, "{kind:?}");
    }
    socket.close(None).await.unwrap();

    for (key, path, expected) in [
        (None, "/v1/live", 401),
        (Some(&*setting.keys.revoked), "/v1/live", 401),
        (Some(&setting.keys.unscoped), "/v1/live", 403),
        (Some(&setting.keys.reader), "/admin/live", 403),
        // The backend has no WebSocket here, and answers an ordinary request.
        (Some(&setting.keys.reader), "/v1/resources", 200),
    ] {
        match open(&setting, key, path).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), expected, "{kind:?}, {path}"),
            other => panic!("{kind:?}, {path}, {expected}: {other:?}"),
        }
    }
}

/// A backend that speaks another protocol reads requests that the gateway does not see.
pub(crate) async fn no_other_protocol(kind: Kind) {
    let setting = Setting::new(kind).await;
    for upgrade in ["h2c", "h2c, websocket", "websocket, h2c", "websocket\th2c", "TLS/1.0"] {
        let fields = ["-H", "Connection: Upgrade, HTTP2-Settings", "-H", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"];
        let field = format!("Upgrade: {upgrade}");
        let answer =
            setting.call(Some(&setting.keys.reader), "/v1/resources", &[&fields[..], &["-H", &field]].concat());
        assert_eq!(answer.status, 200, "{kind:?}, {upgrade}: {}", answer.text);
        assert_eq!(reached(&answer.json(), "upgrade"), [""; 0], "{kind:?}, {upgrade}: {}", answer.text);
    }
}
