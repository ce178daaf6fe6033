//! The audit log: complete, without secrets, and evident when altered.

use std::sync::atomic::Ordering;
use std::time::Duration;

use keyward::clock::Clock;
use keyward::manage::{
    Actor, AuditCheckpoint, AuditQuery, Context, KeyDraft, ManagementError, NewUser, Outcome, PageRequest,
};

use crate::setting::{PASSWORD, Setting, everywhere, failing, on_sqlite};

async fn actions(setting: &Setting, operator: &Actor) -> Vec<String> {
    let page = setting.management.audit_log(operator, &AuditQuery::default()).await.unwrap();
    page.items.into_iter().rev().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn everything_is_logged_and_each_entry_follows_the_one_before() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        let issued = management.create_key(&owner, KeyDraft::secret(account.clone(), "production")).await.unwrap();
        management.revoke_key(&owner, &issued.view.id).await.unwrap();
        let logged = actions(&setting, &operator).await;
        let expected = ["user.create", "session.begin", "user.sign_up", "session.begin", "key.create", "key.revoke"];
        assert_eq!(logged, expected);

        let query = AuditQuery { account: Some(account), ..AuditQuery::default() };
        let own = management.audit_log(&owner, &query).await.unwrap().items;
        assert_eq!(
            own.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(),
            ["key.revoke", "key.create", "session.begin", "user.sign_up"]
        );
        assert_eq!(own[0].target.id, issued.view.id.to_string());
        assert_eq!(own[0].before.as_ref().unwrap()["revoked_at"], serde_json::Value::Null);
        assert_ne!(own[0].after.as_ref().unwrap()["revoked_at"], serde_json::Value::Null);
        assert!(matches!(
            management.audit_log(&owner, &AuditQuery::default()).await,
            Err(ManagementError::NotFound(_))
        ));

        let page = PageRequest { limit: 1, ..PageRequest::default() };
        let first = management.audit_log(&owner, &AuditQuery { page, ..query.clone() }).await.unwrap();
        let page = PageRequest { after: first.next, limit: 1 };
        assert_eq!(management.audit_log(&owner, &AuditQuery { page, ..query }).await.unwrap().items[0], own[1]);

        let verdict = management.verify_audit_log(&operator, None).await.unwrap();
        assert_eq!((verdict.entries, verdict.first_bad), (6, None));
    }
}

