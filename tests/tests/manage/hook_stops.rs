//! A webhook whose key ended says so, and loses no event.

use std::time::Duration;

use keyward::manage::{
    Actor, AuditEntry, AuditQuery, Delivery, DeliveryState, EventKind, KeyChange, Management, PageRequest,
    WebhookState, WebhookUpdate,
};
use keyward::{AccountId, Mode};

use crate::events::{Nodes, Receiver, signed, system};
use crate::hook_rights::{URL, deliveries, key, something_happens};
use crate::setting::{Setting, on_sqlite};

const DAY: Duration = Duration::from_secs(86_400);

async fn stops(management: &Management) -> Vec<AuditEntry> {
    let page = PageRequest { after: None, limit: 500 };
    let query = AuditQuery { page, ..AuditQuery::default() };
    let mut entries = management.audit_log(&system(), &query).await.unwrap().items;
    entries.retain(|entry| entry.action == "webhook.stop");
    entries
}

async fn end(setting: &Setting, by: &Actor, way: &str) {
    let (management, system, id) = (&setting.management, system(), by.name().id.parse().unwrap());
    match way {
        "revoked" => drop(management.revoke_key(&system, &id).await.unwrap()),
        "disabled" => drop(management.set_key_disabled(&system, &id, true).await.unwrap()),
        "rotated" => drop(management.rotate_key(&system, &id, Duration::ZERO).await.unwrap()),
        "may not read" => {
            let change = KeyChange { scopes: Some("webhooks:*".parse().unwrap()), ..KeyChange::default() };
            management.update_key(&system, &id, change, 1).await.unwrap();
        }
        _ => setting.clock.advance(2 * DAY),
    }
}

fn states(deliveries: &[Delivery]) -> Vec<DeliveryState> {
    deliveries.iter().map(|delivery| delivery.state).collect()
}

#[tokio::test]
async fn a_stop_has_one_entry_and_one_event_with_its_reason() {
    for way in ["revoked", "expired", "disabled", "may not read", "rotated"] {
        let setting = on_sqlite();
        let management = &setting.management;
        let (owner, account) = setting.customer("ada@example.com").await;
        let by = key(&setting, &account, Mode::Live, "webhooks:* keys:read", 2).await;
        let kinds = [EventKind::KeyRevoked, EventKind::WebhookStopped];
        let own = management.create_webhook(&by, &account, URL, "", &kinds[..1]).await.unwrap().webhook.id;
        let other = management.create_webhook(&owner, &account, URL, "", &kinds[1..]).await.unwrap().webhook.id;
        end(&setting, &by, way).await;
        for _ in 0..3 {
            something_happens(&setting, &account).await;
            management.deliver_events().await.unwrap();
        }
        let entries = stops(management).await;
        assert_eq!((entries.len(), entries[0].target.id.as_str()), (1, own.as_str()), "{way}: {entries:?}");
        let reason = entries[0].after.as_ref().unwrap()["reason"].as_str().unwrap();
        assert!(reason.contains(way) && reason.contains(&by.name().id), "{way}: {reason}");
        let told = deliveries(management, &system(), &account, &other).await;
        assert_eq!(told.len(), 1, "{way}: {told:?}");
        assert_eq!(told[0].payload["type"], "webhook.stopped", "{way}");
        assert_eq!(told[0].payload["data"]["reason"], reason, "{way}");
        let view = management.webhook(&system(), &account, &own).await.unwrap();
        assert_eq!((view.state, view.stopped_since.is_some()), (WebhookState::KeyInactive, true), "{way}");
        let kept = deliveries(management, &system(), &account, &own).await;
        let number = if way == "revoked" { 4 } else { 3 };
        assert_eq!(states(&kept), vec![DeliveryState::NotSent; number], "{way}");
        assert!(kept.iter().all(|delivery| delivery.next_attempt_at.is_none()), "{way}: {kept:?}");

        // A second stop has its own entry.
        let next = key(&setting, &account, Mode::Live, "webhooks:* keys:read", 90).await;
        let enable = WebhookUpdate { enabled: Some(true), ..WebhookUpdate::default() };
        let view = management.update_webhook(&next, &account, &own, enable, view.version).await.unwrap();
        assert_eq!((view.state, view.stopped_since), (WebhookState::Active, None), "{way}");
        management.revoke_key(&system(), &next.name().id.parse().unwrap()).await.unwrap();
        management.deliver_events().await.unwrap();
        assert_eq!(stops(management).await.len(), 2, "{way}");
    }
}

