//! Attackers never gain more authority than they had or were given, in random sequences of management calls.

#![allow(clippy::unwrap_used, reason = "an unwrap is an assertion here")]

mod ability;
mod memory;
mod model;
mod plan;
mod provider;

use std::sync::Arc;

use keyward::MemoryStore;
use keyward::manage::{Management, PostgresManagementStore, SqliteManagementStore};
use keyward::sqlite::SqliteStore;
use keyward_needs::needs;

use memory::MemoryManagementStore;
use model::{Parts, run};
use plan::Plan;

fn runtime(is_paused: bool) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(is_paused).build().unwrap()
}

#[test]
fn no_sequence_of_calls_gives_attackers_more_in_memory() {
    Plan::of_environment(3_000).check(|beginning, commands| {
        // Time is paused, so that deliberate delays, such as the one of signing up, take no time.
        runtime(true).block_on(async {
            let records = Arc::new(MemoryManagementStore::default());
            let builder = Management::builder(MemoryStore::new(), Arc::clone(&records));
            run(Parts { builder, records, is_paused: true }, beginning, commands).await
        })
    });
}

#[test]
fn no_sequence_of_calls_gives_attackers_more_on_sqlite() {
    Plan::of_environment(1_500).on_slow_store().check(|beginning, commands| {
        let mut folder = tempfile::Builder::new();
        folder.prefix("keyward-authority-");
        // Use a folder in memory, where there is one.
        let folder = folder.tempdir_in("/dev/shm").or_else(|_| folder.tempdir()).unwrap();
        runtime(false).block_on(async {
            let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
            let records = SqliteManagementStore::open(&store).unwrap();
            let builder = Management::builder(store, records.clone());
            run(Parts { builder, records: Arc::new(records), is_paused: false }, beginning, commands).await
        })
    });
}

#[needs(postgresql)]
#[test]
fn no_sequence_of_calls_gives_attackers_more_on_postgresql() {
    Plan::of_environment(1_500).on_slow_store().check(|beginning, commands| {
        let url = keyward_tests::postgres::database();
        runtime(false).block_on(async {
            let store = keyward_tests::postgres::store(&url).await;
            let records = PostgresManagementStore::open(&store).await.unwrap();
            let builder = Management::builder(store, records.clone());
            run(Parts { builder, records: Arc::new(records), is_paused: false }, beginning, commands).await
        })
    });
}

#[test]
fn reset_by_an_admin_takes_the_proof_of_the_address_away() {
    use keyward::manage::{Actor, Context, ManagementError, Role};
    runtime(false).block_on(async {
        let builder = Management::builder(MemoryStore::new(), MemoryManagementStore::default());
        let management = builder.password_params(argon2::Params::new(8, 1, 1, None).unwrap()).build().unwrap();
        let (system, context) = (Actor::system("test", Context::new()), Context::new());
        let first = management.create_account(&system, "First").await.unwrap().value.id;
        let second = management.create_account(&system, "Second").await.unwrap().value.id;
        let (honest, wicked) = ("honest walnut gondola 71", "wicked walnut gondola 72");
        for (email, role, password) in
            [("eve@example.com", Role::Admin, wicked), ("hal@example.com", Role::Developer, honest)]
        {
            let invited = management.invite(&system, &first, email, role).await.unwrap();
            management.accept_invitation(&context, &invited.secret, "Person", password).await.unwrap();
        }
        let eve = management.sign_in(&context, "eve@example.com", wicked).await.unwrap();
        let eve = management.session(&eve.session, Context::new()).await.unwrap();
        let hal = management.sign_in(&context, "hal@example.com", honest).await.unwrap();
        let hal = management.session(&hal.session, Context::new()).await.unwrap().user().unwrap().clone();
        let link = management.create_password_reset(&eve, &hal).await.unwrap();
        management.reset_password(&context, &link.secret, wicked).await.unwrap();
        // Another account's owner invites the person who reads the mail, not the admin who chose the password.
        let invited = management.invite(&system, &second, "hal@example.com", Role::Owner).await.unwrap();
        let taken = management.sign_in(&context, "hal@example.com", wicked).await.unwrap();
        let taken = management.session(&taken.session, Context::new()).await.unwrap();
        assert!(management.own_invitations(&taken).await.unwrap().is_empty());
        let joined = management.join(&taken, &invited.invitation.id).await;
        assert!(matches!(joined, Err(ManagementError::NotFound(_))), "{joined:?}");
        assert_eq!(
            management.join_by_link(&taken, &invited.secret).await.unwrap(),
            second,
            "the link from the mail did not admit its reader"
        );
    });
}

