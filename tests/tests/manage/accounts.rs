use keyward::manage::{AccountUpdate, Actor, ManagementError};
use keyward::sqlite::SqliteStore;
use keyward::{AccountRecord, Keys};

use crate::setting::{Setting, everywhere, on_sqlite};

fn rename(name: &str) -> AccountUpdate {
    AccountUpdate { name: Some(name.to_owned()), ..AccountUpdate::default() }
}

/// Each time with the next version, without reading it first.
async fn rename_often(setting: &Setting, actor: &Actor, account: &keyward::AccountId, from: u64) -> usize {
    let mut done = 0;
    for version in from..from + 6 {
        for _ in 0..4 {
            match setting.management.update_account(actor, account, &rename(&format!("name {version}")), version).await
            {
                Ok(_) => {
                    done += 1;
                    break;
                }
                Err(ManagementError::Stale) => tokio::task::yield_now().await,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rename_racing_an_operator_undoes_nothing() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        management.put_plan(&operator, keyward::manage::Plan::new("Free"), None).await.unwrap();
        let (customer, account) = setting.customer("ada@example.com").await;
        for n in 0..40 {
            let lift = AccountUpdate {
                suspended: Some(false),
                plan: Some(None),
                features: Some(Vec::new()),
                ..AccountUpdate::default()
            };
            let known = management.account(&operator, &account).await.unwrap();
            let known = management.update_account(&operator, &account, &lift, known.version).await.unwrap();
            let suspend = AccountUpdate {
                suspended: Some(true),
                plan: Some(Some("Free".into())),
                features: Some(vec!["exports".into()]),
                ..AccountUpdate::default()
            };
            let by_operator = async {
                loop {
                    let version = management.account(&operator, &account).await.unwrap().version;
                    match management.update_account(&operator, &account, &suspend, version).await {
                        Ok(_) => break,
                        Err(ManagementError::Stale) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            };
            let ((), renamed) = tokio::join!(by_operator, rename_often(&setting, &customer, &account, known.version));
            let now = management.account(&operator, &account).await.unwrap();
            assert!(now.suspended_at.is_some(), "try {n}, {renamed} renames: the suspension was undone");
            assert_eq!(now.plan.as_deref(), Some("Free"), "try {n}");
            assert_eq!(now.features, ["exports"], "try {n}");
        }
    }
}

#[tokio::test]
async fn change_beside_the_service_gets_a_version_and_is_kept() {
    let setting = on_sqlite();
    let management = &setting.management;
    let (customer, account) = setting.customer("ada@example.com").await;
    let before = management.account(&customer, &account).await.unwrap();
    // An operator suspends the account in the database, with the command line.
    let keys = Keys::new(SqliteStore::open(setting.file.as_ref().unwrap()).unwrap());
    let known = keys.get_account(&account).await.unwrap().unwrap();
    let suspended = AccountRecord { suspended_at: Some(before.created_at), ..known.clone() };
    keys.replace_account(&known, &suspended).await.unwrap();
    let stale = management.update_account(&customer, &account, &rename("New"), before.version).await;
    assert!(matches!(stale, Err(ManagementError::Stale)), "{stale:?}");
    let now = management.account(&customer, &account).await.unwrap();
    assert_eq!((now.version, now.suspended_at), (before.version + 1, suspended.suspended_at));
    let renamed = management.update_account(&customer, &account, &rename("New"), now.version).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.suspended_at), ("New", suspended.suspended_at));
}
