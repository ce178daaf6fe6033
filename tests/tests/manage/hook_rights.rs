//! A webhook shows no more than its maker may see, and not for longer.

use std::time::Duration;

use keyward::manage::{
    AccountUpdate, Actor, Context, Delivery, DeliveryState, EventKind, KeyChange, KeyDraft, Management,
    ManagementError, Purpose, WebhookState, WebhookUpdate,
};
use keyward::{AccountId, Identity, Mode, NewKey};

use crate::setting::{Setting, on_sqlite};

/// Its attempts fail before they reach the network.
pub(crate) const URL: &str = "https://localhost:1/hooks";

fn code<T: std::fmt::Debug>(result: Result<T, ManagementError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

pub(crate) async fn key(setting: &Setting, account: &AccountId, mode: Mode, scopes: &str, days: u64) -> Actor {
    let end = keyward::clock::Clock::now(&*setting.clock).saturating_add(Duration::from_secs(days * 86_400));
    let new = NewKey {
        mode,
        scopes: scopes.parse().unwrap(),
        expires_at: Some(end),
        ..NewKey::secret(account.clone(), "managing")
    };
    let draft = KeyDraft::of(Purpose::Management, new);
    let issued = setting.management.create_key(&setting.system(), draft).await.unwrap();
    Actor::of_identity(&Identity::api_key(issued.view.id, account.clone()), Context::new())
}

pub(crate) async fn deliveries(management: &Management, by: &Actor, account: &AccountId, id: &str) -> Vec<Delivery> {
    management.deliver_events().await.unwrap();
    management.deliveries(by, account, id, &Default::default()).await.unwrap().items
}

pub(crate) async fn something_happens(setting: &Setting, account: &AccountId) {
    let draft = KeyDraft::secret(account.clone(), "another");
    let made = setting.management.create_key(&setting.system(), draft).await.unwrap().view;
    setting.management.revoke_key(&setting.system(), &made.id).await.unwrap();
}

#[tokio::test]
async fn webhooks_need_the_scopes_that_show_what_their_events_show() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let kinds = [EventKind::KeyRevoked];
    let create =
        async |by: &Actor, events: &[EventKind]| code(management.create_webhook(by, &account, URL, "", events).await);
    let all = "accounts:read keys:read members:read plans:read webhooks:* audit:read";
    for (mode, scopes, some, every) in [
        (Mode::Live, "webhooks:write", "INSUFFICIENT_SCOPE", "INSUFFICIENT_SCOPE"),
        (Mode::Live, "webhooks:* keys:write", "INSUFFICIENT_SCOPE", "INSUFFICIENT_SCOPE"),
        (Mode::Live, "webhooks:* keys:read", "done", "INSUFFICIENT_SCOPE"),
        (Mode::Live, all, "done", "done"),
        (Mode::Test, "*", "INSUFFICIENT_SCOPE", "INSUFFICIENT_SCOPE"),
    ] {
        let by = key(&setting, &account, mode, scopes, 90).await;
        assert_eq!((create(&by, &kinds).await, create(&by, &[]).await), (some, every), "{mode} {scopes}");
        let own = management.create_webhook(&owner, &account, URL, "", &kinds).await.unwrap().webhook.id;
        management.test_webhook(&owner, &account, &own).await.unwrap();
        let seen = deliveries(management, &owner, &account, &own).await;
        let sent = &seen[0].id;
        let wider = WebhookUpdate { events: Some(Vec::new()), ..Default::default() };
        let moved = WebhookUpdate { url: Some("https://example.com/other".to_owned()), ..Default::default() };
        let version = async || management.webhook(&owner, &account, &own).await.unwrap().version;
        let widened = management.update_webhook(&by, &account, &own, wider, version().await).await;
        assert_eq!(code(widened), every, "{mode} {scopes}");
        let version = version().await;
        // All events need more than the scopes of one.
        let (once, page) = (if every == "done" { "done" } else { some }, Default::default());
        assert_eq!(code(management.update_webhook(&by, &account, &own, moved, version).await), once, "{mode} {scopes}");
        assert_eq!(code(management.deliveries(&by, &account, &own, &page).await), once, "{mode} {scopes}");
        assert_eq!(code(management.test_webhook(&by, &account, &own).await), once, "{mode} {scopes}");
        assert_eq!(code(management.rotate_webhook_secret(&by, &account, &own, None).await), once, "{mode} {scopes}");
        let again = management.redeliver(&by, &account, &own, sent).await;
        // A test shows a webhook, which needs `webhooks:read`.
        assert_eq!(code(again), once, "{mode} {scopes}");
        for webhook in management.webhooks(&owner, &account).await.unwrap() {
            management.remove_webhook(&owner, &account, &webhook.id, webhook.version).await.unwrap();
        }
    }
}