#[test]
fn provider_ends_a_password_that_a_reset_link_gave() {
    use keyward::manage::{Actor, Context, DashboardSettings, ManagementError, Role, dashboard};
    runtime(false).block_on(async {
        let builder = Management::builder(MemoryStore::new(), MemoryManagementStore::default())
            .identity_provider(provider::client());
        let management = builder.password_params(argon2::Params::new(8, 1, 1, None).unwrap()).build().unwrap();
        let pages = dashboard(management.clone(), DashboardSettings::new("Test"));
        let (system, context) = (Actor::system("test", Context::new()), Context::new());
        let account = management.create_account(&system, "First").await.unwrap().value.id;
        let (honest, wicked) = ("honest walnut gondola 71", "wicked walnut gondola 72");
        for (email, role, password) in
            [("eve@example.com", Role::Admin, wicked), ("hal@example.com", Role::Developer, honest)]
        {
            let invited = management.invite(&system, &account, email, role).await.unwrap();
            management.accept_invitation(&context, &invited.secret, "Person", password).await.unwrap();
        }
        let hal = provider::Account { subject: "hal".to_owned(), email: "hal@example.com", is_verified: true };
        assert!(provider::sign_in(&pages, &hal).await.unwrap().is_some());
        management.sign_in(&context, "hal@example.com", honest).await.unwrap();
        let eve = management.sign_in(&context, "eve@example.com", wicked).await.unwrap();
        let eve = management.session(&eve.session, Context::new()).await.unwrap();
        let user = management.user_with_email(&system, "hal@example.com").await.unwrap().value.id;
        let link = management.create_password_reset(&eve, &user).await.unwrap();
        management.reset_password(&context, &link.secret, wicked).await.unwrap();
        let taken = management.sign_in(&context, "hal@example.com", wicked).await.unwrap().session;
        // The user signs in at the provider again and later gets rights elsewhere. The admin's password must give no
        // access to them.
        for is_verified in [false, true] {
            let hal = provider::Account { is_verified, ..hal.clone() };
            assert!(provider::sign_in(&pages, &hal).await.unwrap().is_some());
            assert!(matches!(management.session(&taken, Context::new()).await, Err(ManagementError::SignedOut)));
            let again = management.sign_in(&context, "hal@example.com", wicked).await;
            assert!(matches!(again, Err(ManagementError::WrongCredentials)), "{again:?}");
        }
    });
}

#[test]
fn provider_ends_a_second_factor_that_a_stranger_set_up() {
    use keyward::manage::{Context, DashboardSettings, NewUser, SignUpPolicy, dashboard};
    runtime(false).block_on(async {
        let (sender, mut mail) = tokio::sync::mpsc::unbounded_channel();
        let builder = Management::builder(MemoryStore::new(), MemoryManagementStore::default())
            .identity_provider(provider::client())
            .sign_up(SignUpPolicy::Open)
            .on_forgotten_password(move |link| sender.send(link).unwrap());
        let management = builder.password_params(argon2::Params::new(8, 1, 1, None).unwrap()).build().unwrap();
        let pages = dashboard(management.clone(), DashboardSettings::new("Test"));
        let (context, email) = (Context::new(), "hal@example.com");
        let (honest, wicked) = ("honest walnut gondola 71", "wicked walnut gondola 72");
        management.sign_up(&context, NewUser::new(email, "Stranger", wicked)).await.unwrap();
        let stranger = management.sign_in(&context, email, wicked).await.unwrap().session;
        let stranger = management.session(&stranger, Context::new()).await.unwrap();
        management.begin_second_factor(&stranger, wicked).await.unwrap();
        let shown = management.second_factor_set_up(&stranger, "Test").await.unwrap().unwrap();
        let secret = totp_rs::Secret::try_from_base32(&*shown.secret).unwrap();
        let app = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        management.confirm_second_factor(&stranger, &app.generate(now).to_string()).await.unwrap();
        let hal = provider::Account { subject: "hal".to_owned(), email, is_verified: true };
        let session = provider::sign_in(&pages, &hal).await.unwrap().unwrap();
        // The owner of the address later gets a password, too, and has never seen the stranger's app.
        management.forgot_password(&context, email).await.unwrap();
        let link = mail.recv().await.unwrap();
        management.reset_password(&context, &link.secret, honest).await.unwrap();
        management.sign_in(&context, email, honest).await.unwrap();
        assert!(management.session(&session, Context::new()).await.is_err());
    });
}