#[tokio::test]
async fn what_was_tampered_with_is_named() {
    for (tampering, number, why) in [
        (
            "UPDATE desk_records SET body = replace(body, 'user.sign_up', 'user.sign_on') WHERE kind = 'audit' AND id = '3'",
            3,
            "contents have changed",
        ),
        ("DELETE FROM desk_records WHERE kind = 'audit' AND id = '2'", 2, "is in its place"),
        ("UPDATE desk_records SET owner = 'operator' WHERE kind = 'audit' AND id = '5'", 5, "has other fields"),
        ("UPDATE desk_records SET body = 'nonsense' WHERE kind = 'audit' AND id = '4'", 4, "is not an entry"),
        (
            "UPDATE desk_records SET body = replace(body, '\"number\":1', '\"number\":7') WHERE kind = 'audit' AND id = '1'",
            1,
            "is in its place",
        ),
        // Replace an entry by a copy of another, which breaks the chain of hashes.
        (
            "UPDATE desk_records SET body = (SELECT body FROM desk_records WHERE kind = 'audit' AND id = '3'), key = 'x' WHERE kind = 'audit' AND id = '4'",
            4,
            "is in its place",
        ),
    ] {
        let setting = on_sqlite();
        let operator = setting.operator().await;
        let (owner, account) = setting.customer("ada@example.com").await;
        setting.management.create_key(&owner, KeyDraft::secret(account, "production")).await.unwrap();
        let connection = rusqlite::Connection::open(setting.file.as_ref().unwrap()).unwrap();
        assert_eq!(connection.execute(tampering, []).unwrap(), 1, "{tampering}");
        let verdict = setting.management.verify_audit_log(&operator, None).await.unwrap();
        let (bad, said) = verdict.first_bad.unwrap_or_else(|| panic!("not detected: {tampering}"));
        assert_eq!(bad, number, "{tampering}");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn a_log_that_was_cut_or_written_anew_shows_against_a_checkpoint() {
    let setting = on_sqlite();
    let operator = setting.operator().await;
    let (owner, account) = setting.customer("ada@example.com").await;
    let verify =
        async |since: &AuditCheckpoint| setting.management.verify_audit_log(&operator, Some(since)).await.unwrap();
    let early = setting.management.verify_audit_log(&operator, None).await.unwrap().checkpoint();
    setting.management.create_key(&owner, KeyDraft::secret(account, "production")).await.unwrap();
    let late = setting.management.verify_audit_log(&operator, None).await.unwrap().checkpoint();
    for known in [&early, &late] {
        assert_eq!(verify(known).await.first_bad, None);
    }

    let connection = rusqlite::Connection::open(setting.file.as_ref().unwrap()).unwrap();
    let last = "kind = 'audit' AND id = (SELECT id FROM desk_records WHERE kind = 'audit' ORDER BY sort DESC LIMIT 1)";
    assert_eq!(connection.execute(&format!("DELETE FROM desk_records WHERE {last}"), []).unwrap(), 1);
    assert_eq!(
        setting.management.verify_audit_log(&operator, None).await.unwrap().first_bad,
        None,
        "a missing end was detected without a checkpoint"
    );
    assert_eq!(verify(&early).await.first_bad, None);
    let (bad, why) = verify(&late).await.first_bad.unwrap();
    assert!(why.contains("ends before the checkpoint"), "{bad} {why}");

    let forged: AuditCheckpoint = format!("2:{}", "0".repeat(64)).parse().unwrap();
    let (bad, why) = verify(&forged).await.first_bad.unwrap();
    assert!(bad == 2 && why.contains("was rewritten"), "{bad} {why}");
    let hash = "0".repeat(64);
    let wrong = [
        "",
        ":",
        "12",
        "12:",
        &hash,
        &format!(":{hash}"),
        &format!("x:{hash}"),
        &format!("012:{hash}"),
        &format!("1:{hash}0"),
    ];
    for text in wrong {
        assert!(text.parse::<AuditCheckpoint>().is_err(), "{text:?}");
    }
}

#[tokio::test]
async fn what_a_crash_has_left_half_done_is_logged_all_the_same() {
    let (setting, records) = failing();
    let management = &setting.management;
    let operator = setting.operator().await;
    let (owner, account) = setting.customer("ada@example.com").await;
    // The key is created, but its audit entry is not written.
    records.fails.store(true, Ordering::Relaxed);
    let issued = management.create_key(&owner, KeyDraft::secret(account, "production")).await.unwrap();
    records.fails.store(false, Ordering::Relaxed);
    assert!(!actions(&setting, &operator).await.contains(&"key.create".to_owned()));
    management.maintain().await.unwrap();
    assert!(
        !actions(&setting, &operator).await.contains(&"key.create".to_owned()),
        "maintenance completed an operation that may still be running"
    );

    setting.clock.advance(Duration::from_secs(301));
    for _ in 0..2 {
        management.maintain().await.unwrap();
        let page = management.audit_log(&operator, &AuditQuery::default()).await.unwrap();
        let logged: Vec<_> = page.items.iter().filter(|entry| entry.action == "key.create").collect();
        assert_eq!(logged.len(), 1);
        assert_eq!((logged[0].outcome, &logged[0].target.id), (Outcome::Unknown, &issued.view.id.to_string()));
    }
    assert_eq!(management.verify_audit_log(&operator, None).await.unwrap().first_bad, None);
}

#[tokio::test]
async fn refused_attempts_are_one_entry_for_each_network_and_reason() {
    let setting = on_sqlite();
    let management = &setting.management;
    let operator = setting.operator().await;
    let before = actions(&setting, &operator).await.len();
    let from = |third: u8, last: u8| Context::new().address([192, 0, third, last]);
    for last in 0..20 {
        // A known and an unknown address get the same entry.
        for email in ["operator@example.com", "stranger@example.com"] {
            assert!(matches!(
                management.sign_in(&from(2, last), email, "a guess").await,
                Err(ManagementError::WrongCredentials)
            ));
        }
    }
    assert!(management.sign_in(&from(3, 1), "operator@example.com", "a guess").await.is_err());
    management.sign_up(&from(2, 1), NewUser::new("operator@example.com", "Again", PASSWORD)).await.unwrap();
    assert!(management.change_password(&operator, "a guess", "another horse battery staple").await.is_err());
    assert_eq!(actions(&setting, &operator).await.len(), before, "a refused attempt wrote an entry at once");

    for _ in 0..2 {
        management.maintain().await.unwrap();
        let mut logged = management.audit_log(&operator, &AuditQuery::default()).await.unwrap().items;
        logged.truncate(logged.len() - before);
        let mut rows: Vec<_> = logged
            .iter()
            .map(|entry| {
                assert_eq!(entry.outcome, Outcome::Refused);
                let after = entry.after.as_ref().unwrap();
                (entry.action.as_str(), after["network"].as_str(), after["times"].as_u64().unwrap())
            })
            .collect();
        rows.sort_unstable();
        let expected = [
            ("session.begin", Some("192.0.2.0/24"), 40),
            ("session.begin", Some("192.0.3.0/24"), 1),
            ("user.change_password", None, 1),
            ("user.sign_up", Some("192.0.2.0/24"), 1),
        ];
        assert_eq!(rows, expected);
    }
    assert_eq!(management.verify_audit_log(&operator, None).await.unwrap().first_bad, None);
}

#[tokio::test]
async fn refused_attempts_from_many_networks_are_counted_together() {
    let setting = on_sqlite();
    let operator = setting.operator().await;
    let before = actions(&setting, &operator).await.len();
    for network in 0..300_u16 {
        let [high, low] = network.to_be_bytes();
        let context = Context::new().address([10, high, low, 1]);
        assert!(setting.management.sign_in(&context, "operator@example.com", "a guess").await.is_err());
    }
    setting.management.maintain().await.unwrap();
    let page = PageRequest { limit: 500, ..PageRequest::default() };
    let query = AuditQuery { page, ..AuditQuery::default() };
    let logged = setting.management.audit_log(&operator, &query).await.unwrap().items;
    let times: Vec<_> = logged.iter().filter_map(|entry| entry.after.as_ref()?["times"].as_u64()).collect();
    assert_eq!((logged.len() - before, times.iter().sum::<u64>(), times.iter().max()), (257, 300, Some(&44)));
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[tokio::test]
async fn a_pruned_log_verifies_from_its_cut() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.system();
        setting.operator().await;
        let early = management.verify_audit_log(&operator, None).await.unwrap().checkpoint();
        for _ in 0..205 {
            management.sign_out_everywhere(&setting.signed_in("operator@example.com").await).await.unwrap();
        }
        let cut = management.verify_audit_log(&operator, None).await.unwrap();
        setting.clock.advance(DAY);
        let middle = setting.clock.now();
        assert!(
            management.prune_audit_log(&operator, middle.saturating_add(DAY)).await.is_err(),
            "pruning accepted a time in the future"
        );
        setting.clock.advance(DAY);
        setting.signed_in("operator@example.com").await;
        let late = management.verify_audit_log(&operator, None).await.unwrap().checkpoint();

        assert_eq!(management.prune_audit_log(&operator, middle).await.unwrap(), cut.entries);
        assert_eq!(management.prune_audit_log(&operator, middle).await.unwrap(), 0);
        assert_eq!(actions(&setting, &operator).await, ["session.begin", "audit.prune"]);
        for (since, bad) in
            [(None, None), (Some(&late), None), (Some(&cut.checkpoint()), None), (Some(&early), Some(2))]
        {
            let verdict = management.verify_audit_log(&operator, since).await.unwrap();
            assert_eq!(verdict.first_bad.as_ref().map(|bad| bad.0), bad, "{since:?}: {verdict:?}");
            assert_eq!(verdict.pruned_through, Some(cut.entries));
        }
        let verdict = management.verify_audit_log(&operator, Some(&early)).await.unwrap();
        assert!(verdict.first_bad.unwrap().1.contains("was pruned"));
    }
}

#[tokio::test]
async fn a_log_that_was_pruned_whole_goes_on_from_its_cut() {
    let setting = on_sqlite();
    let operator = setting.system();
    setting.operator().await;
    setting.clock.advance(DAY);
    let entries = setting.management.verify_audit_log(&operator, None).await.unwrap().entries;
    // Simulate a crash after the removal of the entries and before the record of it.
    assert_eq!(setting.management.prune_audit_log(&operator, setting.clock.now()).await.unwrap(), entries);
    let connection = rusqlite::Connection::open(setting.file.as_ref().unwrap()).unwrap();
    connection.execute("DELETE FROM desk_records WHERE kind = 'audit'", []).unwrap();
    assert_eq!(setting.management.verify_audit_log(&operator, None).await.unwrap().entries, entries);
    // This process knows an end of the log that is no longer there.
    setting.signed_in("operator@example.com").await;
    let verdict = setting.management.verify_audit_log(&operator, None).await.unwrap();
    assert_eq!((verdict.entries, verdict.first_bad), (entries + 1, None));
}

#[tokio::test]
async fn what_was_tampered_with_is_not_pruned() {
    let setting = on_sqlite();
    let operator = setting.system();
    setting.operator().await;
    setting.clock.advance(DAY);
    let connection = rusqlite::Connection::open(setting.file.as_ref().unwrap()).unwrap();
    let tampering = "UPDATE desk_records SET body = replace(body, 'session.begin', 'session.other') WHERE kind = 'audit' AND id = '2'";
    assert_eq!(connection.execute(tampering, []).unwrap(), 1);
    let refused = setting.management.prune_audit_log(&operator, setting.clock.now()).await.unwrap_err();
    assert!(refused.to_string().contains("entry 2"), "{refused}");
    let bad = setting.management.verify_audit_log(&operator, None).await.unwrap().first_bad.unwrap();
    assert_eq!(bad.0, 2);
}