#[tokio::test]
async fn earlier_deliveries_of_other_events_need_their_scopes() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let webhook = management.create_webhook(&owner, &account, URL, "", &[]).await.unwrap().webhook.id;
    management.invite(&owner, &account, "bob@example.com", keyward::manage::Role::Viewer).await.unwrap();
    something_happens(&setting, &account).await;
    management.deliver_events().await.unwrap();
    let narrower = WebhookUpdate { events: Some(vec![EventKind::KeyRevoked]), ..Default::default() };
    management.update_webhook(&owner, &account, &webhook, narrower, 2).await.unwrap();
    let by = key(&setting, &account, Mode::Live, "webhooks:* keys:read", 90).await;
    let kinds = async |by: &Actor| {
        let seen = deliveries(management, by, &account, &webhook).await;
        seen.into_iter().map(|delivery| delivery.kind).collect::<Vec<_>>()
    };
    assert!(kinds(&owner).await.contains(&EventKind::MemberInvited));
    assert_eq!(kinds(&by).await, [EventKind::KeyRevoked, EventKind::KeyCreated]);
    let seen = deliveries(management, &owner, &account, &webhook).await;
    let invited = seen.iter().find(|delivery| delivery.kind == EventKind::MemberInvited).unwrap();
    assert_eq!(code(management.redeliver(&by, &account, &webhook, &invited.id).await), "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn a_key_that_redirects_a_webhook_gets_no_waiting_delivery_that_it_may_not_read() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let webhook = management.create_webhook(&owner, &account, URL, "", &[]).await.unwrap().webhook.id;
    management.invite(&owner, &account, "bob@example.com", keyward::manage::Role::Viewer).await.unwrap();
    something_happens(&setting, &account).await;
    let waiting = deliveries(management, &owner, &account, &webhook).await;
    assert!(waiting.iter().all(|delivery| delivery.state == DeliveryState::Pending), "{waiting:?}");
    let version = async || management.webhook(&owner, &account, &webhook).await.unwrap().version;
    let narrower = WebhookUpdate { events: Some(vec![EventKind::KeyCreated]), ..Default::default() };
    management.update_webhook(&owner, &account, &webhook, narrower, version().await).await.unwrap();
    let by = key(&setting, &account, Mode::Live, "webhooks:write keys:read", 90).await;
    let moved = WebhookUpdate { url: Some("https://localhost:1/other".to_owned()), ..Default::default() };
    management.update_webhook(&by, &account, &webhook, moved, version().await).await.unwrap();
    let test = management.test_webhook(&by, &account, &webhook).await.unwrap().id;
    setting.clock.advance(Duration::from_secs(60));
    let after = deliveries(management, &owner, &account, &webhook).await;
    assert!(after.iter().any(|delivery| delivery.kind == EventKind::MemberInvited), "{after:?}");
    for delivery in after {
        let error = delivery.attempts.last().unwrap().error.clone().unwrap();
        let is_withheld = error.starts_with("the key behind the webhook");
        let may_read = delivery.kind.as_str().starts_with("key.") || delivery.id == test;
        assert_eq!((is_withheld, delivery.state == DeliveryState::Failed), (!may_read, !may_read), "{delivery:?}");
    }
}

