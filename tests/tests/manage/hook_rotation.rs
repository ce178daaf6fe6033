//! Rotations, of secrets of webhooks and of keys.

use std::time::Duration;

use keyward::clock::Clock as _;
use keyward::manage::KeyDraft;
use serde_json::Value;

use crate::events::{Nodes, Receiver, signed, system};

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[tokio::test]
async fn rotated_secret_signs_together_with_the_previous_for_a_day() {
    let nodes = Nodes::calling_loopback().await;
    let receiver = Receiver::start(200).await;
    let (webhook, old) = nodes.webhook(&receiver.url()).await;
    let management = nodes.management();
    let rotated = management.rotate_webhook_secret(&system(), management.operator(), &webhook, None).await.unwrap();
    let test = async || {
        management.test_webhook(&system(), management.operator(), &webhook).await.unwrap();
        nodes.deliver().await;
        receiver.received().pop().unwrap()
    };
    let both = test().await;
    assert!(signed(&old, &both) && signed(&rotated.secret, &both));
    assert_eq!(both.0["webhook-signature"].to_str().unwrap().split(' ').count(), 2);
    nodes.clock.advance(DAY);
    let one = test().await;
    assert!(!signed(&old, &one) && signed(&rotated.secret, &one));
}

#[tokio::test]
async fn each_secret_signs_until_its_end_however_often_it_is_rotated() {
    let nodes = Nodes::calling_loopback().await;
    let receiver = Receiver::start(200).await;
    let (webhook, first) = nodes.webhook(&receiver.url()).await;
    let (management, operator) = (nodes.management(), nodes.management().operator());
    let mut secrets = vec![first];
    let hour = Duration::from_secs(3_600);
    // The overlap in hours, the hours that pass, and the secrets that sign then. None means the default.
    for (overlap, pass, signing) in [
        (None, 1, vec![0, 1]),
        (None, 1, vec![0, 1, 2]),
        (Some(168), 22, vec![1, 2, 3]),
        (Some(1), 0, vec![1, 2, 3, 4]),
        (Some(24), 2, vec![4, 5]),
        (Some(0), 0, vec![6]),
    ] {
        let overlap = overlap.map(|hours| hour * hours);
        let issued = management.rotate_webhook_secret(&system(), operator, &webhook, overlap).await.unwrap();
        secrets.push(issued.secret.to_string());
        nodes.clock.advance(hour * pass);
        management.test_webhook(&system(), operator, &webhook).await.unwrap();
        nodes.deliver().await;
        let message = receiver.received().pop().unwrap();
        let found: Vec<usize> = (0..secrets.len()).filter(|place| signed(&secrets[*place], &message)).collect();
        assert_eq!(found, signing, "{overlap:?}");
        assert_eq!(message.0["webhook-signature"].to_str().unwrap().split(' ').count(), signing.len());
    }
    let rotate = async |seconds: u64| {
        let overlap = Some(Duration::from_secs(seconds));
        management.rotate_webhook_secret(&system(), operator, &webhook, overlap).await
    };
    let refused = rotate(604_801).await.unwrap_err().to_string();
    assert_eq!(refused, "invalid `overlap_seconds`: 604801 is too long: expected at most 604800");
    for _ in 0..5 {
        rotate(60).await.unwrap();
    }
    let refused = rotate(60).await.unwrap_err().to_string();
    assert!(refused.contains("5 previous secrets sign, the maximum: expected 0, which ends them"), "{refused}");
    rotate(0).await.unwrap();
    rotate(60).await.unwrap();
}

#[tokio::test]
async fn a_rotation_tells_of_both_keys() {
    let nodes = Nodes::calling_loopback().await;
    let (receiver, management) = (Receiver::start(200).await, nodes.management());
    nodes.webhook(&receiver.url()).await;
    let draft = KeyDraft::secret(management.operator().clone(), "server");
    let old = management.create_key(&system(), draft).await.unwrap().view;
    let new = management.rotate_key(&system(), &old.id, DAY).await.unwrap().view;
    nodes.deliver().await;
    let received = receiver.received().into_iter().map(|(_, body)| serde_json::from_str::<Value>(&body).unwrap());
    let data = received.into_iter().find(|body| body["type"] == "key.rotated").unwrap()["data"].take();
    assert_eq!(data["target"]["id"], old.id.as_str());
    for (part, name, expected) in [
        ("key", "name", "server"),
        ("key", "hint", old.hint.as_str()),
        ("key", "rotated_to", new.id.as_str()),
        ("successor", "id", new.id.as_str()),
        ("successor", "hint", new.hint.as_str()),
        ("successor", "rotated_from", old.id.as_str()),
    ] {
        assert_eq!(data[part][name], expected, "{data}");
    }
    assert_eq!(data["key"]["expires_at"], nodes.clock.now().saturating_add(DAY).to_string());
}
