//! Each message survives a round trip and shows no secret in `Debug`.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::fmt::Debug;

use keyward_api_types::{
    AcceptInvitation, AcceptLink, Accepted, Account, AuditEntry, AuditVerdict, ChangePassword, ChangedKey,
    CreateAccount, CreateKey, CreatePlan, CreateSignInLink, CreateWebhook, Delivery, ForgotPassword, Invitation,
    Invite, Invited, IssuedKey, IssuedWebhook, Joined, Key, Lifetimes, Member, Page, PasswordReset, Plan, Problem,
    PutLifetimes, PutPlan, RecentRequest, Refresh, ResetPassword, RevokeKey, RevokedKeys, RotateKey,
    RotateWebhookSecret, RotatedKey, RotationPreview, Session, Settings, SignIn, SignInLink, SignOut, SignUp, Tokens,
    UpdateAccount, UpdateKey, UpdateMember, UpdateSettings, UpdateUser, UpdateWebhook, Usage, VersionedUser, Webhook,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

const CANARY: &str = "canary-0123456789";

fn merged(parts: &[Value]) -> Value {
    let mut fields = Map::new();
    for part in parts {
        fields.extend(part.as_object().unwrap().clone());
    }
    Value::Object(fields)
}

fn key() -> Value {
    json!({
        "id": "key_1", "account": "acct_1", "user": "usr_1", "purpose": "api", "name": "server", "hint": "kw_live_…3456", "hashed_with": "sha256",
        "kind": "restricted", "mode": "live", "scopes": ["resources:read"], "endpoints": ["GET /v1/videos/*"],
        "networks": ["192.0.2.0/24"], "metadata": {"ratio": 0.1, "large": 9_007_199_254_740_993_u64, "deep": {"key": ["a"]}},
        "tags": ["nightly"], "status": "active", "created_at": "2026-03-01T12:00:00Z", "created_by": {"type": "user", "id": "usr_1"},
        "revocation": {"reason": "superseded", "note": null}, "not_before": null, "expires_at": "2027-03-01T12:00:00Z",
        "expires_soon": false, "last_used_at": null, "last_used_from": "192.0.2.0/24", "used_after_rotation_at": null,
        "disabled_at": null, "revoked_at": null, "compromised_at": null, "rotated_from": "key_0", "rotated_to": null, "version": 7,
    })
}

fn user() -> Value {
    json!({
        "id": "usr_1", "email": "ada@example.com", "email_verified": true, "name": "Ada", "created_at": "2026-03-01T12:00:00Z",
        "last_sign_in_at": null, "disabled_at": null,
    })
}

fn invitation() -> Value {
    json!({
        "id": "inv_1", "account": "acct_1", "account_name": "Example", "email": "ada@example.com", "role": "developer",
        "invited_by": {"type": "user", "id": "usr_1"}, "created_at": "2026-03-01T12:00:00Z", "ends_at": "2026-03-08T12:00:00Z",
    })
}

fn effective() -> Value {
    json!({"effective": {"confirmed": 2, "waited_out": 0, "took_ms": 12}})
}

/// A server refuses unknown fields. A client ignores them, because a newer server may send more.
fn check<T: DeserializeOwned + Serialize + Debug>(body: Value, read_by_server: bool) {
    let name = std::any::type_name::<T>();
    let message: T = serde_json::from_str(&body.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(!format!("{message:?}").contains(CANARY), "{name} shows its secret");
    assert_eq!(serde_json::to_value(&message).unwrap(), body, "{name}");
    let newer = merged(&[body, json!({"a_field_of_tomorrow": {"a": [1]}})]);
    let result = serde_json::from_str::<T>(&newer.to_string());
    assert_eq!(result.is_err(), read_by_server, "{name} with an unknown field");
}

fn webhook() -> Value {
    json!({
        "id": "whk_1", "account": "acct_1", "url": "https://example.com/", "description": "Alerts",
        "events": ["key.revoked"], "enabled": true, "disabled_reason": null, "failing_since": null,
        "stopped_since": null, "previous_secret_ends_at": null, "state": "key_inactive", "created_by": {"type": "user", "id": "usr_1"},
        "responsible": {"type": "key", "id": "key_1"}, "created_at": "2026-03-01T12:00:00Z", "version": 1,
    })
}

#[test]
fn answers_are_written_as_they_are_read() {
    fn answer<T: DeserializeOwned + Serialize + Debug>(body: Value) {
        check::<T>(body, false);
    }
    answer::<Key>(key());
    answer::<IssuedKey>(merged(&[key(), json!({"key": CANARY})]));
    answer::<RevokedKeys>(json!({"revoked": ["key_1"]}));
    answer::<RotatedKey>(merged(&[key(), effective(), json!({"key": CANARY, "predecessor": key()})]));
    answer::<ChangedKey>(merged(&[key(), effective()]));
    answer::<Account>(json!({
        "id": "acct_1", "name": "Example", "plan": "pro", "features": ["export"], "suspended_at": null,
        "created_at": "2026-03-01T12:00:00Z", "lifetimes": {"default_seconds": 60, "maximum_seconds": null}, "role": "owner", "requires_second_factor": true,
        "version": 1,
    }));
    answer::<Lifetimes>(json!({
        "default_seconds": null, "maximum_seconds": 86_400, "effective": {"default_seconds": 3_600, "maximum_seconds": 86_400},
        "version": 2,
    }));
    answer::<RotationPreview>(json!({"expires_at": null, "latest_expires_at": "2027-03-01T12:00:00Z"}));
    answer::<Member>(json!({"user": user(), "role": "viewer", "created_at": "2026-03-01T12:00:00Z", "version": 1}));
    answer::<Invitation>(invitation());
    answer::<Invited>(merged(&[invitation(), json!({"invitation": CANARY})]));
    answer::<Invited>(invitation());
    answer::<Joined>(json!({"account": "acct_1"}));
    answer::<VersionedUser>(merged(&[user(), json!({"version": 1})]));
    answer::<Session>(json!({
        "id": "a", "created_at": "2026-03-01T12:00:00Z", "last_seen_at": "2026-03-01T12:00:00Z", "address": "192.0.2.7",
        "last_seen_from": "192.0.2.0/24", "user_agent": null, "device": "unknown device", "by_link": false, "link_from": null,
        "current": true,
    }));
    answer::<PasswordReset>(json!({"user": user(), "reset": CANARY, "ends_at": "2026-03-01T12:00:00Z"}));
    answer::<PasswordReset>(json!({"user": user()}));
    answer::<SignInLink>(json!({"user": user(), "url": CANARY, "ends_at": "2026-03-01T12:00:00Z"}));
    answer::<Accepted>(json!({"detail": "Sign in again."}));
    answer::<Tokens>(json!({
        "access_token": CANARY, "token_type": "Bearer", "expires_at": "2026-03-01T12:00:00Z", "refresh_token": CANARY,
        "refresh_expires_at": "2026-03-01T12:00:00Z", "user": "usr_1", "account": "acct_1",
    }));
    answer::<Plan>(json!({"name": "pro", "description": "", "key_limit": 5, "scopes": null, "version": 1}));
    answer::<Usage>(json!({
        "days": [{"key": "key_1", "day": "2026-03-01T00:00:00Z", "outcome": "accepted", "times": 3}],
        "scopes": [{"day": "2026-03-01T00:00:00Z", "scope": "videos:read", "outcome": "insufficient_scope", "times": 2}],
    }));
    answer::<RecentRequest>(json!({
        "at": "2026-03-01T12:00:00Z", "method": "GET", "route": "/v1/videos/{id}", "network": "192.0.2.0/24", "outcome": "INSUFFICIENT_SCOPE",
        "missing_scopes": ["videos:read", "videos:write"], "any_scope_suffices": true,
    }));
    answer::<AuditEntry>(json!({
        "number": 1, "at": "2026-03-01T12:00:00Z", "actor": {"type": "key", "id": "key_1"}, "action": "key.revoke",
        "outcome": "done", "target": {"type": "key", "id": "key_1"}, "account": "acct_1", "address": null, "user_agent": null,
        "request_id": null, "before": {"a": 1}, "after": null, "previous": "00",
    }));
    answer::<AuditVerdict>(json!({
        "intact": false, "entries": 1, "hash": "00", "checkpoint": "1:00", "first_bad": 2, "why": "it was changed",
        "pruned_through": null,
    }));
    answer::<Webhook>(webhook());
    answer::<IssuedWebhook>(merged(&[webhook(), json!({"secret": CANARY})]));
    answer::<Delivery>(json!({
        "id": "evt_1.whk_1", "webhook": "whk_1", "event": "evt_1", "type": "key.revoked", "state": "pending",
        "created_at": "2026-03-01T12:00:00Z", "next_attempt_at": "2026-03-01T12:00:05Z",
        "attempts": [{"at": "2026-03-01T12:00:00Z", "status": 500, "error": null, "duration_ms": 12}],
        "payload": {"type": "key.revoked"},
    }));
    answer::<Settings>(json!({"name": null, "accent": "#3c4cc0", "theme": "dark", "logo": null, "version": 1}));
    answer::<Problem>(json!({
        "type": "about:blank", "title": "Not Found", "status": 404, "detail": "There is no such key.", "code": "NOT_FOUND",
        "request_id": "req_1",
    }));
    answer::<Page<Key>>(json!({"data": [key()], "next": null}));
}

#[test]
fn requests_are_strict_and_written_as_they_are_read() {
    fn request<T: DeserializeOwned + Serialize + Debug>(body: Value) {
        check::<T>(body, true);
    }
    request::<CreateKey>(json!({
        "account": "acct_1", "user": "usr_1", "name": "server", "purpose": "management", "kind": "secret", "mode": "test",
        "scopes": ["resources:read"], "endpoints": ["GET /v1/videos/*"], "networks": ["192.0.2.0/24"], "metadata": {"ratio": 0.1},
        "tags": ["nightly"],
        "not_before": null, "expires_at": "2027-03-01T12:00:00Z",
    }));
    request::<UpdateKey>(json!({
        "name": "server", "scopes": ["resources:read"], "endpoints": [], "networks": ["192.0.2.0/24"], "metadata": {},
        "tags": [], "user": null, "expires_at": null,
    }));
    request::<UpdateKey>(json!({}));
    request::<RevokeKey>(json!({"reason": "key_compromise", "note": "in a log"}));
    request::<RotateKey>(json!({"overlap_seconds": 60}));
    request::<RotateKey>(json!({"overlap_seconds": 60, "expires_at": null}));
    request::<RotateKey>(json!({"overlap_seconds": 60, "expires_at": "2027-03-01T12:00:00Z"}));
    request::<PutLifetimes>(json!({"default_seconds": 3_600, "maximum_seconds": null}));
    request::<CreateAccount>(json!({"name": "Example"}));
    request::<UpdateAccount>(json!({"name": "Example", "plan": null, "features": ["export"], "suspended": true}));
    request::<UpdateMember>(json!({"role": "admin"}));
    request::<Invite>(json!({"email": "ada@example.com", "role": "viewer"}));
    request::<AcceptLink>(json!({"invitation": CANARY}));
    request::<SignUp>(json!({"email": "ada@example.com", "name": "Ada", "password": CANARY}));
    request::<AcceptInvitation>(json!({"invitation": CANARY, "name": "Ada", "password": CANARY}));
    request::<CreateSignInLink>(json!({
        "user": "ada@example.com", "account": "acct_1", "path": "/usage", "name": "Ada", "role": "developer",
    }));
    request::<ForgotPassword>(json!({"email": "ada@example.com"}));
    request::<ResetPassword>(json!({"reset": CANARY, "password": CANARY}));
    request::<UpdateUser>(json!({"name": "Ada"}));
    request::<ChangePassword>(json!({"current": CANARY, "new": CANARY}));
    request::<SignIn>(json!({"email": "ada@example.com", "password": CANARY}));
    request::<Refresh>(json!({"refresh_token": CANARY}));
    request::<SignOut>(json!({"everywhere": true}));
    request::<CreatePlan>(json!({"name": "pro", "description": "For teams", "key_limit": null, "scopes": ["a:read"]}));
    request::<PutPlan>(json!({"description": "For teams", "key_limit": 5, "scopes": null}));
    request::<CreateWebhook>(json!({"url": "https://example.com/", "description": "", "events": ["key.revoked"]}));
    request::<UpdateWebhook>(json!({
        "url": "https://example.com/", "description": "Alerts", "events": [], "enabled": false,
    }));
    request::<UpdateWebhook>(json!({}));
    request::<RotateWebhookSecret>(json!({"overlap_seconds": 0}));
    request::<RotateWebhookSecret>(json!({}));
    request::<UpdateSettings>(json!({"name": null, "accent": "#3c4cc0", "theme": "dark", "logo": "iVBORw0KGgo="}));
}

#[test]
fn left_out_fields_of_a_new_key_have_their_defaults() {
    for (body, expected) in [
        (json!({"name": "a"}), Some(CreateKey::restricted("a", keyward::ScopeSet::default()))),
        (
            json!({"name": "a", "kind": null, "mode": null, "account": null}),
            Some(CreateKey::restricted("a", keyward::ScopeSet::default())),
        ),
        (json!({"name": "a", "kind": {"secret": null}}), None),
        (json!({"name": "a", "purpose": {"api": null}}), None),
        (json!({"name": "a", "purpose": null}), None),
        (json!({"name": "a", "networks": ["192.0.2.1/24"]}), None),
        (json!({"name": "a", "networks": null}), None),
        (json!({"kind": "secret"}), None),
    ] {
        assert_eq!(serde_json::from_value::<CreateKey>(body.clone()).ok(), expected, "{body}");
    }
}

#[test]
fn a_problem_without_a_type_is_about_blank() {
    let body = json!({"status": 503, "detail": "Busy\u{1b}[2J.", "code": "BUSY", "request_id": "req_1"});
    let problem: Problem = serde_json::from_value(body).unwrap();
    assert_eq!((problem.kind.as_str(), problem.title.as_deref()), ("about:blank", None));
    assert_eq!(problem.to_string(), "Busy[2J.");
}