#[tokio::test]
async fn a_webhook_of_a_key_gets_nothing_after_the_key() {
    for end in ["revoke", "expire", "disable", "narrow", "rotate"] {
        let setting = on_sqlite();
        let management = &setting.management;
        let (owner, account) = setting.customer("ada@example.com").await;
        let by = key(&setting, &account, Mode::Live, "webhooks:* keys:read", 2).await;
        let id = by.name().id.parse().unwrap();
        let kinds = [EventKind::KeyRevoked];
        let issued = management.create_webhook(&by, &account, URL, "", &kinds).await.unwrap().webhook;
        assert_eq!((issued.state, issued.created_by.as_ref()), (WebhookState::Active, Some(&by.name())));
        let webhook = issued.id;
        something_happens(&setting, &account).await;
        let pending = deliveries(management, &owner, &account, &webhook).await;
        assert_eq!((pending.len(), pending[0].state), (1, DeliveryState::Pending), "{end}");

        let system = setting.system();
        match end {
            "revoke" => drop(management.revoke_key(&system, &id).await.unwrap()),
            "disable" => drop(management.set_key_disabled(&system, &id, true).await.unwrap()),
            "rotate" => drop(management.rotate_key(&system, &id, Duration::ZERO).await.unwrap()),
            "narrow" => {
                let change = KeyChange { scopes: Some("webhooks:*".parse().unwrap()), ..KeyChange::default() };
                management.update_key(&system, &id, change, 1).await.unwrap();
            }
            _ => setting.clock.advance(Duration::from_secs(2 * 86_400)),
        }
        setting.clock.advance(Duration::from_secs(10));
        something_happens(&setting, &account).await;
        let after = deliveries(management, &system, &account, &webhook).await;
        // Later events are kept.
        let (failed, kept) = after.split_last().unwrap();
        assert_eq!(failed.state, DeliveryState::Failed, "{end}: {after:?}");
        assert!(!kept.is_empty() && kept.iter().all(|kept| kept.state == DeliveryState::NotSent), "{end}: {after:?}");
        for delivery in &after {
            let error = delivery.attempts.last().unwrap().error.clone().unwrap();
            assert!(error.starts_with("the key behind the webhook does not work"), "{end}: {error}");
        }
        let view = management.webhook(&system, &account, &webhook).await.unwrap();
        assert_eq!((view.state, view.enabled), (WebhookState::KeyInactive, true), "{end}");

        // Another takes it over.
        let enable = WebhookUpdate { enabled: Some(true), ..Default::default() };
        let view = management.update_webhook(&system, &account, &webhook, enable, view.version).await.unwrap();
        assert_eq!((view.state, view.responsible.unwrap().kind), (WebhookState::Active, "system".to_owned()), "{end}");
        assert_eq!(view.created_by, Some(by.name()), "{end}");
        something_happens(&setting, &account).await;
        let number = deliveries(management, &system, &account, &webhook).await.len();
        assert_eq!(number, after.len() + 1, "{end}");
    }
}

#[tokio::test]
async fn the_successor_of_a_rotated_key_is_responsible_for_its_webhooks() {
    let setting = on_sqlite();
    let management = &setting.management;
    setting.operator().await;
    let (_, account) = setting.customer("ada@example.com").await;
    let system = setting.system();
    // A key of the operator can have webhooks in other accounts.
    for of in [account.clone(), management.operator().clone()] {
        let by = key(&setting, &of, Mode::Live, "webhooks:* keys:read", 90).await;
        let id = by.name().id.parse().unwrap();
        let kinds = [EventKind::KeyRevoked];
        let webhook = management.create_webhook(&by, &account, URL, "", &kinds).await.unwrap().webhook.id;
        let other = management.create_webhook(&system, &account, URL, "", &kinds).await.unwrap().webhook;
        let overlap = Duration::from_secs(3_600);
        let successor = management.rotate_key(&system, &id, overlap).await.unwrap().view.id;
        setting.clock.advance(2 * overlap);
        let view = async || management.webhook(&system, &account, &webhook).await.unwrap();
        let known = view().await;
        assert_eq!((known.state, known.responsible.unwrap().id), (WebhookState::Active, successor.to_string()), "{of}");
        assert_eq!(known.created_by, Some(by.name()), "{of}");
        something_happens(&setting, &account).await;
        assert_eq!(deliveries(management, &system, &account, &webhook).await.len(), 1, "{of}");
        management.revoke_key(&system, &successor).await.unwrap();
        assert_eq!(view().await.state, WebhookState::KeyInactive, "{of}");
        let untouched = management.webhook(&system, &account, &other.id).await.unwrap();
        assert_eq!(untouched.responsible, other.responsible, "{of}");
    }
}

