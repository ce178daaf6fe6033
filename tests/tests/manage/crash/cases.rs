use super::*;

pub(super) type Run = fn(Management, Arc<Prepared>) -> BoxFuture<'static, Result<(), ManagementError>>;

/// With its action in the audit log, and the answer of a second attempt after success.
#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) action: &'static str,
    pub(super) again: &'static str,
    pub(super) run: Run,
}

pub(super) const fn case(name: &'static str, action: &'static str, again: &'static str, run: Run) -> Case {
    Case { name, action, again, run }
}

pub(super) fn system() -> Actor {
    Actor::system("test", Context::new())
}

pub(super) async fn update_account(
    management: &Management,
    by: &Actor,
    id: &AccountId,
    update: AccountUpdate,
) -> Result<(), ManagementError> {
    // Suspending the other account has already set it to version 2.
    let version = if update.suspended == Some(false) { 2 } else { 1 };
    management.update_account(by, id, &update, version).await.map(drop)
}

pub(super) const CASES: &[Case] = &[
    case("create_key", "key.create", "done", |management, on| {
        async move { management.create_key(&on.ada, KeyDraft::secret(on.account.clone(), "new")).await.map(drop) }
            .boxed()
    }),
    case("rotate_key at once", "key.rotate", "KEY_ROTATED", |management, on| {
        async move { management.rotate_key(&on.ada, &on.active, Duration::ZERO).await.map(drop) }.boxed()
    }),
    case("rotate_key with an overlap", "key.rotate", "KEY_ROTATED", |management, on| {
        async move { management.rotate_key(&on.ada, &on.active, HOUR).await.map(drop) }.boxed()
    }),
    case("update_key", "key.update", "PRECONDITION_FAILED", |management, on| {
        async move {
            let change = KeyChange { name: Some("renamed".into()), ..KeyChange::default() };
            management.update_key(&on.ada, &on.active, change, 1).await.map(drop)
        }
        .boxed()
    }),
    case("revoke_key", "key.revoke", "done", |management, on| {
        async move { management.revoke_key(&on.ada, &on.active).await.map(drop) }.boxed()
    }),
    case("disable a key", "key.disable", "done", |management, on| {
        async move { management.set_key_disabled(&on.ada, &on.active, true).await.map(drop) }.boxed()
    }),
    case("enable a key", "key.enable", "done", |management, on| {
        async move { management.set_key_disabled(&on.ada, &on.disabled, false).await.map(drop) }.boxed()
    }),
    case("report_leak", "key.leaked", "done", |management, on| {
        async move {
            let token = on.plain.as_bytes();
            management.report_leak(&system(), token, "https://example.com/", LeakPolicy::Revoke).await.map(drop)
        }
        .boxed()
    }),
    case("report_leak, marking", "key.leaked", "done", |management, on| {
        async move {
            let token = on.plain.as_bytes();
            management
                .report_leak(&system(), token, "https://example.com/", LeakPolicy::MarkCompromised)
                .await
                .map(drop)
        }
        .boxed()
    }),
    case("create_account", "account.create", "done", |management, on| {
        async move { management.create_account(&on.ada, "New Ltd").await.map(drop) }.boxed()
    }),
    case("create_account by the program", "account.create", "done", |management, _| {
        async move { management.create_account(&system(), "New Ltd").await.map(drop) }.boxed()
    }),
    case("suspend", "account.update", "PRECONDITION_FAILED", |management, on| {
        async move {
            let update = AccountUpdate { suspended: Some(true), ..AccountUpdate::default() };
            update_account(&management, &on.operator, &on.account, update).await
        }
        .boxed()
    }),
    case("lift", "account.update", "PRECONDITION_FAILED", |management, on| {
        async move {
            let update = AccountUpdate { suspended: Some(false), ..AccountUpdate::default() };
            update_account(&management, &on.operator, &on.suspended, update).await
        }
        .boxed()
    }),
    case("rename an account", "account.update", "PRECONDITION_FAILED", |management, on| {
        async move {
            let update = AccountUpdate { name: Some("Renamed".into()), ..AccountUpdate::default() };
            update_account(&management, &on.ada, &on.account, update).await
        }
        .boxed()
    }),
    case("give a plan", "account.update", "PRECONDITION_FAILED", |management, on| {
        async move {
            let update = AccountUpdate { plan: Some(Some("Pro".into())), ..AccountUpdate::default() };
            update_account(&management, &on.operator, &on.account, update).await
        }
        .boxed()
    }),
    case("delete_account", "account.delete", "NOT_FOUND", |management, on| {
        async move { management.delete_account(&on.operator, &on.suspended, 2).await.map(drop) }.boxed()
    }),
    case("sign_up", "user.sign_up", "done", |management, _| {
        async move { management.sign_up(&Context::new(), NewUser::new("new@example.com", "New", PASSWORD)).await }
            .boxed()
    }),
    case("create_owner, the second", "user.create", "ALREADY_EXISTS", |management, on| {
        async move {
            management
                .create_owner(&on.operator, NewUser::new("second@example.com", "Second", PASSWORD))
                .await
                .map(drop)
        }
        .boxed()
    }),
    case("invite", "member.invite", "done", |management, on| {
        async move { management.invite(&on.ada, &on.account, "later@example.com", Role::Viewer).await.map(drop) }
            .boxed()
    }),
    case("withdraw_invitation", "member.withdraw_invitation", "NOT_FOUND", |management, on| {
        async move { management.withdraw_invitation(&on.ada, &on.account, &on.to_new.0).await }.boxed()
    }),
    case("accept_invitation", "member.accept", "LINK_ENDED", |management, on| {
        async move { management.accept_invitation(&Context::new(), &on.to_new.1, "New", PASSWORD).await }.boxed()
    }),
    case("join_by_link", "member.accept", "LINK_ENDED", |management, on| {
        async move { management.join_by_link(&on.eve, &on.to_eve).await.map(drop) }.boxed()
    }),
    case("update_member", "member.update", "PRECONDITION_FAILED", |management, on| {
        async move {
            management.update_member(&on.ada, &on.account, &on.grace.0, Role::Admin, on.grace_as_member).await.map(drop)
        }
        .boxed()
    }),
    case("remove_member", "member.remove", "NOT_FOUND", |management, on| {
        async move { management.remove_member(&on.ada, &on.account, &on.grace.0, on.grace_as_member).await }.boxed()
    }),
    case("create_password_reset", "user.create_password_reset", "done", |management, on| {
        async move { management.create_password_reset(&on.ada, &on.grace.0).await.map(drop) }.boxed()
    }),
    case("create_sign_in_link", "user.create_sign_in_link", "done", |management, on| {
        async move {
            let link = SignInLinkDraft::new(on.grace.0.as_str()).account(on.account.clone());
            management.create_sign_in_link(&on.operator, &link).await.map(drop)
        }
        .boxed()
    }),
    case("reset_password", "user.reset_password", "LINK_ENDED", |management, on| {
        async move { management.reset_password(&Context::new(), &on.reset, OTHER).await }.boxed()
    }),
    case("disable a user", "user.disable", "done", |management, on| {
        async move { management.set_user_disabled(&on.operator, &on.grace.0, true).await.map(drop) }.boxed()
    }),
    case("enable a user", "user.enable", "done", |management, on| {
        async move { management.set_user_disabled(&on.operator, &on.dora, false).await.map(drop) }.boxed()
    }),
    case("delete_user", "user.delete", "NOT_FOUND", |management, on| {
        async move { management.delete_user(&on.operator, &on.grace.0, on.grace.1).await }.boxed()
    }),
    case("sign_in", "session.begin", "done", |management, _| {
        async move { management.sign_in(&Context::new(), "ada@example.com", PASSWORD).await.map(drop) }.boxed()
    }),
    case("issue_tokens", "token.issue", "done", |management, _| {
        async move { management.issue_tokens(&Context::new(), "ada@example.com", PASSWORD).await.map(drop) }.boxed()
    }),
    case("refresh_tokens", "token.refresh", "SIGNED_OUT", |management, on| {
        async move { management.refresh_tokens(&Context::new(), &on.refresh).await.map(drop) }.boxed()
    }),
    case("put_plan, a new one", "plan.put", "ALREADY_EXISTS", |management, on| {
        async move { management.put_plan(&on.operator, Plan::new("Max"), None).await.map(drop) }.boxed()
    }),
    case("put_plan, one that is there", "plan.put", "PRECONDITION_FAILED", |management, on| {
        async move { management.put_plan(&on.operator, Plan::new("Pro").with_key_limit(12), Some(1)).await.map(drop) }
            .boxed()
    }),
    case("update_appearance", "settings.update", "PRECONDITION_FAILED", |management, on| {
        async move {
            let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01".to_vec();
            let update =
                AppearanceUpdate { name: Some(Some("Name".into())), logo: Some(Some(png)), ..Default::default() };
            management.update_appearance(&on.operator, update, 0).await.map(drop)
        }
        .boxed()
    }),
    case("flush_usage", "", "done", |management, on| {
        async move {
            let authenticator = management.authenticator().unwrap();
            // If the stores have failed already, there is nothing to count.
            let _ = verdict(&authenticator, &on.plain).await;
            management.flush_usage().await
        }
        .boxed()
    }),
];

pub(super) const FIRST: &[Case] = &[
    case("create_owner, the first", "user.create", "ALREADY_EXISTS", |management, _| {
        async move {
            management.create_owner(&system(), NewUser::new("first@example.com", "First", PASSWORD)).await.map(drop)
        }
        .boxed()
    }),
    case("invite_first_owner", "member.invite", "done", |management, _| {
        async move { management.invite_first_owner(&system(), "first@example.com").await.map(drop) }.boxed()
    }),
];
