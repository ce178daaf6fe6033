//! With a policy for the keys of users, a crash leaves no working key of a user who is gone.

use keyward::manage::UserKeyPolicy;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Way {
    Remove,
    Disable,
    Delete,
}

struct Team {
    file: PathBuf,
    _folder: tempfile::TempDir,
    operator: Actor,
    ada: Actor,
    account: AccountId,
    grace: UserId,
    of_account: CredentialId,
}

/// Grace has two keys, and the account has one.
async fn team() -> Team {
    let setting = on_sqlite();
    let management = &setting.management;
    let operator = setting.operator().await;
    let (ada, account) = setting.customer("ada@example.com").await;
    let grace = setting.member(&ada, &account, "grace@example.com", Role::Developer).await;
    for name in ["first", "second"] {
        let mut draft = KeyDraft::secret(account.clone(), name);
        draft.user = grace.user().cloned();
        management.create_key(&grace, draft).await.unwrap();
    }
    let of_account = management.create_key(&ada, KeyDraft::secret(account.clone(), "of the account")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prepared.db");
    let connection = rusqlite::Connection::open(setting.file.as_ref().unwrap()).unwrap();
    connection.execute("VACUUM INTO ?1", [file.to_str().unwrap()]).unwrap();
    let grace = grace.user().unwrap().clone();
    Team { file, _folder: folder, operator, ada, account, grace, of_account: of_account.view.id }
}

impl Team {
    async fn end(&self, management: &Management, way: Way) -> Result<(), ManagementError> {
        match way {
            Way::Remove => management.remove_member(&self.ada, &self.account, &self.grace, 1).await,
            Way::Disable => management.set_user_disabled(&self.operator, &self.grace, true).await.map(drop),
            Way::Delete => {
                let version = management.user(&self.operator, &self.grace).await?.version;
                management.delete_user(&self.operator, &self.grace, version).await
            }
        }
    }

    /// Returns whether Grace can act for the account, and how many of her keys work.
    async fn state(&self, management: &Management, at: &str) -> (bool, usize) {
        let members = management.members(&system(), &self.account, &everything()).await.unwrap().items;
        let may_act = members.iter().any(|member| member.user.id == self.grace && member.user.disabled_at.is_none());
        let keys = keys_of(management, &self.account).await;
        let is_active = |key: &&keyward::manage::KeyView| key.status == KeyStatus::Active;
        assert!(keys.iter().filter(is_active).any(|key| key.id == self.of_account), "{at}: the account's key");
        let works = keys.iter().filter(is_active).filter(|key| key.user.as_ref() == Some(&self.grace)).count();
        (may_act, works)
    }

    /// Returns the number of writes.
    async fn crash(&self, policy: UserKeyPolicy, way: Way, crash: Crash) -> usize {
        let at = format!("{policy} {way:?}, write {}, done: {}, outage: {}", crash.at, crash.is_done, crash.is_short);
        let (folder, clock, crash) = (tempfile::tempdir().unwrap(), clock(), Arc::new(crash));
        let file = folder.path().join("keys.db");
        std::fs::copy(&self.file, &file).unwrap();
        let open = |crash: Arc<Crash>| {
            let store = SqliteStore::open(&file).unwrap();
            let records = Crashing { inner: SqliteManagementStore::open(&store).unwrap(), crash: Arc::clone(&crash) };
            quick(Management::builder(Crashing { inner: store, crash }, records).user_keys(policy), &clock)
        };
        let said = code(self.end(&open(Arc::clone(&crash)), way).await);
        assert!(matches!(said, "done" | "SERVICE_UNAVAILABLE"), "{at}: {said}");
        clock.advance(Duration::from_secs(600));
        let restarted = open(Arc::default());
        restarted.maintain().await.unwrap();
        let (may_act, works) = self.state(&restarted, &at).await;
        assert!(may_act || works == 0, "{at}: {works} keys of a user who is gone work");
        assert!(said != "done" || !may_act, "{at}: the operation returned success but did not happen");
        let again = code(self.end(&restarted, way).await);
        assert!(matches!(again, "done" | "NOT_FOUND"), "{at}: repeated: {again}");
        assert_eq!(self.state(&restarted, &at).await, (false, 0), "{at}: repeated");
        let verdict = restarted.verify_audit_log(&system(), None).await.unwrap();
        assert_eq!(verdict.first_bad, None, "{at}");
        crash.writes.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_leaves_no_working_key_of_a_user_who_is_gone() {
    let team = team().await;
    let mut points = 0;
    for policy in [UserKeyPolicy::Disable, UserKeyPolicy::Revoke] {
        for way in [Way::Remove, Way::Disable, Way::Delete] {
            let writes = team.crash(policy, way, Crash::default()).await;
            assert!(writes > 2, "{policy} {way:?}: {writes} writes");
            for at in 1..=writes {
                for (is_done, is_short) in [(false, false), (true, false), (false, true), (true, true)] {
                    team.crash(policy, way, Crash { at, is_done, is_short, ..Crash::default() }).await;
                    points += 1;
                }
            }
        }
    }
    println!("{points} crash points");
}