#[tokio::test]
async fn a_key_that_redirects_a_webhook_is_responsible_for_it() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (owner, account) = setting.customer("ada@example.com").await;
    let all = "accounts:read keys:read members:read plans:read webhooks:* audit:read";
    for (update, is_responsible) in [
        (WebhookUpdate { description: Some("Alerts".to_owned()), ..Default::default() }, false),
        (WebhookUpdate { url: Some(URL.to_owned()), ..Default::default() }, false),
        (WebhookUpdate { enabled: Some(false), ..Default::default() }, false),
        (WebhookUpdate { url: Some("https://localhost:1/other".to_owned()), ..Default::default() }, true),
        (WebhookUpdate { events: Some(vec![EventKind::KeyCreated]), ..Default::default() }, true),
        (WebhookUpdate { enabled: Some(true), ..Default::default() }, true),
    ] {
        let by = key(&setting, &account, Mode::Live, all, 90).await;
        let known = management.create_webhook(&owner, &account, URL, "", &[]).await.unwrap().webhook;
        let view = management.update_webhook(&by, &account, &known.id, update.clone(), known.version).await.unwrap();
        assert_eq!(view.responsible == Some(by.name()), is_responsible, "{update:?}");
        assert_eq!(view.created_by, Some(owner.name()), "{update:?}");
        management.revoke_key(&owner, &by.name().id.parse().unwrap()).await.unwrap();
        let state = management.webhook(&owner, &account, &known.id).await.unwrap().state;
        assert_eq!(state == WebhookState::KeyInactive, is_responsible, "{update:?}");
    }
}

#[tokio::test]
async fn a_suspended_account_gets_no_events_until_it_is_resumed() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (system, _) = (setting.system(), setting.operator().await);
    let (owner, account) = setting.customer("ada@example.com").await;
    let own = management.create_webhook(&owner, &account, URL, "", &[]).await.unwrap().webhook.id;
    let operators = management.create_webhook(&system, management.operator(), URL, "", &[]).await.unwrap().webhook.id;
    let suspend = async |suspended| {
        let version = management.account(&system, &account).await.unwrap().version;
        let update = AccountUpdate { suspended: Some(suspended), ..AccountUpdate::default() };
        management.update_account(&system, &account, &update, version).await.unwrap();
    };
    let count = async |of: &AccountId, id: &str| deliveries(management, &system, of, id).await.len();
    suspend(true).await;
    let before = count(management.operator(), &operators).await;
    something_happens(&setting, &account).await;
    assert_eq!(count(&account, &own).await, 0);
    assert_eq!(count(management.operator(), &operators).await, before + 2);
    assert_eq!(management.webhook(&owner, &account, &own).await.unwrap().state, WebhookState::AccountSuspended);
    // As with keys: the users manage them, and none works.
    let second = management.create_webhook(&owner, &account, URL, "", &[]).await.unwrap().webhook;
    assert_eq!(second.state, WebhookState::AccountSuspended);
    management.test_webhook(&owner, &account, &own).await.unwrap();
    let test = deliveries(management, &owner, &account, &own).await.remove(0);
    let error = test.attempts[0].error.as_deref();
    assert_eq!(
        (test.state, error),
        (DeliveryState::Failed, Some("the account is suspended: resume it, then redeliver"))
    );
    suspend(false).await;
    something_happens(&setting, &account).await;
    // The resumption, and both events of the key.
    assert_eq!(count(&account, &own).await, 1 + 3);
    // Nothing answers at its URL.
    assert_eq!(management.webhook(&owner, &account, &own).await.unwrap().state, WebhookState::Failing);
}
