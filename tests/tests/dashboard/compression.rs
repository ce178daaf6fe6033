//! Which responses are compressed.

use crate::http::Client;
use crate::site::Site;

/// Pages are compressed, with another form token each time. The page that shows a key is not, because its length could reveal the key.
#[tokio::test]
async fn pages_and_files_are_compressed_and_answers_to_forms_are_not() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let page = client.get("/accounts/operator/keys/new").await;
    let (token, form) = (page.field("csrf"), page.field("form_id"));
    assert_ne!(client.get("/accounts/operator/keys/new").await.field("csrf"), token);
    let style = page.body.split("/dashboard/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let compressed = client.with("accept-encoding", "gzip");
    for path in ["/accounts/operator/keys", &format!("/dashboard/{style}")] {
        let (headers, body) = compressed.get_bytes(path).await;
        assert_eq!(headers.get("content-encoding").map(|value| value.as_bytes()), Some(&b"gzip"[..]), "{path}");
        assert_eq!(headers.get("vary").map(|value| value.as_bytes()), Some(&b"accept-encoding"[..]), "{path}");
        assert!(body.starts_with(&[0x1f, 0x8b]), "{path}");
    }
    let mut compressed = compressed;
    let fields = [("csrf", token.as_str()), ("form_id", &form), ("name", "k"), ("kind", "secret"), ("mode", "live")];
    let shown = compressed.post("/accounts/operator/keys/new", &fields).await;
    assert_eq!((shown.status, shown.header("content-encoding")), (200, ""));
    assert!(shown.body.contains("id=\"key\""));
}
