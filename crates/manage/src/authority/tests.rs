use proptest::prelude::*;

use super::*;

fn account(name: &str) -> AccountId {
    name.parse().unwrap()
}

/// `purpose kind mode; scopes; networks; endpoints; expiry in seconds`
fn key(text: &str) -> Rights {
    let parts: Vec<&str> = text.split(';').map(str::trim).collect();
    let [head, scopes, networks, endpoints, end] = parts[..] else { panic!("{text}") };
    let head: Vec<&str> = head.split(' ').collect();
    let [purpose, kind, mode] = head[..] else { panic!("{text}") };
    let new = NewKey {
        kind: kind.parse().unwrap(),
        mode: mode.parse().unwrap(),
        scopes: scopes.parse().unwrap(),
        networks: networks.split_whitespace().map(|network| network.parse().unwrap()).collect(),
        endpoints: endpoints.split(',').filter(|e| !e.is_empty()).map(|e| e.trim().parse().unwrap()).collect(),
        expires_at: end.parse().ok().map(Timestamp::from_millis),
        ..NewKey::secret(account("acct_1"), "key")
    };
    let purpose = if purpose == "management" { Purpose::Management } else { Purpose::Api };
    Rights::of_new(&new, purpose)
}

#[test]
fn grant_beyond_the_grantor_is_refused_in_each_dimension() {
    let confined = "management restricted live; keys:write resources:*; 10.0.0.0/8; * /v1/keys/*; 1000";
    for (own, wanted, may) in [
        (confined, "management restricted live; keys:write; 10.0.0.0/8; * /v1/keys/*; 1000", true),
        (confined, "api restricted live; resources:read; 10.1.0.0/16; GET /v1/keys/a; 999", true),
        (confined, "api publishable live; resources:read; 10.1.0.0/16; GET /v1/keys; 999", true),
        (confined, "api restricted live; resources:read; ; * /v1/keys; 999", false),
        (confined, "api restricted live; resources:read; 10.0.0.0/7; * /v1/keys; 999", false),
        (confined, "api restricted live; resources:read; 10.1.0.0/16 ::/0; * /v1/keys; 999", false),
        (confined, "api restricted live; resources:read; 10.1.0.0/16; ; 999", false),
        (confined, "api restricted live; resources:read; 10.1.0.0/16; * /v1/accounts; 999", false),
        (confined, "api restricted live; resources:read; 10.1.0.0/16; * /v1/keys; 1001", false),
        (confined, "api restricted live; resources:read; 10.1.0.0/16; * /v1/keys; never", false),
        (confined, "api secret live; resources:read; 10.1.0.0/16; * /v1/keys; 999", false),
        (confined, "api restricted test; resources:read; 10.1.0.0/16; * /v1/keys; 999", false),
        (confined, "api restricted live; jobs:read; 10.1.0.0/16; * /v1/keys; 999", false),
        (confined, "api restricted live; *; 10.1.0.0/16; * /v1/keys; 999", false),
        ("api secret live; *; ; ; never", "management restricted live; keys:read; ; ; never", false),
        ("management secret test; *; ; ; never", "api secret live; *; ; ; never", false),
        (
            "management restricted live; keys:write; ; ; never",
            "management restricted live; keys:write; ; ; never",
            true,
        ),
        ("management restricted live; keys:write; ; ; never", "management restricted live; keys:*; ; ; never", false),
        (
            "management restricted live; keys:*; ; ; never",
            "management restricted live; members:write; ; ; never",
            false,
        ),
    ] {
        assert_eq!(key(own).check_key(&key(wanted)).is_ok(), may, "{own} grants {wanted}");
    }
    assert!(key(confined).check_key(&key(confined)).is_ok(), "the same again");
    let elsewhere = key(confined).within(&account("acct_2"), &account("operator"));
    assert!(key(confined).covers(&elsewhere).is_err(), "another account");
    let everywhere = key(confined).within(&account("operator"), &account("operator"));
    assert!(everywhere.covers(&elsewhere).is_ok() && elsewhere.covers(&everywhere).is_err());
}

#[test]
fn key_with_limits_gives_authority_to_its_successors_only() {
    let text = "management restricted live; keys:* members:*; ; ; never";
    let limited = |by: Option<&str>| key(text).limited_by(by.map(|id| id.parse().unwrap()));
    for (own, wanted, may) in [
        (None, None, true),
        (None, Some("key_1"), true),
        (Some("key_1"), None, false),
        (Some("key_1"), Some("key_2"), false),
        (Some("key_1"), Some("key_1"), true),
    ] {
        let compared = limited(own).check_key(&limited(wanted)).map_err(|error| error.code());
        assert_eq!(compared, if may { Ok(()) } else { Err("KEY_HAS_LIMITS") }, "{own:?} grants {wanted:?}");
    }
    assert_eq!(limited(Some("key_1")).check_changes_limits().map_err(|error| error.code()), Err("KEY_HAS_LIMITS"));
    assert!(limited(None).check_changes_limits().is_ok());
    let owner = Rights::of(Role::Owner);
    assert!(owner.may_give(Role::Viewer) && !owner.limited_by("key_1".parse().ok()).may_give(Role::Viewer));
}