#[tokio::test]
async fn a_key_that_works_again_ends_the_stop() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (_, account) = setting.customer("ada@example.com").await;
    let by = key(&setting, &account, Mode::Live, "webhooks:* keys:read", 90).await;
    let id = by.name().id.parse().unwrap();
    let own = management.create_webhook(&by, &account, URL, "", &[EventKind::KeyRevoked]).await.unwrap().webhook.id;
    for stop in 1..3 {
        management.set_key_disabled(&system(), &id, true).await.unwrap();
        management.deliver_events().await.unwrap();
        assert_eq!(stops(management).await.len(), stop);
        management.set_key_disabled(&system(), &id, false).await.unwrap();
        management.deliver_events().await.unwrap();
        let view = management.webhook(&system(), &account, &own).await.unwrap();
        assert_eq!((view.state, view.stopped_since), (WebhookState::Active, None));
    }
    something_happens(&setting, &account).await;
    let sent = deliveries(management, &system(), &account, &own).await;
    assert_eq!(states(&sent), [DeliveryState::Pending]);
}

#[tokio::test]
async fn a_key_that_expires_without_an_event_is_noticed_within_an_hour() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (_, account) = setting.customer("ada@example.com").await;
    let by = key(&setting, &account, Mode::Live, "webhooks:* keys:read", 2).await;
    management.create_webhook(&by, &account, URL, "", &[EventKind::KeyRevoked]).await.unwrap();
    management.maintain().await.unwrap();
    setting.clock.advance(2 * DAY);
    management.maintain().await.unwrap();
    management.maintain().await.unwrap();
    let entries = stops(management).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0].actor.kind, "system");
}

#[tokio::test]
async fn events_of_a_stop_are_sent_after_a_take_over() {
    let nodes = Nodes::calling_loopback().await;
    let (management, receiver) = (nodes.management(), Receiver::start(204).await);
    let home: &AccountId = management.operator();
    let setting = Setting { management: management.clone(), ..on_sqlite() };
    let by = key(&setting, home, Mode::Live, "webhooks:* keys:read", 90).await;
    let kinds = [EventKind::KeyRevoked];
    let issued = management.create_webhook(&by, home, &receiver.url(), "", &kinds).await.unwrap();
    let own = issued.webhook.id;
    management.revoke_key(&system(), &by.name().id.parse().unwrap()).await.unwrap();
    something_happens(&setting, home).await;
    nodes.deliver().await;
    let kept = nodes.deliveries(&own).await;
    assert_eq!((states(&kept), receiver.received().len()), (vec![DeliveryState::NotSent; 2], 0));

    // Before the take-over, a redelivery is not sent.
    management.redeliver(&system(), home, &own, &kept[0].id).await.unwrap();
    nodes.deliver().await;
    assert_eq!((nodes.deliveries(&own).await[0].state, receiver.received().len()), (DeliveryState::Failed, 0));

    let version = management.webhook(&system(), home, &own).await.unwrap().version;
    let enable = WebhookUpdate { enabled: Some(true), ..WebhookUpdate::default() };
    management.update_webhook(&system(), home, &own, enable, version).await.unwrap();
    nodes.deliver().await;
    assert_eq!(receiver.received().len(), 0, "events are sent on request only");
    for delivery in &kept {
        management.redeliver(&system(), home, &own, &delivery.id).await.unwrap();
    }
    nodes.deliver().await;
    assert_eq!(states(&nodes.deliveries(&own).await), [DeliveryState::Delivered; 2]);
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|message| signed(&issued.secret, message)));
}
