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

/// The page with the secret of the second factor repeats its query.
#[tokio::test]
async fn a_page_with_a_secret_is_not_compressed() {
    let site = Site::with_owner().await;
    let mut client = Client::signed_in(&site).await;
    let token = client.get("/settings/second-factor").await.field("csrf");
    let begun = client.post("/settings/second-factor", &[("csrf", &token), ("password", crate::site::PASSWORD)]).await;
    assert_eq!(begun.status, 303);
    let compressed = client.with("accept-encoding", "gzip");
    let (headers, body) = compressed.get_bytes("/settings/second-factor?x=guess").await;
    assert_eq!(headers.get("content-encoding"), None);
    let page = String::from_utf8(body.to_vec()).unwrap();
    assert!(page.contains("id=\"secret\"") && page.contains("guess"), "{page}");
}