#[test]
fn role_above_the_own_is_not_given() {
    for (own, given, may) in [
        (Role::Owner, Role::Owner, true),
        (Role::Admin, Role::Owner, false),
        (Role::Admin, Role::Admin, true),
        (Role::Admin, Role::Developer, true),
        (Role::Developer, Role::Admin, false),
        (Role::Viewer, Role::Developer, false),
    ] {
        assert_eq!(Rights::of(own).may_give(given), may, "{own} gives {given}");
    }
    // A role works in both modes, from everywhere and without an end.
    for (own, may) in [
        ("management secret live; *; ; ; never", true),
        ("management secret test; *; ; ; never", false),
        ("management secret live; *; 10.0.0.0/8; ; never", false),
        ("management secret live; *; ; * /v1/accounts/*; never", false),
        ("management secret live; *; ; ; 1000", false),
        ("management restricted live; *; ; ; never", false),
    ] {
        assert_eq!(key(own).may_give(Role::Owner), may, "{own}");
    }
    let confined =
        key("management restricted live; members:* accounts:read keys:read usage:read plans:read; 10.0.0.0/8; ; 9");
    assert!(!confined.may_give(Role::Viewer) && confined.check_outranks(Role::Viewer).is_ok());
    assert!(confined.check_outranks(Role::Developer).is_err());
}

#[test]
fn roles_are_ordered_so_rights_add_up() {
    for (lower, higher) in Role::ALL.into_iter().zip(Role::ALL.into_iter().skip(1)) {
        assert!(Rights::of(higher).covers(&Rights::of(lower)).is_ok(), "{higher} includes {lower}");
        for (one, other) in [(lower, higher), (higher, lower)] {
            assert_eq!(Rights::of(one).or(Rights::of(other)), Rights::of(higher));
        }
    }
}

fn any_key() -> impl Strategy<Value = Rights> {
    let some = |texts: &'static [&'static str]| prop::sample::select(texts);
    (
        some(&["api", "management"]),
        some(&["secret", "restricted"]),
        some(&["live", "test"]),
        some(&["*", "keys:*", "keys:write", "keys:write resources:read", "resources:read"]),
        some(&["", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16 192.0.2.0/24"]),
        some(&["", "* /v1/keys/*", "POST /v1/keys", "GET /v1/keys/a, POST /v1/keys"]),
        some(&["never", "1000", "2000"]),
    )
        .prop_map(|(purpose, kind, mode, scopes, networks, endpoints, end)| {
            key(&format!("{purpose} {kind} {mode}; {scopes}; {networks}; {endpoints}; {end}"))
        })
}

proptest! {
    #[test]
    fn covering_is_transitive(a in any_key(), b in any_key(), c in any_key()) {
        prop_assert!(a.covers(&a).is_ok());
        if a.covers(&b).is_ok() && b.covers(&c).is_ok() {
            prop_assert!(a.covers(&c).is_ok(), "{a:?} {b:?} {c:?}");
        }
    }
}

#[cfg(feature = "webhooks")]
#[test]
fn events_need_the_scopes_that_show_the_same() {
    let of = |name: &str| *EventKind::ALL.iter().find(|kind| kind.as_str() == name).unwrap();
    for (scopes, events, expected) in [
        ("webhooks:write", "key.revoked", Some("keys:read")),
        ("webhooks:write keys:write", "key.revoked", Some("keys:read")),
        ("keys:read", "key.revoked", None),
        ("keys:*", "key.created limit.reached", None),
        ("keys:read", "key.created member.added", Some("members:read")),
        ("members:read", "member.added invitation.declined user.deleted", None),
        ("members:read", "account.updated", Some("accounts:read")),
        ("accounts:read", "account.updated", None),
        ("accounts:read", "plan.updated", Some("plans:read")),
        ("plans:read", "plan.updated", None),
        ("webhooks:write", "webhook.test", Some("webhooks:read")),
        ("webhooks:read", "webhook.test webhook.removed", None),
        ("keys:read members:read", "token.reused", Some("audit:read")),
        ("keys:read members:read", "settings.updated", Some("audit:read")),
        ("keys:read accounts:read members:read plans:read webhooks:*", "", Some("audit:read")),
        ("keys:read accounts:read members:read plans:read webhooks:read audit:read", "", None),
        ("*", "", None),
    ] {
        let held = key(&format!("management restricted live; {scopes}; ; ; "));
        let kinds: Vec<_> = events.split_whitespace().map(of).collect();
        let missing = held.require_events(&kinds).err().map(|error| error.to_string());
        let expected = expected.map(|scope| format!("missing scope `{scope}`: use a key or a role that has it"));
        assert_eq!(missing, expected, "{scopes} for {events:?}");
    }
    assert!(key("management secret test; *; ; ; ").require_events(&[of("key.created")]).is_err());
    for role in Role::ALL {
        let (rights, reads) = (Rights::of(role), |scope| Rights::of(role).allows(scope));
        assert_eq!(rights.require_events(&[]).is_ok(), reads(&scopes::WEBHOOKS_READ), "{role}");
    }
}
